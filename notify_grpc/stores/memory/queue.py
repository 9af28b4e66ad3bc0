"""Which delivery is due next, fairly between tenants."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Collection, Iterator
from itertools import count
from typing import NamedTuple

from notify_grpc.domain.deliveries import Delivery
from notify_grpc.domain.models import Channel


class Entry(NamedTuple):
    """A place in the queue. A delivery that moves on leaves its entry behind; its ticket tells it is a dead one."""

    due_at_ms: int
    ticket: int
    delivery_id: str


class DueQueue:
    """A heap per tenant and channel; tenants with due rows take turns, each claim going on where the last one ended.

    So neither the size of a tenant's backlog nor rows due later cost a claim anything.
    """

    def __init__(self, alive: Callable[[Entry], bool]) -> None:
        self._alive = alive
        self._tickets = count(1)
        self._heaps: dict[str, dict[Channel, list[Entry]]] = {}
        self._ready: deque[str] = deque()
        """Tenants whose first entry is due, or was when last looked at; each once."""
        self._queued: set[str] = set()
        """The same tenants."""
        self._later: list[tuple[int, str]] = []
        """A heap of when other tenants' first entries fall due."""

    def push(self, delivery: Delivery) -> int:
        """Queue a delivery; the ticket of its entry."""
        entry = Entry(delivery.due_at_ms, next(self._tickets), delivery.id)
        heap = self._heaps.setdefault(delivery.tenant_id, {}).setdefault(delivery.channel, [])
        heapq.heappush(heap, entry)
        if heap[0] is entry and delivery.tenant_id not in self._queued:
            heapq.heappush(self._later, (entry.due_at_ms, delivery.tenant_id))
        return entry.ticket

    def take(self, now_ms: int, channels: Collection[Channel], limit: int, per_tenant: int) -> list[str]:
        """Remove up to `limit` due entries, one of each tenant in turn, `per_tenant` of each; their deliveries' ids."""
        self._wake(now_ms)
        taken: list[str] = []
        turns: dict[str, int] = {}
        rest: list[str] = []
        while self._ready and len(taken) < limit:
            tenant_id = self._ready.popleft()
            entry = self._pop(tenant_id, channels, now_ms) if turns.get(tenant_id, 0) < per_tenant else None
            if entry is None:
                rest.append(tenant_id)
            else:
                taken.append(entry.delivery_id)
                turns[tenant_id] = turns.get(tenant_id, 0) + 1
                self._ready.append(tenant_id)
        for tenant_id in rest:
            self._line_up(tenant_id, now_ms)
        return taken

    def due(self, now_ms: int, bound: int) -> Iterator[Entry]:
        """The due entries of all tenants in no order, at most `bound`; never looks at one due later twice."""
        self._wake(now_ms)
        for tenant_id in self._ready:
            for heap in self._heaps[tenant_id].values():
                for entry in self._due_in(heap, now_ms):
                    yield entry
                    bound -= 1
                    if bound <= 0:
                        return

    def _due_in(self, heap: list[Entry], now_ms: int) -> Iterator[Entry]:
        at = [0]
        while at:
            index = at.pop()
            if index < len(heap) and heap[index].due_at_ms <= now_ms:
                at += (2 * index + 1, 2 * index + 2)
                if self._alive(heap[index]):
                    yield heap[index]

    def _wake(self, now_ms: int) -> None:
        while self._later and self._later[0][0] <= now_ms:
            _, tenant_id = heapq.heappop(self._later)
            if tenant_id in self._heaps and tenant_id not in self._queued:
                self._queued.add(tenant_id)
                self._ready.append(tenant_id)

    def _pop(self, tenant_id: str, channels: Collection[Channel], now_ms: int) -> Entry | None:
        heads = [heap for channel, heap in self._heaps[tenant_id].items() if channel in channels]
        first = min((heap for heap in heads if self._head(heap)), key=lambda heap: heap[0], default=None)
        return heapq.heappop(first) if first and first[0].due_at_ms <= now_ms else None

    def _line_up(self, tenant_id: str, now_ms: int) -> None:
        """Put a tenant back where it belongs: in line, asleep until its next entry is due, or nowhere."""
        heaps = self._heaps[tenant_id]
        for channel in [channel for channel, heap in heaps.items() if not self._head(heap)]:
            del heaps[channel]
        self._queued.discard(tenant_id)
        if heaps:
            heapq.heappush(self._later, (min(heap[0].due_at_ms for heap in heaps.values()), tenant_id))
        else:
            del self._heaps[tenant_id]
        self._wake(now_ms)

    def _head(self, heap: list[Entry]) -> Entry | None:
        """The first live entry; dead ones before it go."""
        while heap and not self._alive(heap[0]):
            heapq.heappop(heap)
        return heap[0] if heap else None
