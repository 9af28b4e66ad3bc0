"""Several notices in one statement, and a statement that finds out late that it came second."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg

from notify_grpc.domain.models import Content, UserKey
from notify_grpc.stores.postgres import PostgresStore
from notify_grpc.stores.postgres.rows import call_key
from tests.postgres.conftest import HELLO, notice
from tests.support.waiting import eventually

Admin = psycopg.AsyncConnection[Any]
ALICE = UserKey("acme", "alice")
OTHER = Content("Other")
_BLOCKED = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'notify-grpc' AND wait_event_type = 'Lock'"
_CREATED_MEANWHILE = """
INSERT INTO notify_notifications
    (id, call_key, content_hash, inbox_id, position, change_seq, created_at_ms, user_id, channels)
SELECT '01900000-0000-7000-8000-000000000001', %(call)s, %(hash)s, i.id, 2, 2, 1, 'alice', 'i' FROM notify_inboxes i
"""


async def test_a_user_of_several_notices_gets_numbers_in_their_order(store: PostgresStore) -> None:
    await store.create(notice("n-0"))
    answers = await store._create(
        [notice("n-1", "bob", "alice"), notice("n-2", "alice"), notice("n-3", "alice", "bob")]
    )
    found = [[(one.user_id, one.position, one.change_seq, one.unread) for one in answer] for answer in answers]
    assert found == [
        [("bob", 1, 1, 1), ("alice", 2, 2, 2)],
        [("alice", 3, 3, 3)],
        [("alice", 4, 4, 4), ("bob", 2, 2, 2)],
    ]
    assert (await store.get_inboxes([ALICE]))[ALICE][1:] == (4, 4, 0, 4)


async def test_a_repeat_beside_what_is_new_takes_no_number(store: PostgresStore) -> None:
    [first] = await store.create(notice("n-1"))
    [[repeat], [new]] = await store._create([notice("n-1", content=OTHER), notice("n-2")])
    assert (repeat.id, repeat.duplicate, repeat.content_mismatch) == (first.id, True, True)
    assert (new.duplicate, new.position, new.unread) == (False, 2, 2)


async def test_of_the_same_key_twice_in_a_group_the_first_is_created(store: PostgresStore) -> None:
    group = [notice("n-1"), notice("n-1"), notice("n-1", content=OTHER)]
    answers = [answer for [answer] in await store._create(group)]
    assert [(one.duplicate, one.content_mismatch) for one in answers] == [(False, False), (True, False), (True, True)]
    assert len({one.id for one in answers}) == 1
    assert (await store.get_notification(ALICE, answers[0].id)).content == HELLO


async def test_who_comes_second_to_a_key_finds_the_first(store: PostgresStore, admin: Admin) -> None:
    await store.create(notice("n-1"))
    params = {"call": call_key("acme", "n-2"), "hash": HELLO.digest().hex()}
    async with admin.transaction():
        await admin.execute("SELECT FROM notify_inboxes FOR UPDATE")
        creating = asyncio.create_task(store.create(notice("n-2")))
        async with await psycopg.AsyncConnection.connect(admin.info.dsn, autocommit=True) as observer:

            async def blocked() -> object:
                return await (await observer.execute(_BLOCKED)).fetchone()

            await eventually(blocked)
        await admin.execute(_CREATED_MEANWHILE, params)
        await admin.execute("UPDATE notify_inboxes SET last_position = 2, last_seq = 2, unread = 2")
    [second] = await creating
    assert (second.id, second.duplicate, second.content_mismatch) == (
        "01900000-0000-7000-8000-000000000001",
        True,
        False,
    )
    assert (await store.get_inboxes([ALICE]))[ALICE][1:] == (2, 2, 0, 2)
