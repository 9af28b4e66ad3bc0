"""Many callers at once, over one instance and over two: sequences stay dense and nothing is counted twice."""

from __future__ import annotations

from asyncio import create_task, gather, sleep
from itertools import cycle

from notify_grpc.domain.models import Content, Device, DeviceType, UserKey
from notify_grpc.ports.store import Created, Store
from tests.conformance.store.making import (
    ALICE,
    BOB,
    EMAIL,
    T0,
    inbox_of,
    notice,
    send,
    send_many,
    whole_changes,
    whole_inbox,
)

CAROL = UserKey("acme", "carol")


async def assert_sound(store: Store, user: UserKey) -> None:
    """Positions dense, changes distinct and within the counter, unread equal to the count."""
    rows, inbox = await whole_inbox(store, user), await inbox_of(store, user)
    assert [row.position for row in rows] == list(range(len(rows), 0, -1))
    changes = await whole_changes(store, user)
    seqs = [row.change_seq for row in changes]
    assert seqs == sorted(set(seqs))
    assert {row.id for row in changes} == {row.id for row in rows}
    unread = sum(not row.read_at_ms for row in rows)
    reads = len(rows) - unread
    assert inbox == (inbox.epoch, len(rows), len(rows) + reads, 0, unread)


class Concurrency:
    async def test_distinct_keys_take_one_place_each(self, store: Store, other: Store) -> None:
        answers = await gather(
            *(send(instance, ALICE, f"n-{number}") for number, instance in zip(range(40), cycle([store, other])))
        )
        assert sorted(answer.position for answer in answers) == list(range(1, 41))
        assert sorted(answer.change_seq for answer in answers) == list(range(1, 41))
        assert {answer.unread == answer.position for answer in answers} == {True}
        await assert_sound(store, ALICE)

    async def test_the_same_key_is_created_once(self, store: Store, other: Store) -> None:
        answers = await gather(
            *(send(instance, ALICE, "same", EMAIL) for _, instance in zip(range(40), cycle([store, other])))
        )
        assert sum(not answer.duplicate for answer in answers) == 1
        [id] = {answer.id for answer in answers}
        assert len((await store.list_deliveries_of([id]))[id]) == 1
        await assert_sound(store, ALICE)

    async def test_the_same_key_with_other_content_is_a_mismatch_for_all_but_the_first(self, store: Store) -> None:
        from_all = [notice(ALICE, content=Content(f"title {n}")) for n in range(20)]
        answers: list[Created] = [answer for [answer] in await gather(*map(store.create, from_all))]
        first = [answer for answer in answers if not answer.duplicate]
        assert len(first) == 1
        assert sum(answer.content_mismatch for answer in answers) == 19
        [row] = await whole_inbox(store, ALICE)
        assert row.content.title == f"title {answers.index(first[0])}"

    async def test_overlapping_recipients_in_opposite_order_do_not_deadlock(self, store: Store, other: Store) -> None:
        users = [UserKey("acme", f"user-{number:02}") for number in range(20)]
        calls = [
            instance.create(notice(*users[:: (-1) ** number], key=f"n-{number}"))
            for number, instance in zip(range(20), cycle([store, store, other, other]))
        ]
        answers = await gather(*calls)
        assert not any(answer.duplicate for call in answers for answer in call)
        for user in users:
            await assert_sound(store, user)

    async def test_one_key_to_overlapping_recipients_reaches_each_once(self, store: Store, other: Store) -> None:
        groups = [(ALICE, BOB), (BOB, CAROL), (CAROL, ALICE)] * 4
        answers = await gather(
            *(instance.create(notice(*users)) for users, instance in zip(groups, cycle([store, other])))
        )
        created = sorted(answer.user_id for call in answers for answer in call if not answer.duplicate)
        assert created == ["alice", "bob", "carol"]
        for user in (ALICE, BOB, CAROL):
            await assert_sound(store, user)

    async def test_reading_one_row_at_once_changes_it_once(self, store: Store, other: Store) -> None:
        created = await send(store, ALICE)
        marks = await gather(
            *(
                instance.mark_read(ALICE, created.id, T0 + number)
                for number, instance in zip(range(20), cycle([store, other]))
            )
        )
        assert sum(marked.changed for marked in marks) == 1
        [winner] = [marked.notification for marked in marks if marked.changed]
        assert {marked.notification.read_at_ms for marked in marks} == {winner.read_at_ms}
        await assert_sound(store, ALICE)

    async def test_a_cancelled_call_is_wholly_done_or_not_at_all(self, store: Store) -> None:
        calls = [notice(ALICE, BOB, key=f"n-{number}", targets=[EMAIL]) for number in range(20)]
        tasks = [create_task(store.create(call)) for call in calls]
        for task in tasks[::2]:
            await sleep(0)
            task.cancel()
        ended = await gather(*tasks, return_exceptions=True)
        assert not any(isinstance(end, BaseException) for end in ended[1::2])
        for alices, bobs in await gather(*map(store.create, calls)):
            assert alices.duplicate == bobs.duplicate
        for user in (ALICE, BOB):
            await assert_sound(store, user)
            rows = await whole_inbox(store, user)
            assert len(rows) == 20
            deliveries = await store.list_deliveries_of([row.id for row in rows])
            assert [len(deliveries[row.id]) for row in rows] == [1] * 20

    async def test_every_kind_of_write_at_once_keeps_the_counters_true(self, store: Store, other: Store) -> None:
        created = await send_many(store, ALICE, 20)
        await gather(
            *(send(other, ALICE, f"late-{number}") for number in range(10)),
            *(store.mark_read(ALICE, row.id, T0 + 1) for row in created[::2]),
            *(other.mark_read(ALICE, row.id, T0 + 1) for row in created[::3]),
            store.mark_delivered([(ALICE, row.id) for row in created], T0 + 1),
            other.mark_all_read(ALICE, T0 + 2, limit=7),
            store.mark_all_read(ALICE, T0 + 2, limit=7),
            *(send(store, BOB, f"bob-{number}") for number in range(5)),
        )
        await assert_sound(store, ALICE)
        await assert_sound(store, BOB)

    async def test_a_reader_that_follows_the_changes_meets_no_hole(self, store: Store, other: Store) -> None:
        async def write(instance: Store, writer: int) -> None:
            for number in range(15):
                created = await send(instance, ALICE, f"{writer}-{number}")
                if number % 3 == 0:
                    await instance.mark_read(ALICE, created.id, T0 + 1)

        writing = gather(*(write(instance, writer) for writer, instance in enumerate([store, other, store, other])))
        seen: set[str] = set()
        since = 0
        while True:
            all_written = writing.done()
            rows = (await store.list_changes(ALICE, since=since, limit=5)).notifications
            if all_written and not rows:
                break
            for row in rows:
                seen.add(row.notification_id)
                since = row.change_seq
            await sleep(0)  # a turn for the writers, should the driver never have waited
        await writing
        assert len(seen) == 60
        await assert_sound(store, ALICE)

    async def test_one_device_registered_at_once_is_one_device(self, store: Store, other: Store) -> None:
        await gather(
            *(
                instance.upsert_device(ALICE, Device(DeviceType.IOS, "phone", f"token-{number}"), T0)
                for number, instance in zip(range(20), cycle([store, other]))
            )
        )
        [device] = (await store.list_devices("acme", ["alice"]))["alice"]
        assert device.token.startswith("token-")

    async def test_one_token_registered_by_many_at_once_has_one_owner(self, store: Store, other: Store) -> None:
        names = [f"user-{number}" for number in range(20)]
        await gather(
            *(
                instance.upsert_device(UserKey("acme", name), Device(DeviceType.IOS, name, "token"), T0)
                for name, instance in zip(names, cycle([store, other]))
            )
        )
        assert len(await store.list_devices("acme", names)) == 1

    async def test_a_write_is_read_by_the_other_instance_at_once(self, store: Store, other: Store) -> None:
        for number in range(1, 6):
            created = await send(store, ALICE, f"n-{number}")
            assert (await other.get_notification(ALICE, created.id)).position == number
            assert (await other.list_notifications(ALICE, before=None, limit=1)).notifications[0].id == created.id
            assert (await inbox_of(other, ALICE)).unread == number
        await other.mark_all_read(ALICE, T0 + 1, limit=10)
        assert (await inbox_of(store, ALICE)).unread == 0
        await store.upsert_device(ALICE, Device(DeviceType.IOS, "phone", "token"), T0)
        assert "alice" in await other.list_devices("acme", ["alice"])
