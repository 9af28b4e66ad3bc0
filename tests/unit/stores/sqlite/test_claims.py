"""Whose turn it is with many tenants and channels, and how far one look goes."""

from __future__ import annotations

import sqlite3
from collections import Counter
from itertools import count

import pytest

from notify_grpc.domain.deliveries import Job, Target
from notify_grpc.domain.models import EXTERNAL_CHANNELS, Channel, UserKey
from notify_grpc.ports.store import DeliveryFilter
from notify_grpc.stores.sqlite import SqliteStore
from notify_grpc.stores.sqlite.queries import load
from tests.conformance.store.making import ALICE, BOB, EMAIL, SMS, T0, notice, send
from tests.support.clock import ManualClock


async def claim(store: SqliteStore, *, limit: int, per_tenant: int = 10) -> list[Job]:
    return await store.claim("w-1", limit=limit, lease_s=30, channels=EXTERNAL_CHANNELS, per_tenant=per_tenant)


async def fill(store: SqliteStore, tenants: str, rows: int) -> None:
    """So many due rows for each tenant."""
    for tenant in tenants:
        for number in range(rows):
            await send(store, UserKey(tenant, "user"), f"n-{number}", EMAIL)


async def test_more_tenants_than_one_claim_takes_are_served_in_turn(sqlite_store: SqliteStore) -> None:
    await fill(sqlite_store, "abcde", 2)
    turns = [{job.delivery.tenant_id for job in await claim(sqlite_store, limit=2)} for _ in range(5)]
    assert turns == [{"a", "b"}, {"c", "d"}, {"e", "a"}, {"b", "c"}, {"d", "e"}]
    assert await claim(sqlite_store, limit=2) == []


async def test_a_tenant_gets_its_share_once_whatever_the_number_of_its_channels(sqlite_store: SqliteStore) -> None:
    for number in range(4):
        await send(sqlite_store, ALICE, f"n-{number}", EMAIL, SMS, Target(Channel.WHATSAPP, "+15550100"))
    jobs = await claim(sqlite_store, limit=50, per_tenant=3)
    assert Counter(job.delivery.channel for job in jobs).total() == 3


async def test_a_tenants_channels_are_one_queue_oldest_first(sqlite_store: SqliteStore, clock: ManualClock) -> None:
    for number, target in enumerate((SMS, EMAIL, SMS, EMAIL)):
        await send(sqlite_store, ALICE, f"n-{number}", target)
        await clock.advance(1)
    jobs = await claim(sqlite_store, limit=3)
    assert [job.delivery.notification_id for job in jobs] == ["n-0", "n-1", "n-2"]


async def test_expired_rows_in_front_do_not_hide_what_can_be_sent(
    sqlite_store: SqliteStore, clock: ManualClock
) -> None:
    now_ms = clock.now_ms()
    for number in range(200):
        await sqlite_store.create(notice(ALICE, key=f"old-{number}", targets=[EMAIL], expires_at_ms=now_ms + 1))
    await send(sqlite_store, ALICE, "live", EMAIL)
    await clock.advance(1)
    assert [job.delivery.notification_id for job in await claim(sqlite_store, limit=10)] == ["live"]


async def test_the_backlog_is_counted_up_to_its_bound_over_all_queues(
    sqlite_store: SqliteStore, clock: ManualClock
) -> None:
    targets = [Target(channel, f"address-{number}") for number in range(3) for channel in EXTERNAL_CHANNELS]
    for tenant in ("acme", "umbrella"):
        users = [UserKey(tenant, f"user-{number}") for number in range(400)]
        await sqlite_store.create(notice(*users, targets=targets))
    await clock.advance(2)
    assert await sqlite_store.due_stats() == (10_000, 2.0)


async def test_ids_of_deliveries_follow_their_targets_within_a_millisecond(sqlite_store: SqliteStore) -> None:
    targets = [Target(channel, f"address-{number}") for number in range(6) for channel in EXTERNAL_CHANNELS]
    [created] = await sqlite_store.create(notice(BOB, at_ms=T0, targets=targets))
    listed = await sqlite_store.list_deliveries(DeliveryFilter(), limit=100)
    assert [Target(delivery.channel, delivery.target) for delivery in listed] == targets
    assert listed == list(created.deliveries)


async def test_a_sweep_stops_at_its_limit_whatever_it_finds(sqlite_store: SqliteStore, clock: ManualClock) -> None:
    now_ms = clock.now_ms()
    await sqlite_store.create(notice(ALICE, key="held", targets=[EMAIL], lease_owner="w-1", lease_s=1))
    await sqlite_store.create(notice(ALICE, key="waiting", targets=[EMAIL], expires_at_ms=now_ms + 1))
    await clock.advance(2)
    swept = [[row.state.value for row in await sqlite_store.sweep_deliveries(1)] for _ in range(3)]
    assert swept == [["retry"], ["expired"], []]


@pytest.mark.parametrize("name", ["queues", "due"])
async def test_a_backlog_costs_a_claim_nothing(
    sqlite_store: SqliteStore, tables: sqlite3.Connection, name: str
) -> None:
    values = {
        "from_tenant": "",
        "tenant_id": "acme",
        "channel": "email",
        "limit": 10,
        "max_claims": 50,
        "now_ms": 2 * T0,
    }

    async def steps_with(rows: int) -> int:
        """What SQLite's machine executes, in hundreds of instructions; a plan does not tell."""
        targets = [Target(Channel.EMAIL, f"{rows}-{number}@acme.test") for number in range(rows)]
        await sqlite_store.create(notice(ALICE, key=f"n-{rows}", targets=targets))
        hundreds = count()
        tables.set_progress_handler(lambda: next(hundreds) and None, 100)
        assert tables.execute(load("deliveries")[name], values).fetchall()
        tables.set_progress_handler(None, 0)
        return next(hundreds)

    few = await steps_with(20)
    assert await steps_with(5_000) <= few + 5
