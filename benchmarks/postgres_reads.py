"""Latencies of reading from PostgreSQL: ten million rows against ten thousand, at the store and by RPC.

``python -m benchmarks.postgres_reads [rows]`` takes another size. Ten million take minutes and 16 GB.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

from notify.v1.client_service_pb2 import GetNotificationsRequest, GetNotificationsResponse
from psycopg import AsyncConnection

from benchmarks.load import channel
from benchmarks.postgres_server import postgres_server
from benchmarks.report import Row, latency, say
from benchmarks.servers import running
from benchmarks.streams import as_user
from notify_grpc.domain.models import UserKey
from notify_grpc.stores.postgres import PostgresStore
from tests.postgres.filling import fill

_EACH = 1_000
"""Notifications of each user, in both tables."""
_READS = 2_000
_GET = "/notify.v1.NotificationClientService/GetNotifications"

Read = Callable[[str], Awaitable[object]]
"""Reads what one user has."""


class Table(NamedTuple):
    """A database with so many users."""

    dsn: str
    users: int
    huge_pages: str


async def measure(rows: int = 10_000_000) -> list[Row]:
    """Each latency of the large table beside that of the small one."""
    async with AsyncExitStack() as stack:
        tables = [await _filled(stack.enter_context(postgres_server()), size) for size in (10_000, rows)]
        return [*await _at_the_store(tables), *await _by_rpc(tables)]


async def _filled(dsn: str, rows: int) -> Table:
    store = PostgresStore(dsn)
    await store.open()
    await store.close()
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        started = time.perf_counter()
        await fill(connection, users=rows // _EACH, each=_EACH)
        await connection.execute("VACUUM ANALYZE")
        [[huge_pages]] = await (await connection.execute("SHOW huge_pages_status")).fetchall()
    print(f"  {rows:,} rows made in {time.perf_counter() - started:.0f} s", flush=True)
    return Table(dsn, rows // _EACH, huge_pages)


async def _at_the_store(tables: Sequence[Table]) -> list[Row]:
    stores = [PostgresStore(table.dsn, pool_min=1, pool_max=1) for table in tables]
    for store in stores:
        await store.open()

    def page(store: PostgresStore, *, unread_only: bool) -> Read:
        return lambda user: store.list_notifications(
            UserKey("acme", user), before=None, limit=50, unread_only=unread_only
        )

    def changes(store: PostgresStore) -> Read:
        return lambda user: store.list_changes(UserKey("acme", user), since=_EACH - 50, limit=50)

    def counters(store: PostgresStore) -> Read:
        return lambda user: store.get_inboxes([UserKey("acme", user)])

    # A process of the server maps each page of the cache at its first touch: that is no part of a read.
    for table, store in zip(tables, stores, strict=True):
        for number in range(table.users):
            await page(store, unread_only=False)(_user(number, table))
    found = [
        await _compare("store: page of 50", tables, [page(store, unread_only=False) for store in stores]),
        await _compare("store: unread page of 50", tables, [page(store, unread_only=True) for store in stores]),
        await _compare("store: 50 changes", tables, [changes(store) for store in stores]),
        await _compare("store: counters", tables, [counters(store) for store in stores]),
    ]
    for store in stores:
        await store.close()
    return found


async def _by_rpc(tables: Sequence[Table]) -> list[Row]:
    requests = {
        "RPC: page of 50": GetNotificationsRequest(limit=50),
        "RPC: unread page of 50": GetNotificationsRequest(limit=50, unread_only=True),
        "RPC: unread count": GetNotificationsRequest(limit=1),
    }
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(_service(table)) for table in tables]
        return [
            await _compare(name, tables, [_caller(port, request) for port in ports])
            for name, request in requests.items()
        ]


@asynccontextmanager
async def _service(table: Table) -> AsyncIterator[int]:
    """The recipients' port of a service, whose connections to the database have all touched what is read."""
    async with running("service", store_driver="postgres", postgres_dsn=table.dsn, retention=0) as server:
        read = _caller(server.client, GetNotificationsRequest(limit=50))
        for number in range(2 * table.users):
            await read(_user(number, table))
        yield server.client


def _caller(port: int, request: GetNotificationsRequest) -> Read:
    call: Any = channel(port).unary_unary(_GET, response_deserializer=GetNotificationsResponse.FromString)
    body = request.SerializeToString()

    async def read(user: str) -> None:
        answer = await call(body, metadata=as_user(user))
        assert len(answer.notifications) == request.limit

    return read


async def _compare(name: str, tables: Sequence[Table], reads: Sequence[Read]) -> Row:
    """The median of the large table beside that of the small one; users in turn, the tables in turn."""
    times: list[list[float]] = [[] for _ in tables]
    for number in range(_READS + 100):
        for table, read, taken in zip(tables, reads, times, strict=True):
            user = _user(number, table)
            start = time.perf_counter()
            await read(user)
            if number >= 100:
                taken.append((time.perf_counter() - start) * 1e6)
    small, large = map(statistics.median, times)
    about = f"{tables[-1].users * _EACH:,} rows against 10,000, huge pages {tables[-1].huge_pages}"
    return say(latency(f"{name}, {about}", large, "µs", small))


def _user(number: int, table: Table) -> str:
    return f"user-{number * 7919 % table.users:07}"


if __name__ == "__main__":
    asyncio.run(measure(*map(int, sys.argv[1:])))
