"""The PostgreSQL store: rates of storing, and claims, each beside a bare equivalent of the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from functools import partial
from itertools import count

from psycopg import AsyncConnection

from benchmarks.load import Call, calls_per_second
from benchmarks.postgres_server import postgres_server
from benchmarks.report import Row, latency, rate, say
from notify_grpc.domain.ids import new_id
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.store import Notice, Recipient
from notify_grpc.stores.postgres import PostgresStore
from notify_grpc.stores.postgres.arrays import Bigints, Texts, Uuids
from notify_grpc.stores.postgres.pool import Database, Statement
from tests.postgres.filling import fill, fill_deliveries

_SECONDS = 4.0
"""For each rate."""
_ROUNDS = 3
"""The bare program and ours take turns; the best of each counts."""
_USERS = 20_000
_CONTENT = Content("Your order is on its way", "It left our warehouse this morning. " * 5, data={"order": "4711"})
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


async def measure() -> list[Row]:
    return [*await _storing(), *await _claiming()]


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
    with postgres_server() as dsn:
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
                say(rate(f"{name}, against a bare unnest", ours, "recipients/s", unnest)),
                say(rate(f"{name}, against one INSERT and one UPDATE each", ours, "recipients/s", plain)),
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


async def _claiming() -> list[Row]:
    """A claim of 10, with more and more waiting: the emptiest queue's latency is the ceiling."""
    found: list[Row] = []
    with postgres_server() as dsn:
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
                found.append(say(latency(f"postgres: claim of 10, {size:,} waiting, against 1,000", value, "µs", few)))
        await store.close()
    return found
