"""What a driver's test file brings: its data, more instances over it, and its time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from notify_grpc.domain.clock import Clock
from notify_grpc.ports.store import Store
from tests.support.clock import ManualClock


class Database(ABC):
    """One driver's data, empty at the start of a test."""

    @abstractmethod
    def connect(self) -> Store:
        """One more instance over this data, not opened yet."""

    @abstractmethod
    def now_ms(self) -> int:
        """The time by which leases, due times and expiry go, to a second."""

    @abstractmethod
    async def advance(self, seconds: float) -> None:
        """Let time pass for leases, due times and expiry; at once, without waiting."""


class Clocked(Database):
    """For a driver that is given its clock. `connect` may keep a path or an address, and share it."""

    def __init__(self, connect: Callable[[Clock], Store]) -> None:
        self._connect = connect
        self._clock = ManualClock()

    def connect(self) -> Store:
        return self._connect(self._clock)

    def now_ms(self) -> int:
        return self._clock.now_ms()

    async def advance(self, seconds: float) -> None:
        await self._clock.advance(seconds)
