"""list_changes: what a stream resumes from. A cursor is never answered with a hole that cannot be seen."""

from __future__ import annotations

from notify_grpc.domain.models import EMPTY_INBOX
from notify_grpc.ports.store import Store
from tests.conformance.store.making import ALICE, BOB, T0, inbox_of, keys, notice, send, send_many, whole_changes


class ChangesSince:
    async def test_changes_since_a_cursor_are_only_the_later_ones(self, store: Store) -> None:
        await send_many(store, ALICE, 4)
        inbox, rows, more = await store.list_changes(ALICE, since=2, limit=10)
        assert keys(rows) == ["n-3", "n-4"]
        assert (inbox, more) == (await inbox_of(store, ALICE), False)
        assert (await store.list_changes(ALICE, since=4, limit=10)).notifications == []

    async def test_a_changed_row_comes_once_in_its_latest_state(self, store: Store) -> None:
        created = await send_many(store, ALICE, 3)
        await store.mark_read(ALICE, created[0].id, T0 + 5)
        rows = (await store.list_changes(ALICE, since=0, limit=10)).notifications
        assert [(row.notification_id, row.change_seq) for row in rows] == [("n-2", 2), ("n-3", 3), ("n-1", 4)]
        assert rows[-1].read_at_ms == T0 + 5

    async def test_changes_page_by_the_last_seq_seen(self, store: Store) -> None:
        await send_many(store, ALICE, 5)
        seen: list[str] = []
        more_flags = []
        since = 0
        for _ in range(3):
            _, rows, more = await store.list_changes(ALICE, since=since, limit=2)
            seen += keys(rows)
            more_flags.append(more)
            since = rows[-1].change_seq
        assert seen == ["n-1", "n-2", "n-3", "n-4", "n-5"]
        assert more_flags == [True, True, False]

    async def test_a_full_last_page_says_there_is_no_more(self, store: Store) -> None:
        await send_many(store, ALICE, 4)
        assert not (await store.list_changes(ALICE, since=0, limit=4)).more
        assert (await store.list_changes(ALICE, since=0, limit=3)).more

    async def test_delivered_is_seen_in_the_row_but_is_no_change(self, store: Store) -> None:
        created = await send(store, ALICE)
        await store.mark_delivered([(ALICE, created.id)], T0 + 3)
        assert (await store.list_changes(ALICE, since=1, limit=10)).notifications == []
        [row] = await whole_changes(store, ALICE)
        assert row.delivered_at_ms == T0 + 3

    async def test_a_cursor_from_the_future_can_be_told(self, store: Store) -> None:
        await send(store, ALICE)
        inbox, rows, more = await store.list_changes(ALICE, since=99, limit=10)
        assert (rows, more) == ([], False)
        assert inbox.last_seq == 1

    async def test_a_cursor_older_than_what_was_pruned_can_be_told(self, store: Store) -> None:
        for number in range(1, 5):
            await store.create(notice(ALICE, key=f"n-{number}", at_ms=T0 + number))
        assert await store.prune(T0 + 3, limit=10) == 2
        inbox, rows, _ = await store.list_changes(ALICE, since=0, limit=10)
        assert keys(rows) == ["n-3", "n-4"]
        assert (inbox.pruned_seq, inbox.last_position, inbox.last_seq) == (2, 4, 4)

    async def test_a_cursor_of_an_erased_inbox_can_be_told(self, store: Store) -> None:
        first = await send(store, ALICE)
        await store.erase_user(ALICE)
        assert (await store.list_changes(ALICE, since=0, limit=10)).inbox == EMPTY_INBOX
        second = await send(store, ALICE)
        assert second.epoch not in (first.epoch, 0)
        assert (second.position, second.change_seq, second.unread) == (1, 1, 1)

    async def test_epochs_of_two_users_differ(self, store: Store) -> None:
        answers = await store.create(notice(ALICE, BOB))
        assert len({answer.epoch for answer in answers}) == 2

    async def test_counters_of_many_users_at_once(self, store: Store) -> None:
        await send_many(store, ALICE, 2)
        await send(store, BOB)
        nobody = ALICE._replace(user_id="nobody")
        inboxes = await store.get_inboxes([BOB, nobody, ALICE])
        assert {user: inbox.last_seq for user, inbox in inboxes.items()} == {ALICE: 2, BOB: 1}
        assert await store.get_inboxes([]) == {}
