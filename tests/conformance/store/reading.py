"""mark_read, mark_all_read, mark_delivered: a status only rises, and the counters follow it."""

from __future__ import annotations

import pytest

from notify_grpc.domain.errors import NotFound
from notify_grpc.domain.models import EMPTY_INBOX, Status
from notify_grpc.ports.store import Store
from tests.conformance.store.making import ALICE, BOB, T0, inbox_of, keys, send, send_many, whole_changes, whole_inbox


class Reading:
    async def test_mark_read_sets_status_and_times_and_takes_the_next_change(self, store: Store) -> None:
        created = await send(store, ALICE)
        marked = await store.mark_read(ALICE, created.id, T0 + 5)
        row = marked.notification
        assert marked.changed
        assert (row.status, row.read_at_ms, row.ack_at_ms, row.change_seq) == (Status.READ, T0 + 5, T0 + 5, 2)
        assert marked.inbox == await inbox_of(store, ALICE)
        assert marked.inbox[1:] == (1, 2, 0, 0)
        assert await store.get_notification(ALICE, created.id) == row

    async def test_marking_read_again_keeps_the_first_time_and_writes_nothing(self, store: Store) -> None:
        created = await send(store, ALICE)
        first = await store.mark_read(ALICE, created.id, T0 + 5)
        again = await store.mark_read(ALICE, created.id, T0 + 9)
        assert not again.changed
        assert (again.notification, again.inbox) == (first.notification, first.inbox)

    async def test_a_row_keeps_its_place_when_it_is_read(self, store: Store) -> None:
        created = await send_many(store, ALICE, 3)
        await store.mark_read(ALICE, created[0].id, T0 + 5)
        assert keys(await whole_inbox(store, ALICE)) == ["n-3", "n-2", "n-1"]

    async def test_marking_an_unknown_row_read_is_not_found(self, store: Store) -> None:
        await send(store, ALICE)
        for unknown in ("", "n-1", "01900000-0000-7000-8000-000000000000"):
            with pytest.raises(NotFound):
                await store.mark_read(ALICE, unknown, T0)

    async def test_delivered_comes_before_read_and_takes_no_change(self, store: Store) -> None:
        created = await send(store, ALICE)
        before = await inbox_of(store, ALICE)
        assert await store.mark_delivered([(ALICE, created.id)], T0 + 3) == 1
        row = await store.get_notification(ALICE, created.id)
        assert (row.status, row.delivered_at_ms, row.change_seq) == (Status.DELIVERED, T0 + 3, 1)
        assert await inbox_of(store, ALICE) == before
        assert (await store.mark_read(ALICE, created.id, T0 + 5)).notification.delivered_at_ms == T0 + 3

    async def test_delivered_is_said_once(self, store: Store) -> None:
        created = await send(store, ALICE)
        assert await store.mark_delivered([(ALICE, created.id), (ALICE, created.id)], T0 + 3) == 1
        assert await store.mark_delivered([(ALICE, created.id)], T0 + 9) == 0
        assert (await store.get_notification(ALICE, created.id)).delivered_at_ms == T0 + 3

    async def test_a_read_row_does_not_go_back_to_delivered(self, store: Store) -> None:
        created = await send(store, ALICE)
        read = (await store.mark_read(ALICE, created.id, T0 + 5)).notification
        assert await store.mark_delivered([(ALICE, created.id)], T0 + 9) == 0
        assert await store.get_notification(ALICE, created.id) == read

    async def test_mark_delivered_takes_many_users_and_passes_over_what_is_not_there(self, store: Store) -> None:
        mine, yours = await send(store, ALICE), await send(store, BOB)
        absent = "01900000-0000-7000-8000-000000000000"
        items = [(ALICE, mine.id), (ALICE, yours.id), (BOB, yours.id), (BOB, absent)]
        assert await store.mark_delivered(items, T0 + 3) == 2
        assert await store.mark_delivered([], T0 + 3) == 0

    async def test_mark_all_read_goes_in_batches_oldest_first(self, store: Store) -> None:
        created = await send_many(store, ALICE, 5)
        await store.mark_read(ALICE, created[1].id, T0 + 1)
        marked, inbox = await store.mark_all_read(ALICE, T0 + 2, limit=3)
        assert (marked, inbox) == (3, await inbox_of(store, ALICE))
        assert inbox.unread == 1
        assert keys(await whole_inbox(store, ALICE, unread_only=True)) == ["n-5"]
        assert (await store.mark_all_read(ALICE, T0 + 3, limit=3))[0] == 1
        marked, inbox = await store.mark_all_read(ALICE, T0 + 4, limit=3)
        assert (marked, inbox.unread) == (0, 0)

    async def test_mark_all_read_gives_each_row_a_change_of_its_own_in_order(self, store: Store) -> None:
        await send_many(store, ALICE, 4)
        await store.mark_all_read(ALICE, T0 + 2, limit=100)
        changed = await whole_changes(store, ALICE)
        assert [(row.notification_id, row.change_seq) for row in changed] == [
            ("n-1", 5),
            ("n-2", 6),
            ("n-3", 7),
            ("n-4", 8),
        ]
        assert {(row.status, row.read_at_ms, row.ack_at_ms) for row in changed} == {(Status.READ, T0 + 2, T0 + 2)}
        assert (await inbox_of(store, ALICE))[1:] == (4, 8, 0, 0)

    async def test_mark_all_read_of_a_user_who_never_got_anything(self, store: Store) -> None:
        assert await store.mark_all_read(ALICE, T0, limit=10) == (0, EMPTY_INBOX)
