"""Fetching due deliveries: as many as there is room for, as soon as there are some."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import Protocol

from notify_grpc.core.dispatch.loops import Signal
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
        *,
        owner: str,
        lease_s: float,
        poll_s: float,
        clock: Clock,
        random: Random,
    ) -> None:
        self._store = store
        self._room = room
        self._owner = owner
        self._lease_s = lease_s
        self._poll_s = poll_s
        self._clock = clock
        self._random = random
        self._pause_s = poll_s
        self._signal = Signal(clock)
        self._more: frozenset[Channel] = frozenset()
        """Channels that may have more due rows than there was room for."""

    def wake(self) -> None:
        """Look again now."""
        self._signal.set()

    def wants(self, channel: Channel) -> bool:
        """Whether a channel may have due rows there was no room for: wake when there is."""
        return channel in self._more

    async def poll(self, channels: frozenset[Channel]) -> None:
        """Claim once, then wait until it is worth claiming again; one round of a loop."""
        room = self._room.room()
        found, full = await self._claim(room) if room else (0, False)
        self._more = channels if full else channels - room.keys()
        if full and self._room.room():
            await asyncio.sleep(0)
            return
        self._pause_s = _SHORTEST_S if found else min(self._pause_s * 2, self._poll_s)
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
