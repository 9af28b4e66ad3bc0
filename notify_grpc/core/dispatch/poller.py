"""Fetching due deliveries: as many as there is room for, as soon as there are some."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import Protocol

from notify_grpc.core.dispatch.loops import Signal
from notify_grpc.core.dispatch.settings import DispatchSettings
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import Job
from notify_grpc.domain.models import Channel
from notify_grpc.ports.store import DeliveryStore

_SHORTEST_S = 0.1


class Room(Protocol):
    """Where claimed jobs go."""

    def room(self) -> Mapping[Channel, int]:
        """How many more jobs each channel takes; a channel that wants none yet is missing."""
        ...

    def take(self, jobs: Sequence[Job], since: float) -> None:
        """Work on claimed jobs; ``since`` is when they were asked for."""
        ...


class Poller:
    """Looks at the store when woken and every 0.1 s to ``poll_s``: often after finding something, seldom while idle."""

    def __init__(
        self,
        store: DeliveryStore,
        room: Room,
        owner: str,
        channels: frozenset[Channel],
        settings: DispatchSettings,
        clock: Clock,
        random: Random,
    ) -> None:
        self._store = store
        self._room = room
        self._owner = owner
        self._channels = channels
        self._lease_s = settings.lease_s
        self._poll_s = self._pause_s = settings.poll_s
        self._clock = clock
        self._random = random
        self._signal = Signal(clock)
        self._full = False
        """The last claim brought all it could."""
        self._more: frozenset[Channel] = frozenset()
        """Channels that may have more due rows than there was room for."""

    def wake(self) -> None:
        """Look again now."""
        self._signal.set()

    def wants(self, channel: Channel) -> bool:
        """Whether a channel may have due rows there was no room for: wake when there is."""
        return channel in self._more

    async def poll(self) -> None:
        """Claim once, if there is room."""
        room = self._room.room()
        found, self._full = await self._claim(room) if room else (0, False)
        self._more = self._channels if self._full else self._channels - room.keys()
        self._pause_s = _SHORTEST_S if found else min(self._pause_s * 2, self._poll_s)

    async def rest(self) -> None:
        """Wait until it is worth claiming again."""
        if self._full and self._room.room():
            await asyncio.sleep(0)
        else:
            await self._signal.wait(self._pause_s * self._random.uniform(0.9, 1.1))

    async def _claim(self, room: Mapping[Channel, int]) -> tuple[int, bool]:
        """How many were claimed, and whether more may be due."""
        limit = min(room.values())
        share = max(1, limit * 3 // 4)
        since = self._clock.monotonic()
        jobs = await self._store.claim(
            self._owner, limit=limit, lease_s=self._lease_s, channels=room.keys(), per_tenant=share
        )
        self._room.take(jobs, since)
        return len(jobs), len(jobs) >= share
