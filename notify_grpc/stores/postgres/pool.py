"""Connections, and how statements run on them: bounded in time, by indexes whatever the statistics say."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple

from psycopg import AsyncConnection, Error
from psycopg_pool import AsyncConnectionPool

from notify_grpc.domain.errors import Unavailable
from notify_grpc.stores.postgres import arrays
from notify_grpc.stores.postgres.errors import RACES, is_lost, translated

Rows = list[tuple[Any, ...]]
CONNECT: dict[str, Any] = {
    "connect_timeout": 5,
    "application_name": "notify-grpc",
    # A peer that no longer answers is noticed in 15 s, whoever waits for whom (tcp(7); no effect on a Unix socket).
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}
TIMEOUTS = {
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
}
_TRANSACTION_TIMEOUT_SINCE = 170_000
PLANNER = {
    # Every statement here is meant as index searches in nested loops, in the order of an index. Statistics of an
    # empty or just grown table tell otherwise, and a plan once prepared outlives them. (What cannot be done so, such as
    # a FULL JOIN, still gets its plan.)
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "enable_memoize": "off",
    "enable_sort": "off",
    "jit": "off",
}
_OPEN_S = 15.0
_WAIT_S = 5.0
_ANSWER_S = 20.0
"""How long a transaction may take before its connection is cut; the server's own limits are shorter."""
_PING_S = 1.8
_MAX_WAITING = 1_000
_RECONNECT_S = 5.0
"""psycopg's pool waits twice as long after each failure, up to this; then the next caller makes it start anew."""
_TRIES = 6


class Statement(NamedTuple):
    """One statement with its parameters."""

    sql: bytes
    params: Mapping[str, Any]


class Database:
    """A pool of connections. ``read`` and ``write`` raise the domain's errors only."""

    def __init__(self, dsn: str, *, pool_min: int, pool_max: int, pgbouncer: bool) -> None:
        self._pgbouncer = pgbouncer
        self._checking: asyncio.Task[None] | None = None
        self._pool = AsyncConnectionPool(
            dsn,
            open=False,
            min_size=pool_min,
            max_size=pool_max,
            max_waiting=_MAX_WAITING,
            timeout=_WAIT_S,
            reconnect_timeout=_RECONNECT_S,
            configure=self._configure,
            kwargs={"autocommit": True, "prepare_threshold": None if pgbouncer else 0, **CONNECT},
            name="notify-grpc",
        )

    async def open(self) -> None:
        """Connect. Raises Unavailable."""
        with translated():
            await self._pool.open(wait=True, timeout=_OPEN_S)

    async def close(self) -> None:
        """Let go of every connection; running calls keep theirs until they end."""
        if self._checking:
            self._checking.cancel()
            await asyncio.wait([self._checking])
        await self._pool.close()

    async def read(self, sql: bytes, **params: Any) -> Rows:
        """The rows of one statement that changes nothing."""
        [rows] = await self._run((Statement(sql, params),), writing=False)
        return rows

    async def write(self, *statements: Statement) -> list[Rows]:
        """One transaction, sent in one go: the rows of each statement. Tried again when it lost a race.

        Raises OutcomeUnknown when its answer was lost.
        """
        return await self._run(statements, writing=True)

    async def ping(self) -> None:
        """Raises Unavailable within 2 s unless the database can be written to."""
        try:
            async with asyncio.timeout(_PING_S):
                [[read_only]] = await self.read(b"SELECT current_setting('transaction_read_only')")
        except TimeoutError as exc:
            raise Unavailable("the database does not answer") from exc
        if read_only == "on":
            raise Unavailable("the database can only be read")

    async def _run(self, statements: tuple[Statement, ...], *, writing: bool) -> list[Rows]:
        with translated(writing=writing):
            for _ in range(_TRIES - 1):
                with contextlib.suppress(*RACES):
                    return await self._run_once(statements)
            return await self._run_once(statements)

    async def _run_once(self, statements: tuple[Statement, ...]) -> list[Rows]:
        async with self._connection() as connection:
            if len(statements) == 1 and not self._pgbouncer:
                # A statement alone is a transaction of its own.
                return [await _execute(connection, statements[0])]
            if self._pgbouncer:
                return await _step_by_step(connection, statements)
            return await _pipeline(connection, statements)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        async with self._pool.connection() as connection:
            try:
                with _cut_after(_ANSWER_S, connection):
                    yield connection
            except Error as exc:
                if is_lost(exc):
                    self._check_others()
                raise

    def _check_others(self) -> None:
        """One connection was lost, so others may be: replace those before a caller gets them."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._pool.check(), name="notify-grpc: check connections")

    async def _configure(self, connection: AsyncConnection) -> None:
        arrays.register(connection)
        if not self._pgbouncer:
            await _execute(connection, _settings(connection, local=False))


def _settings(connection: AsyncConnection, *, local: bool) -> Statement:
    """Settings of a session, or of one transaction where sessions are shared (PgBouncer)."""
    settings = TIMEOUTS | PLANNER
    if connection.info.server_version >= _TRANSACTION_TIMEOUT_SINCE:
        settings["transaction_timeout"] = "15s"
    names, values = arrays.Texts(settings), arrays.Texts(settings.values())
    sql = b"SELECT set_config(name, value, %(local)s) FROM unnest(%(names)s, %(values)s) AS setting (name, value)"
    return Statement(sql, {"names": names, "values": values, "local": local})


async def _execute(connection: AsyncConnection, statement: Statement) -> Rows:
    cursor = connection.cursor(binary=True)
    await cursor.execute(statement.sql, statement.params)
    return await cursor.fetchall() if cursor.description else []


async def _pipeline(connection: AsyncConnection, statements: tuple[Statement, ...]) -> list[Rows]:
    """One message, one answer: what comes before its Sync is one transaction (PostgreSQL, 54.2.4 Pipelining)."""
    cursors = [connection.cursor(binary=True) for _ in statements]

    async def exchange() -> None:
        async with connection.pipeline():
            for cursor, statement in zip(cursors, statements, strict=True):
                await cursor.execute(statement.sql, statement.params)

    await _to_the_end(exchange())
    return [await cursor.fetchall() if cursor.description else [] for cursor in cursors]


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Let it end although the caller is cancelled, who is told so afterwards.

    A cancelled pipeline sends its Sync after half of the statements, which commits those, or stays one for ever: its
    connection answers nothing from then on.
    """
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as exc:
            cancelled = exc
    if cancelled is not None:
        raise cancelled from task.exception()
    await task


async def _step_by_step(connection: AsyncConnection, statements: tuple[Statement, ...]) -> list[Rows]:
    """A round trip each, in a transaction with settings of its own.

    No pipeline: the driver sends a Flush after its last Sync. PgBouncer takes a connection for that which nothing gives
    back, or one that it is about to close.
    """
    async with connection.transaction():
        await _execute(connection, _settings(connection, local=True))
        return [await _execute(connection, statement) for statement in statements]


@contextmanager
def _cut_after(seconds: float, connection: AsyncConnection) -> Iterator[None]:
    """Shut the connection's socket down after some time: who waits on it sees it as lost, even if the peer is mute."""
    timer = asyncio.get_running_loop().call_later(seconds, _cut, connection)
    try:
        yield
    finally:
        timer.cancel()


def _cut(connection: AsyncConnection) -> None:
    with contextlib.suppress(OSError, Error), socket.socket(fileno=os.dup(connection.fileno())) as peer:
        peer.shutdown(socket.SHUT_RDWR)
