"""All of the memory store: the parts, retention, recovery and the life cycle."""

from __future__ import annotations

import heapq
from collections.abc import Collection
from itertools import islice

from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.domain.deliveries import WAITING, Delivery
from notify_grpc.domain.ids import new_epoch
from notify_grpc.domain.models import Channel, UserKey
from notify_grpc.ports.store import Capabilities, Erased, Store
from notify_grpc.stores.memory.deliveries import Deliveries
from notify_grpc.stores.memory.devices import Devices
from notify_grpc.stores.memory.inboxes import Inboxes

_CAPABILITIES = Capabilities(name="memory", durable=False, many_processes=False)


class MemoryStore(Inboxes, Devices, Deliveries, Store):
    """Everything in dictionaries of this process; no method awaits anything, so each call is one transaction."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock or SystemClock())

    @property
    def capabilities(self) -> Capabilities:
        return _CAPABILITIES

    async def open(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Nothing to release."""

    async def ping(self) -> None:
        """Always well."""

    async def prune(self, created_before_ms: int, *, limit: int) -> int:
        pruned = 0
        kept: list[tuple[int, str]] = []
        while pruned < limit and self._by_age and self._by_age[0][0] < created_before_ms:
            age = heapq.heappop(self._by_age)
            row = self._rows.get(age[1])
            if row is None:
                continue
            if self._has_open(row.id):
                kept.append(age)
                continue
            self._boxes[row.user].drop(row)
            self._leave(row)
            self._drop_deliveries(row.id)
            pruned += 1
        for age in kept:
            heapq.heappush(self._by_age, age)
        return pruned

    async def abandon(self, created_before_ms: int, channels: Collection[Channel], *, limit: int) -> list[Delivery]:
        old = (id for created_at_ms, id in self._by_age if created_at_ms < created_before_ms)
        rows = [row for id in old for row in self._of.get(id, ()) if row.delivery.channel in channels]
        waiting = (row for row in rows if row.delivery.state in WAITING)
        return [self._abandon(row) for row in islice(waiting, limit)]

    async def renew_epochs(self) -> int:
        for box in self._boxes.values():
            box.epoch = new_epoch()
        return len(self._boxes)

    async def erase_user(self, user: UserKey) -> Erased:
        devices = [self._forget(user, key) for key in list(self._devices.get(user, {}))]
        box = self._boxes.pop(user, None)
        rows = box.by_position.rows if box else []
        deliveries = 0
        for row in rows:
            self._leave(row)
            deliveries += self._drop_deliveries(row.id)
        return Erased(len(rows), deliveries, len(devices))
