"""FAULTS 11, 12, 14: instances that do the same work at the same time."""

from __future__ import annotations

import asyncio

import psycopg

from notify_grpc.stores.postgres import PostgresStore
from tests.faults.instances.conftest import on_postgres, whole
from tests.support.service_process import instance

_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
MANY = [f"u{i:03}" for i in range(60)]


async def test_overlapping_recipients_in_opposite_order_do_not_deadlock(
    own_postgres_dsn: str, store: PostgresStore
) -> None:
    """Case 11."""
    shared = on_postgres(own_postgres_dsn)
    async with instance(**shared) as a, instance(**shared) as b:
        calls = []
        for i in range(25):
            calls.append(a.notify(f"a{i}", MANY))
            calls.append(b.notify(f"b{i}", MANY[::-1]))
        responses = await asyncio.gather(*calls)

    assert {r.pending for r in responses} == {len(MANY)}
    for user in MANY[::13]:
        assert len(await whole(store, user)) == 50
    with psycopg.connect(own_postgres_dsn) as admin:
        [deadlocks] = admin.execute(_DEADLOCKS).fetchone() or [None]
    assert deadlocks == 0


async def test_100_identical_calls_over_two_servers_create_once(own_postgres_dsn: str, store: PostgresStore) -> None:
    """Case 12."""
    shared = on_postgres(own_postgres_dsn)
    async with instance(**shared) as a, instance(**shared) as b:
        responses = await asyncio.gather(*((a, b)[i % 2].notify("n1") for i in range(100)))

    assert sum(r.pending for r in responses) == 1
    assert sum(r.duplicates for r in responses) == 99
    assert await whole(store) == ["n1"]


async def test_a_transaction_that_sleeps_leaves_no_gap_for_a_stream_to_skip(own_postgres_dsn: str) -> None:
    """Case 14: an open transaction holds the user's row; what comes after it cannot become visible before it."""
    async with instance(**on_postgres(own_postgres_dsn)) as a:
        stream = a.listen()
        await stream.caught_up()
        await a.notify("n1")
        assert await stream.keys(1) == ["n1"]
        cursor = stream.cursor

        with psycopg.connect(own_postgres_dsn) as sleeper:
            sleeper.execute("SELECT 1 FROM notify_inboxes WHERE user_id = 'ada' FOR UPDATE")
            behind = [asyncio.create_task(a.notify(f"n{i}")) for i in (2, 3)]
            resumed = a.listen(resume_after=cursor)
            assert await resumed.caught_up() == []
            assert not any(task.done() for task in behind)
            sleeper.rollback()
        await asyncio.gather(*behind)

        assert sorted(await resumed.keys(2)) == ["n2", "n3"]
        assert sorted(await stream.keys(2)) == ["n2", "n3"]
