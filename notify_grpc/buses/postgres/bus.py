"""LISTEN/NOTIFY. NOTIFY takes a lock that all commits share, so it is sent coalesced, in a transaction of its own.

Payloads must be shorter than 8,000 bytes (PostgreSQL manual, NOTIFY).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import psycopg

from notify_grpc.buses.linked import LinkedBus, TransportError
from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.ports.telemetry import Metrics, NoMetrics

_CHANNEL = "notify_grpc_bus"
_LISTEN = f"LISTEN {_CHANNEL}"
_SEND = "SELECT pg_notify(%s, payload) FROM unnest(%s::text[]) AS payload"
_ALIVE = "SELECT 1"
_TIMEOUT_S = 5.0
_ASK_EVERY_S = 10.0
_LOST = (psycopg.Error, OSError, TimeoutError)


async def connect(dsn: str) -> psycopg.AsyncConnection:
    """One connection in autocommit, whose death is noticed. Raises psycopg.Error, OSError or TimeoutError."""
    async with asyncio.timeout(_TIMEOUT_S + 1):
        return await psycopg.AsyncConnection.connect(
            dsn,
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=round(_TIMEOUT_S),
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            application_name="notify-grpc-bus",
        )


class PostgresTransport:
    """One connection listens, another one sends."""

    name = "postgres"
    max_bytes = 7_900

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._sending: psycopg.AsyncConnection | None = None

    async def listen(self, up: Callable[[], None], received: Callable[[str], None]) -> None:
        try:
            async with await connect(self._dsn) as connection:
                await connection.execute(_LISTEN)
                up()
                while True:
                    async for notify in connection.notifies(timeout=_ASK_EVERY_S):
                        received(notify.payload)
                    async with asyncio.timeout(_TIMEOUT_S):
                        await connection.execute(_ALIVE)
        except _LOST as exc:
            raise TransportError from exc

    async def send(self, payloads: Sequence[str]) -> None:
        try:
            if self._sending is None or self._sending.closed:
                self._sending = await connect(self._dsn)
            async with asyncio.timeout(_TIMEOUT_S):
                await self._sending.execute(_SEND, (_CHANNEL, list(payloads)))
        except _LOST as exc:
            await self.close()
            raise TransportError from exc

    async def close(self) -> None:
        connection, self._sending = self._sending, None
        if connection is not None:
            await connection.close()


class PostgresBus(LinkedBus):
    """A ports.bus.Bus. ``dsn`` must reach PostgreSQL itself, or PgBouncer in session mode: LISTEN needs a session."""

    def __init__(
        self, dsn: str, instance: str, *, clock: Clock = SystemClock(), metrics: Metrics = NoMetrics()
    ) -> None:
        super().__init__(PostgresTransport(dsn), instance, clock=clock, metrics=metrics)
