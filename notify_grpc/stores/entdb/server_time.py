"""The EntDB server's clock: leases, due times and expiry go by it, so that instances need not agree on the time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Protocol

from notify_grpc.domain.clock import Clock
from notify_grpc.stores.entdb.connection import Conflict, Connection
from notify_grpc.stores.entdb.nodes import create, overwrite
from notify_grpc.stores.entdb.schema import KEY, Type

_TRUSTED_S = 60.0
"""How long a reading is carried on by this machine's monotonic clock."""
_NAME = "clock"


class StoreTime(Protocol):
    """The time that leases, due times and expiry go by."""

    async def now_ms(self) -> int:
        """Epoch milliseconds."""
        ...


class GivenTime:
    """A clock that tests turn."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def now_ms(self) -> int:
        return self._clock.now_ms()


class ServerTime:
    """Read from a node that is written for this: EntDB notes when."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = asyncio.Lock()
        self._read_ms = 0
        self._read_at = -_TRUSTED_S
        self._node_id = ""

    async def now_ms(self) -> int:
        if time.monotonic() - self._read_at >= _TRUSTED_S:
            async with self._lock:
                if time.monotonic() - self._read_at >= _TRUSTED_S:
                    await self.read()
        return self._read_ms + round((time.monotonic() - self._read_at) * 1000)

    async def read(self) -> None:
        """Read the server's clock anew: one write and one read, so it also tells that both work."""
        node_id = await self._clock_id()
        started = time.monotonic()
        await self._connection.commit([overwrite(Type.CLOCK, node_id, {})])
        written_by = time.monotonic()
        node = (await self._connection.get(Type.CLOCK, [node_id]))[node_id]
        self._read_ms, self._read_at = node.updated_at_ms, (started + written_by) / 2

    async def _clock_id(self) -> str:
        """The node id of the clock, which nobody removes."""
        while not self._node_id:
            if node := await self._connection.find(Type.CLOCK, KEY, _NAME):
                self._node_id = node.id
                break
            with contextlib.suppress(Conflict):
                await self._connection.commit([create(Type.CLOCK, {KEY: _NAME})])
        return self._node_id
