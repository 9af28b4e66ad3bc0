"""Removal leaves no row behind that nothing refers to, whatever the batches."""

from __future__ import annotations

import asyncio
import sqlite3

from notify_grpc.domain.deliveries import DeliveryState, Lease, Outcome
from notify_grpc.domain.models import Content
from notify_grpc.stores.sqlite import SqliteStore
from tests.conformance.store.making import ALICE, BOB, EMAIL, NAMESAKE, SMS, T0, inbox_of, notice

MORE_THAN_A_BATCH = 620


def count(db: sqlite3.Connection, table: str) -> int:
    [(rows,)] = db.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(rows)


def refs(db: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """Of each content: its title, what it counts, and what there is."""
    return db.execute(
        "SELECT title, refs, (SELECT count(*) FROM notify_notifications WHERE content_id = c.id) "
        "FROM notify_contents AS c ORDER BY tenant_id, title"
    ).fetchall()


async def send_many(store: SqliteStore, count: int) -> None:
    await asyncio.gather(
        *(store.create(notice(ALICE, key=f"n-{number}", targets=[EMAIL], at_ms=T0 + number)) for number in range(count))
    )


async def test_a_content_is_stored_once_and_goes_with_its_last_notification(
    sqlite_store: SqliteStore, tables: sqlite3.Connection
) -> None:
    one, two = Content("one"), Content("two")
    await sqlite_store.create(notice(ALICE, BOB, key="n-1", content=one, at_ms=T0))
    await sqlite_store.create(notice(ALICE, key="n-2", content=one, at_ms=T0 + 10))
    await sqlite_store.create(notice(BOB, key="n-3", content=two, at_ms=T0 + 10))
    await sqlite_store.create(notice(NAMESAKE, key="n-1", content=one, at_ms=T0 + 10))
    assert refs(tables) == [("one", 3, 3), ("two", 1, 1), ("one", 1, 1)]
    await sqlite_store.create(notice(ALICE, BOB, key="n-1", content=two))
    assert refs(tables) == [("one", 3, 3), ("two", 1, 1), ("one", 1, 1)]
    await sqlite_store.prune(T0 + 1, limit=100)
    assert refs(tables) == [("one", 1, 1), ("two", 1, 1), ("one", 1, 1)]
    await sqlite_store.erase_user(BOB)
    assert refs(tables) == [("one", 1, 1), ("one", 1, 1)]
    await sqlite_store.erase_user(ALICE)
    await sqlite_store.erase_user(NAMESAKE)
    assert refs(tables) == []


async def test_erasing_takes_every_row_over_several_batches(
    sqlite_store: SqliteStore, tables: sqlite3.Connection
) -> None:
    await send_many(sqlite_store, MORE_THAN_A_BATCH)
    assert await sqlite_store.erase_user(ALICE) == (MORE_THAN_A_BATCH, MORE_THAN_A_BATCH, 0)
    left = ("contents", "inboxes", "notifications", "deliveries", "delivery_attempts", "devices")
    assert [count(tables, f"notify_{table}") for table in left] == [0] * 6


async def test_pruning_goes_on_over_several_batches_up_to_its_limit(sqlite_store: SqliteStore) -> None:
    await send_many(sqlite_store, MORE_THAN_A_BATCH)
    assert await sqlite_store.prune(T0 + 10_000, limit=10_000) == 0
    await sqlite_store.erase_user(ALICE)
    await asyncio.gather(
        *(sqlite_store.create(notice(ALICE, key=f"n-{n}", at_ms=T0 + n)) for n in range(MORE_THAN_A_BATCH))
    )
    assert await sqlite_store.prune(T0 + 10_000, limit=MORE_THAN_A_BATCH - 10) == MORE_THAN_A_BATCH - 10
    assert (await inbox_of(sqlite_store, ALICE)).unread == 10
    assert await sqlite_store.prune(T0 + 10_000, limit=10_000) == 10


async def test_an_audit_goes_with_its_delivery(sqlite_store: SqliteStore, tables: sqlite3.Connection) -> None:
    [created] = await sqlite_store.create(notice(ALICE, targets=[SMS, EMAIL], lease_owner="w-1"))
    leases = [Lease(delivery.id, delivery.fence) for delivery in created.deliveries]
    await sqlite_store.finish([Outcome(lease, DeliveryState.FAILED, "w-1") for lease in leases])
    assert count(tables, "notify_delivery_attempts") == 2
    assert await sqlite_store.prune(T0 + 1, limit=1) == 1
    assert count(tables, "notify_delivery_attempts") == count(tables, "notify_deliveries") == 0
