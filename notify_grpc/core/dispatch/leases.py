"""The leases this process holds: kept alive while it works on them, given back when it will not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable
from typing import NamedTuple

from notify_grpc.core.dispatch.batcher import Batcher
from notify_grpc.core.dispatch.held import Held
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import Lease
from notify_grpc.domain.models import Channel
from notify_grpc.ports.store import AWAY, DeliveryStore

log = logging.getLogger(__name__)
_BATCH = 1_000


class _Release(NamedTuple):
    lease: Lease
    due_in_s: float


class Leases:
    """Every delivery held, from the moment it is taken over until its outcome is stored or it is given back."""

    def __init__(self, store: DeliveryStore, clock: Clock, lease_s: float) -> None:
        self._store = store
        self._clock = clock
        self._lease_s = lease_s
        self._held: dict[Lease, Held] = {}
        self._claimed: dict[Channel, int] = {}
        self._releases = Batcher("notify-dispatch-release", self._release)

    def claimed(self, channel: Channel) -> int:
        """How many held deliveries of a channel came from claims."""
        return self._claimed.get(channel, 0)

    def take(self, held: Held) -> None:
        """Answer for a lease from now on."""
        self._held[held.lease] = held
        if held.claimed:
            self._claimed[held.delivery.channel] = self.claimed(held.delivery.channel) + 1

    def drop(self, held: Held) -> None:
        """Its outcome is stored, or somebody else has it."""
        if self._held.pop(held.lease, None) is not None and held.claimed:
            self._claimed[held.delivery.channel] -= 1

    def give_back(self, helds: Iterable[Held], due_in_s: float = 0.0) -> None:
        """Unsent: any instance may have it, now or after a while. Who waits for an answer gets none."""
        for held in helds:
            self.drop(held)
            held.resolve(None)
            self._releases.add(_Release(held.lease, due_in_s))

    def _forget(self) -> None:
        for held in list(self._held.values()):
            self.drop(held)
            held.resolve(None)

    async def close(self, timeout_s: float) -> None:
        """Return once everything given back is so in the store, or could not be; leases left run out."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._releases.drain()
        except TimeoutError:
            await self._releases.stop()
        self._forget()

    async def rest(self) -> None:
        """Wait until some lease is old enough to be renewed."""
        await self._clock.sleep(self._lease_s / 4)

    async def renew(self) -> None:
        """Renew what has been held for a while."""
        started = self._clock.monotonic()
        old = [held for held in self._held.values() if held.lease_until - started < self._lease_s * 0.8]
        for first in range(0, len(old), _BATCH):
            await self._renew(old[first : first + _BATCH])

    async def _renew(self, batch: list[Held]) -> None:
        started = self._clock.monotonic()
        renewed = await self._store.renew([held.lease for held in batch], self._lease_s)
        for held in batch:
            if held.lease.delivery_id in renewed:
                held.lease_until = started + self._lease_s

    async def _release(self, batch: list[_Release]) -> None:
        by_wait: dict[float, list[Lease]] = {}
        for lease, due_in_s in batch:
            by_wait.setdefault(due_in_s, []).append(lease)
        for due_in_s, leases in by_wait.items():
            await self._release_some(leases, due_in_s)

    async def _release_some(self, leases: Collection[Lease], due_in_s: float) -> None:
        try:
            await self._store.release(list(leases), due_in_s)
        except AWAY as exc:
            log.warning("leases not given back; they run out", extra={"leases": len(leases), "reason": str(exc)})
