"""Removal beside writers: what is used again stays, and blocked rows do not hold up others."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg

from notify_grpc.domain.deliveries import Target
from notify_grpc.domain.models import Channel, Content, UserKey
from notify_grpc.ports.store import Notice, Recipient
from notify_grpc.stores.postgres import PostgresStore, retention
from notify_grpc.stores.postgres.rows import lock_of
from tests.postgres.conftest import notice
from tests.support.waiting import eventually

Admin = psycopg.AsyncConnection[Any]
CONTENT = Content("Hello", "world")
FAR = 1_900_000_000_000


async def count(admin: Admin, table: str) -> int:
    rows = await (await admin.execute(f"SELECT count(*) FROM notify_{table}".encode())).fetchall()
    return int(rows[0][0])


async def test_content_goes_with_its_last_notification(store: PostgresStore, admin: Admin) -> None:
    await store.create(notice("n-1", "alice", "bob"))
    await store.create(notice("n-2", "alice"))
    await store.erase_user(UserKey("acme", "alice"))
    assert await count(admin, "contents") == 1
    assert await store.prune(FAR, limit=10) == 1
    assert await count(admin, "contents") == 0


async def test_content_about_to_be_used_again_is_not_removed(store: PostgresStore, admin: Admin) -> None:
    """A creator who found the content in place holds its lock; the last notification of before goes meanwhile."""
    await store.create(notice("n-1", "alice", "bob", content=CONTENT))
    async with admin.transaction():
        await admin.execute("SELECT pg_advisory_xact_lock_shared(%s)", [lock_of(CONTENT.digest().hex())])
        pruning = asyncio.create_task(store.prune(FAR, limit=10))
        async with await psycopg.AsyncConnection.connect(admin.info.dsn, autocommit=True) as observer:
            waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

            async def blocked() -> object:
                return await (await observer.execute(waiting)).fetchone()

            await eventually(blocked)
        await admin.execute(
            "INSERT INTO notify_notifications "
            "(id, call_key, content_hash, inbox_id, position, change_seq, created_at_ms, user_id, channels) "
            "SELECT gen_random_uuid(), c.call_key, c.content_hash, i.id, 2, 2, 1, 'carol', 'i' "
            "FROM notify_contents c, notify_inboxes i LIMIT 1"
        )
    assert await pruning == 2
    assert await count(admin, "contents") == 1


async def test_a_repeat_with_other_content_leaves_no_content_behind(store: PostgresStore, admin: Admin) -> None:
    await store.create(notice("n-1", "alice", "bob", content=CONTENT))
    await store.create(notice("n-1", "alice", "bob", content=Content("Other")))
    assert await count(admin, "contents") == 1


async def test_what_is_said_to_one_user_is_in_the_row_alone(store: PostgresStore, admin: Admin) -> None:
    await store.create(notice(content=CONTENT))
    assert await count(admin, "contents") == 0
    await store.create(notice("n-1", "alice", "bob", content=CONTENT))
    await store.create(notice("n-1", "carol", content=CONTENT))
    assert await count(admin, "contents") == 1
    said = await store.list_recipients("acme", "n-1", limit=10)
    assert [(one.notification_id, one.content) for one in said] == [("n-1", CONTENT)] * 3
    assert await store.prune(FAR, limit=10) == 3
    assert await count(admin, "contents") == 0


async def test_what_is_still_to_be_sent_does_not_hold_up_what_is_not(store: PostgresStore, monkeypatch: Any) -> None:
    monkeypatch.setattr(retention, "_BATCH", 2)
    target = (Target(Channel.EMAIL, "alice@acme.test"),)
    for number in range(5):
        await store.create(
            Notice(
                "acme", f"open-{number}", CONTENT, (Channel.EMAIL,), (Recipient("alice", target),), 1_750_000_000_000
            )
        )
    for number in range(5):
        await store.create(notice(f"done-{number}", at_ms=1_750_000_001_000))
    assert await store.prune(FAR, limit=4) == 4
    assert await store.prune(FAR, limit=4) == 1
    assert await store.prune(FAR, limit=4) == 0
    page = await store.list_notifications(UserKey("acme", "alice"), before=None, limit=10)
    assert {row.notification_id for row in page.notifications} == {f"open-{number}" for number in range(5)}
