"""Presence in two unlogged tables (store migrations make them): instances that renew, and their sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from notify_grpc.buses.announcer import Announcer
from notify_grpc.buses.postgres.bus import connect
from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.domain.errors import Unavailable
from notify_grpc.domain.models import DeviceType, UserKey
from notify_grpc.ports.bus import LiveSession, UserPresence

_TIMEOUT_S = 5.0

# An instance lives until its time is over, by the database's clock; "xmax = 0" tells an insert from an update.
_RENEW = """
INSERT INTO notify_instances (instance, expires_at) VALUES (%s, clock_timestamp() + make_interval(secs => %s))
ON CONFLICT (instance) DO UPDATE SET expires_at = EXCLUDED.expires_at
RETURNING xmax <> 0
"""
# Sessions of instances that died are swept by whoever renews.
_SWEEP = "DELETE FROM notify_instances WHERE expires_at < clock_timestamp() - interval '1 minute'"
_OPEN = """
INSERT INTO notify_sessions (instance, tenant_id, user_id, session_id, device_type)
SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
ON CONFLICT DO NOTHING
"""
_CLOSE = "DELETE FROM notify_sessions WHERE instance = %s AND session_id = ANY(%s::text[])"
_WITHDRAW = "DELETE FROM notify_instances WHERE instance = %s"
_FIND = """
SELECT s.tenant_id, s.user_id, count(*), count(DISTINCT s.instance), array_agg(DISTINCT s.device_type)
FROM unnest(%s::text[], %s::text[]) AS u (tenant_id, user_id)
JOIN notify_sessions s USING (tenant_id, user_id)
JOIN notify_instances i ON i.instance = s.instance AND i.expires_at > clock_timestamp()
GROUP BY s.tenant_id, s.user_id
"""


class PostgresPresenceBackend:
    """One connection, used by one statement at a time."""

    def __init__(self, dsn: str, instance: str, ttl_s: float) -> None:
        self._dsn = dsn
        self._instance = instance
        self._ttl_s = ttl_s
        self._connection: psycopg.AsyncConnection | None = None
        self._turn = asyncio.Lock()

    async def renew(self) -> bool:
        [(known,)] = await self._run(_RENEW, (self._instance, self._ttl_s))
        await self._run(_SWEEP, ())
        return bool(known)

    async def write(self, opened: Sequence[LiveSession], closed: Sequence[LiveSession]) -> None:
        if opened:
            columns: tuple[list[str], ...] = ([], [], [], [])
            for session in opened:
                row = (*session.user, session.session_id, session.device_type.value)
                for column, value in zip(columns, row, strict=True):
                    column.append(value)
            await self._run(_OPEN, (self._instance, *columns))
        if closed:
            await self._run(_CLOSE, (self._instance, [session.session_id for session in closed]))

    async def withdraw(self) -> None:
        await self._run(_WITHDRAW, (self._instance,))

    async def find(self, users: Sequence[UserKey]) -> Mapping[UserKey, UserPresence]:
        rows = await self._run(_FIND, ([u.tenant_id for u in users], [u.user_id for u in users]))
        return {
            UserKey(tenant_id, user_id): UserPresence(sessions, instances, frozenset(map(DeviceType, device_types)))
            for tenant_id, user_id, sessions, instances, device_types in rows
        }

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _run(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Rows of one statement. Whatever goes wrong, the next one gets a new connection."""
        async with self._turn:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await connect(self._dsn)
                async with asyncio.timeout(_TIMEOUT_S):
                    cursor = await self._connection.execute(query, parameters)
                    return await cursor.fetchall() if cursor.description else []
            except (psycopg.Error, OSError, TimeoutError) as exc:
                await self.close()
                raise Unavailable("presence cannot be looked up now") from exc


class PostgresPresence(Announcer):
    """A ports.bus.Presence; ``ttl_s`` after an instance's death its sessions are gone."""

    def __init__(self, dsn: str, instance: str, *, ttl_s: float = 30.0, clock: Clock = SystemClock()) -> None:
        super().__init__(PostgresPresenceBackend(dsn, instance, ttl_s), ttl_s, clock=clock)
