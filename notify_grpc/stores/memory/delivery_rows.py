"""The rows of deliveries in memory, with every index over them."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from notify_grpc.domain.backoff import MAX_CLAIMS
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import HELD, OPEN, WAITING, Attempt, Delivery, DeliveryState, Target
from notify_grpc.domain.ids import new_id
from notify_grpc.domain.models import Content, Notification, UserKey
from notify_grpc.ports.store import Notice
from notify_grpc.stores.memory.queue import DueQueue, Entry

FREE: dict[str, Any] = {"lease_owner": "", "lease_until_ms": 0}
"""What a row that nobody holds any more is changed to."""


@dataclass(slots=True)
class DeliveryRow:
    """A delivery, what it sends, its audit, and its live place in the queue."""

    delivery: Delivery
    content: Content
    traceparent: str
    audit: list[Attempt] = field(default_factory=list)
    ticket: int = 0


class DeliveryRows:
    """Dictionaries and heaps. Heaps keep dead entries until their turn comes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._deliveries: dict[str, DeliveryRow] = {}
        self._ids: list[str] = []
        self._of: dict[str, list[DeliveryRow]] = {}
        """By Notification.id, in order of creation."""
        self._open: dict[UserKey, dict[str, DeliveryRow]] = {}
        self._messages: dict[tuple[str, str], DeliveryRow] = {}
        """By (provider, provider_message_id)."""
        self._due = DueQueue(self._claimable)
        self._leases: list[tuple[int, str, int]] = []
        """A heap of (lease_until_ms, id, fence)."""
        self._expiries: list[tuple[int, str]] = []
        """A heap of (expires_at_ms, id)."""
        self._worn: dict[str, DeliveryRow] = {}
        """Waiting rows that were claimed too often."""

    def _add_deliveries(
        self, row: Notification, notice: Notice, targets: Sequence[Target], now_ms: int
    ) -> tuple[Delivery, ...]:
        leased = bool(notice.lease_owner)
        ids = sorted(new_id(now_ms) for _ in targets)
        rows = [
            DeliveryRow(
                Delivery(
                    id=id,
                    tenant_id=row.tenant_id,
                    user_id=row.user_id,
                    notification_ref=row.id,
                    notification_id=row.notification_id,
                    channel=target.channel,
                    target=target.address,
                    state=DeliveryState.LEASED if leased else DeliveryState.PENDING,
                    created_at_ms=notice.created_at_ms,
                    updated_at_ms=now_ms,
                    due_at_ms=now_ms,
                    expires_at_ms=notice.expires_at_ms,
                    attempts=int(leased),
                    fence=int(leased),
                    lease_owner=notice.lease_owner,
                    lease_until_ms=now_ms + round(notice.lease_s * 1000) if leased else 0,
                ),
                notice.content,
                notice.traceparent,
            )
            for id, target in zip(ids, targets, strict=True)
        ]
        self._of[row.id] = rows
        for added in rows:
            self._deliveries[added.delivery.id] = added
            insort(self._ids, added.delivery.id)
            self._index(added)
        return tuple(added.delivery for added in rows)

    def _move(self, row: DeliveryRow, **changes: Any) -> Delivery:
        row.delivery = replace(row.delivery, updated_at_ms=self._clock.now_ms(), **changes)
        self._index(row)
        return row.delivery

    def _index(self, row: DeliveryRow) -> None:
        delivery = row.delivery
        if delivery.state in OPEN:
            self._open.setdefault(UserKey(delivery.tenant_id, delivery.user_id), {})[delivery.id] = row
        else:
            self._unopen(delivery)
        self._worn.pop(delivery.id, None)
        if delivery.state in HELD:
            heapq.heappush(self._leases, (delivery.lease_until_ms, delivery.id, delivery.fence))
        elif delivery.state in WAITING:
            if delivery.attempts >= MAX_CLAIMS:
                self._worn[delivery.id] = row
            row.ticket = self._due.push(delivery)
            if delivery.expires_at_ms:
                heapq.heappush(self._expiries, (delivery.expires_at_ms, delivery.id))
        if delivery.provider_message_id:
            self._messages[delivery.provider, delivery.provider_message_id] = row

    def _drop_deliveries(self, notification_ref: str) -> int:
        rows = self._of.pop(notification_ref, [])
        for row in rows:
            delivery = row.delivery
            del self._deliveries[delivery.id]
            del self._ids[bisect_left(self._ids, delivery.id)]
            self._unopen(delivery)
            self._messages.pop((delivery.provider, delivery.provider_message_id), None)
            self._worn.pop(delivery.id, None)
        return len(rows)

    def _unopen(self, delivery: Delivery) -> None:
        user = UserKey(delivery.tenant_id, delivery.user_id)
        mine = self._open.get(user, {})
        if mine.pop(delivery.id, None) and not mine:
            del self._open[user]

    def _claimable(self, entry: Entry) -> bool:
        """Whether a queue entry is its row's newest, and the row neither expired nor worn out."""
        row = self._deliveries.get(entry.delivery_id)
        if row is None or row.ticket != entry.ticket or row.delivery.state not in WAITING:
            return False
        return not self._expired(row.delivery) and entry.delivery_id not in self._worn

    def _expired(self, delivery: Delivery) -> bool:
        return 0 < delivery.expires_at_ms <= self._clock.now_ms()

    def _has_open(self, notification_ref: str) -> bool:
        return any(row.delivery.state in OPEN for row in self._of.get(notification_ref, ()))

    def _cancel(self, user: UserKey, target: Target) -> None:
        """Cancel what a user's target has not been sent, nor is being sent, yet."""
        for row in list(self._open.get(user, {}).values()):
            aim = Target(row.delivery.channel, row.delivery.target)
            if aim == target and row.delivery.state is not DeliveryState.SENDING:
                self._move(row, state=DeliveryState.CANCELLED, **FREE)
