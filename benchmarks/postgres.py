"""The PostgreSQL store: rates of storing, latencies of reading, claims, each beside a bare equivalent of the same run.

``python -m benchmarks.postgres [rows]`` reads from tables of so many rows (1,000,000; 10,000,000 takes minutes).
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count

import psycopg
from psycopg import AsyncConnection

from benchmarks.load import Call, calls_per_second
from benchmarks.report import Row, latency, rate
from notify_grpc.domain.ids import new_id
from notify_grpc.domain.models import Channel, Content, UserKey
from notify_grpc.ports.store import Notice, Recipient
from notify_grpc.stores.postgres import PostgresStore
from notify_grpc.stores.postgres.arrays import Bigints, Texts, Uuids
from notify_grpc.stores.postgres.pool import Database, Statement
from tests.postgres.filling import fill, fill_deliveries
from tests.support.postgres import PostgresServer, fresh_database

_SECONDS = 4.0
"""For each rate."""
_ROUNDS = 3
"""The bare program and ours take turns; the best of each counts."""
_USERS = 20_000
_EACH = 1_000
"""Notifications of each user where reads are measured."""
_READS = 1_500
_CONTENT = Content("Your order is on its way", "It left our warehouse this morning. " * 5, data={"order": "4711"})
_SETTINGS = {
    # Durable, and everything cached: what is measured is the work, not the disk's reading.
    "fsync": "on",
    "full_page_writes": "on",
    "shared_buffers": "6GB",
    "max_wal_size": "8GB",
    "autovacuum_naptime": "10min",
}
_BARE_TABLE = b"""
CREATE TABLE bare (
    id uuid, tenant_id text, user_id text, notification_id text, title text, body text, status int8, created_at_ms int8,
    PRIMARY KEY (tenant_id, user_id, notification_id)
)
"""
_BARE_INSERT = b"""
INSERT INTO bare SELECT * FROM unnest(%(id)s, %(tenant)s, %(user)s, %(key)s, %(title)s, %(body)s, %(one)s, %(at)s)
"""
_PLAIN = (
    b"""
    INSERT INTO bare VALUES (%(id)s::uuid, 'acme', %(user)s, %(key)s, %(title)s, %(body)s, 1, 1) ON CONFLICT DO NOTHING
    """,
    b"""
    INSERT INTO plain VALUES ('acme', %(user)s, 1)
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET unread = plain.unread + 1
    """,
)
_keys = count()
_users = count()


async def measure(rows: int = 1_000_000) -> list[Row]:
    """Everything; ``rows`` is the size of the largest table that is read from."""
    return [*await _storing(), *await _reading(rows), *await _claiming()]


@asynccontextmanager
async def _server() -> AsyncIterator[str]:
    """A server set for measuring, with a fresh database; its DSN."""
    with PostgresServer() as server:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            for name, value in _SETTINGS.items():
                admin.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        server.kill()
        server.start()
        with fresh_database(server.dsn()) as dsn:
            yield dsn


def _people(number: int) -> list[str]:
    return [f"user-{next(_users) % _USERS:07}" for _ in range(number)]


def _notice(recipients: int) -> Notice:
    people = tuple(map(Recipient, _people(recipients)))
    return Notice("acme", f"notification-{next(_keys)}", _CONTENT, (Channel.IN_APP,), people, _now_ms())


async def _notify(store: PostgresStore, recipients: int) -> None:
    await store.create(_notice(recipients))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _storing() -> list[Row]:
    found = []
    async with _server() as dsn:
        store, bare = PostgresStore(dsn), Bare(dsn)
        await store.open()
        await bare.open()
        for recipients, in_flight in ((1, 1), (1, 256), (10, 16), (100, 8), (1_000, 4)):
            calls = (
                partial(bare.insert, recipients),
                partial(bare.one_by_one, recipients),
                partial(_notify, store, recipients),
            )
            unnest, plain, ours = await _best(recipients, in_flight, calls)
            name = f"postgres: notify {recipients} recipients, {in_flight} in flight"
            found += [
                _say(rate(f"{name}, against a bare unnest", ours, "recipients/s", unnest)),
                _say(rate(f"{name}, against one INSERT and one UPDATE each", ours, "recipients/s", plain)),
            ]
        await bare.close()
        await store.close()
    return found


async def _best(size: int, in_flight: int, calls: Sequence[Call]) -> list[float]:
    """Recipients per second of each; they take turns, so that what else the machine does meets all of them."""
    best = [0.0] * len(calls)
    for _ in range(_ROUNDS):
        for at, call in enumerate(calls):
            seconds = _SECONDS / _ROUNDS
            best[at] = max(best[at], size * await calls_per_second(call, seconds=seconds, in_flight=in_flight))
    return best


class Bare:
    """What the same database does with less promised: no order, no counters, no content shared."""

    def __init__(self, dsn: str) -> None:
        self._database = Database(dsn, pool_min=2, pool_max=10, pgbouncer=False)

    async def open(self) -> None:
        await self._database.open()
        plain = b"CREATE TABLE plain (tenant_id text, user_id text, unread int8, PRIMARY KEY (tenant_id, user_id))"
        await self._database.write(Statement(_BARE_TABLE, {}), Statement(plain, {}))

    async def close(self) -> None:
        await self._database.close()

    async def insert(self, recipients: int) -> None:
        """One set-based insert, as large as it can be made."""
        people, at_ms = _people(recipients), _now_ms()
        params = {
            "id": Uuids(new_id(at_ms) for _ in people),
            "tenant": Texts(["acme"] * recipients),
            "user": Texts(people),
            "key": Texts([f"notification-{next(_keys)}"] * recipients),
            "title": Texts([_CONTENT.title] * recipients),
            "body": Texts([_CONTENT.body] * recipients),
            "one": Bigints([1] * recipients),
            "at": Bigints([at_ms] * recipients),
        }
        await self._database.write(Statement(_BARE_INSERT, params))

    async def one_by_one(self, recipients: int) -> None:
        """For each recipient one transaction of an INSERT and an UPDATE, as most services do."""
        key = f"notification-{next(_keys)}"
        for user_id in _people(recipients):
            params = {
                "id": new_id(_now_ms()),
                "user": user_id,
                "key": key,
                "title": _CONTENT.title,
                "body": _CONTENT.body,
            }
            await self._database.write(*(Statement(sql, params) for sql in _PLAIN))


async def _reading(rows: int) -> list[Row]:
    """A page and the unread count, at 10,000 rows and at ``rows``: the small table's latency is the ceiling."""
    found = []
    async with _server() as small_dsn, _server() as large_dsn:
        stores = []
        for dsn, size in ((small_dsn, 10_000), (large_dsn, rows)):
            store = PostgresStore(dsn, pool_min=1, pool_max=1)
            await store.open()
            async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
                started = time.perf_counter()
                await fill(connection, users=size // _EACH, each=_EACH)
                await connection.execute("VACUUM ANALYZE")
            print(f"  {size:,} rows made in {time.perf_counter() - started:.0f} s", flush=True)
            # A process of the server maps each page of the cache at its first touch: that is no part of a read.
            await store._database.read(b"SELECT sum(length(user_id) + read_at_ms) FROM notify_notifications")
            stores.append((store, size // _EACH))
        for name, read in _READ.items():
            small, large = await _medians_us(read, stores)
            found.append(_say(latency(f"postgres: {name}, {rows:,} rows against 10,000", large, "µs", small)))
        for store, _ in stores:
            await store.close()
    return found


Read = Callable[[PostgresStore, UserKey], Awaitable[object]]
_READ: dict[str, Read] = {
    "page of 50": lambda store, user: store.list_notifications(user, before=None, limit=50),
    "unread page of 50": lambda store, user: store.list_notifications(user, before=None, limit=50, unread_only=True),
    "counters": lambda store, user: store.get_inboxes([user]),
    "50 changes": lambda store, user: store.list_changes(user, since=_EACH - 50, limit=50),
}


async def _medians_us(read: Read, stores: Iterable[tuple[PostgresStore, int]]) -> list[float]:
    """Each store's median; users in turn, the stores in turn."""
    times: dict[PostgresStore, list[float]] = {store: [] for store, _ in stores}
    for number in range(_READS + 100):
        for store, users in stores:
            user = UserKey("acme", f"user-{number * 7919 % users:07}")
            start = time.perf_counter()
            await read(store, user)
            if number >= 100:
                times[store].append((time.perf_counter() - start) * 1e6)
    return [statistics.median(taken) for taken in times.values()]


async def _claiming() -> list[Row]:
    """A claim of 10, with more and more waiting: the emptiest queue's latency is the ceiling."""
    found: list[Row] = []
    async with _server() as dsn:
        store = PostgresStore(dsn, pool_min=1, pool_max=1)
        await store.open()
        waiting, few = 0, 0.0
        async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
            await fill(connection, users=1_000, each=1_000)
            for size in (1_000, 100_000, 1_000_000):
                await fill_deliveries(connection, size - waiting, tenant_id="acme", start=waiting)
                await connection.execute("VACUUM ANALYZE")
                waiting = size
                taken = []
                for _ in range(50):
                    start = time.perf_counter()
                    await store.claim("me", limit=10, lease_s=60, channels=[Channel.EMAIL], per_tenant=10)
                    taken.append((time.perf_counter() - start) * 1e6)
                value = statistics.median(taken)
                few = few or value
                found.append(_say(latency(f"postgres: claim of 10, {size:,} waiting, against 1,000", value, "µs", few)))
        await store.close()
    return found


def _say(row: Row) -> Row:
    print(f"  {row.name}: {row.value:,.0f} {row.unit}, ratio {row.ratio:.2f}", flush=True)
    return row


if __name__ == "__main__":
    asyncio.run(measure(*map(int, sys.argv[1:])))
