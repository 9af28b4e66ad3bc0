"""create and get_notification: what comes back, and that a repeat changes nothing."""

from __future__ import annotations

import pytest

from notify_grpc.domain.errors import NotFound
from notify_grpc.domain.ids import is_id
from notify_grpc.domain.models import EMPTY_INBOX, Channel, Content, Notification, Status
from notify_grpc.ports.store import Store
from tests.conformance.store.making import ALICE, BOB, EMAIL, NAMESAKE, T0, inbox_of, notice, send, whole_inbox

CONTENT = Content("Invoice", "Due on Friday", "invoice/7", "invoice", {"amount": "12.50", "": ""})
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Creating:
    async def test_a_created_notification_reads_back_whole(self, store: Store) -> None:
        [created] = await store.create(
            notice(ALICE, content=CONTENT, targets=[EMAIL], expires_at_ms=T0 + 60_000, traceparent=TRACE)
        )
        assert await store.get_notification(ALICE, created.id) == Notification(
            id=created.id,
            tenant_id="acme",
            user_id="alice",
            notification_id="n-1",
            content=CONTENT,
            channels=(Channel.IN_APP, Channel.EMAIL),
            status=Status.PENDING,
            position=1,
            change_seq=1,
            created_at_ms=T0,
            expires_at_ms=T0 + 60_000,
            traceparent=TRACE,
        )

    async def test_create_answers_with_the_place_in_the_inbox(self, store: Store) -> None:
        await send(store, ALICE, "n-1")
        second = await send(store, ALICE, "n-2")
        inbox = await inbox_of(store, ALICE)
        assert is_id(second.id)
        assert (second.user_id, second.duplicate, second.content_mismatch) == ("alice", False, False)
        assert (second.position, second.change_seq, second.unread) == (2, 2, 2)
        assert second.epoch == inbox.epoch != 0
        assert inbox[1:] == (2, 2, 0, 2)

    async def test_answers_come_in_the_order_of_recipients(self, store: Store) -> None:
        answers = await store.create(notice(BOB, ALICE, BOB._replace(user_id="aaron")))
        assert [answer.user_id for answer in answers] == ["bob", "alice", "aaron"]
        assert len({answer.id for answer in answers}) == 3

    async def test_each_user_counts_from_one(self, store: Store) -> None:
        await send(store, ALICE, "n-1")
        answers = await store.create(notice(ALICE, BOB, key="n-2"))
        assert [(answer.position, answer.unread) for answer in answers] == [(2, 2), (1, 1)]

    async def test_an_unknown_id_is_not_found(self, store: Store) -> None:
        await send(store, ALICE)
        for unknown in ("", "n-1", "01900000-0000-7000-8000-000000000000", "'; DROP TABLE x; --", "é" * 300):
            with pytest.raises(NotFound):
                await store.get_notification(ALICE, unknown)

    async def test_a_fresh_tenant_reads_empty(self, store: Store) -> None:
        assert await store.list_notifications(ALICE, before=None, limit=20) == ([], None, 0)
        assert await store.get_inboxes([ALICE]) == {}
        assert await store.list_changes(ALICE, since=0, limit=20) == (EMPTY_INBOX, [], False)
        assert await store.list_recipients("acme", "n-1", limit=20) == []
        assert await store.list_devices("acme", ["alice"]) == {}

    async def test_a_repeat_creates_nothing_and_says_so(self, store: Store) -> None:
        first = await send(store, ALICE)
        before = await inbox_of(store, ALICE)
        repeat = await send(store, ALICE)
        assert (repeat.user_id, repeat.id, repeat.duplicate) == ("alice", first.id, True)
        assert not repeat.content_mismatch
        assert await inbox_of(store, ALICE) == before
        assert len(await whole_inbox(store, ALICE)) == 1

    async def test_a_repeat_with_other_content_keeps_the_first_and_reports_the_mismatch(self, store: Store) -> None:
        await store.create(notice(ALICE, content=CONTENT))
        others = [
            Content("Invoice!", CONTENT.body, CONTENT.subject_ref, CONTENT.subject_type, CONTENT.data),
            Content(CONTENT.title, CONTENT.body, CONTENT.subject_ref, CONTENT.subject_type, {"amount": "99"}),
            Content(CONTENT.title + CONTENT.body, "", CONTENT.subject_ref, CONTENT.subject_type, CONTENT.data),
        ]
        for other in others:
            [repeat] = await store.create(notice(ALICE, content=other))
            assert repeat.duplicate
            assert repeat.content_mismatch
        [row] = await whole_inbox(store, ALICE)
        assert row.content == CONTENT

    async def test_a_repeat_adds_no_deliveries(self, store: Store) -> None:
        first = await send(store, ALICE)
        repeat = await send(store, ALICE, "n-1", EMAIL)
        assert repeat.duplicate
        assert repeat.deliveries == ()
        assert await store.list_deliveries_of([first.id]) == {}

    async def test_a_repeat_to_more_users_completes_the_call(self, store: Store) -> None:
        await store.create(notice(ALICE))
        answers = await store.create(notice(ALICE, BOB))
        assert [answer.duplicate for answer in answers] == [True, False]
        assert len(await whole_inbox(store, BOB)) == 1

    async def test_the_same_key_is_another_notification_for_another_user_or_tenant(self, store: Store) -> None:
        answers = [await send(store, user) for user in (ALICE, BOB, NAMESAKE)]
        assert [answer.duplicate for answer in answers] == [False] * 3
        assert len({answer.id for answer in answers}) == 3

    async def test_a_call_with_many_recipients_creates_every_row_once(self, store: Store) -> None:
        users = [ALICE._replace(user_id=f"user-{number:04}") for number in range(1_500)]
        answers = await store.create(notice(*users))
        assert [answer.user_id for answer in answers] == [user.user_id for user in users]
        assert {(answer.position, answer.unread, answer.duplicate) for answer in answers} == {(1, 1, False)}
        again = await store.create(notice(*users))
        assert [answer.id for answer in again] == [answer.id for answer in answers]
        assert all(answer.duplicate for answer in again)

    async def test_many_notices_are_stored_together_and_answered_in_order(self, store: Store) -> None:
        first, repeat, other = await store.create_many([notice(ALICE), notice(ALICE), notice(BOB)])

        assert isinstance(first, list)
        assert isinstance(repeat, list)
        assert isinstance(other, list)
        assert sorted([first[0].duplicate, repeat[0].duplicate]) == [False, True]
        assert first[0].id == repeat[0].id
        assert (other[0].user_id, other[0].position, other[0].duplicate) == ("bob", 1, False)
        assert await store.create_many([]) == []
