"""The queue of deliveries as plainly as it can be said, over a time of its own. Only for programs to compare with."""

from __future__ import annotations

from dataclasses import dataclass, field

from notify_grpc.domain.deliveries import (
    HELD,
    PARKING_CHANNELS,
    RETRYABLE_BY_OPERATOR,
    WAITING,
    Delivery,
    DeliveryState,
    may,
)
from notify_grpc.domain.models import Channel

S = DeliveryState
Line = tuple[int, str, DeliveryState, bool]
"""Of an audit: fence, owner, state, stale."""


@dataclass
class Item:
    """What a delivery must show, and what time will do to it. Times are seconds since the program began."""

    channel: Channel
    expires: float
    due: float
    state: DeliveryState = S.PENDING
    fence: int = 0
    attempts: int = 0
    failures: int = 0
    lease_until: float = 0.0
    audit: list[Line] = field(default_factory=list)

    def shown(self) -> tuple[DeliveryState, int, int, int]:
        return self.state, self.fence, self.attempts, self.failures

    def expired(self, now: float) -> bool:
        return self.state in WAITING and self.expires <= now

    def claimable(self, now: float) -> bool:
        return self.state in WAITING and self.due <= now and not self.expired(now)

    def lease(self, until: float) -> None:
        self.state, self.lease_until = S.LEASED, until
        self.fence += 1
        self.attempts += 1

    def held(self, fence: int) -> bool:
        return self.state in HELD and self.fence == fence

    def start(self, fence: int, now: float) -> bool:
        started = self.held(fence) and self.state is S.LEASED and self.lease_until > now
        if started:
            self.state = S.SENDING
        return started

    def finish(self, fence: int, owner: str, state: DeliveryState, due: float) -> bool:
        taken = self.held(fence) and may(self.state, state)
        self.audit.append((fence, owner, state, not taken))
        if taken:
            self.state, self.due = state, due
            self.failures += 1
        return taken

    def renew(self, fence: int, until: float) -> bool:
        renewed = self.held(fence)
        if renewed:
            self.lease_until = until
        return renewed

    def release(self, fence: int, now: float) -> bool:
        released = self.held(fence) and self.state is S.LEASED
        if released:
            self.state, self.due = S.PENDING, now
            self.attempts -= 1
        return released

    def sweep(self, now: float) -> bool:
        """All that time does; whether it did anything."""
        before = self.state
        if self.state in HELD and self.lease_until <= now:
            parks = self.state is S.SENDING and self.channel in PARKING_CHANNELS
            self.state, self.due = (S.PARKED if parks else S.RETRY), now
        if self.expired(now):
            self.state = S.EXPIRED
        return self.state is not before

    def retry(self, now: float) -> bool:
        allowed = self.state in RETRYABLE_BY_OPERATOR
        if allowed:
            self.state, self.due, self.failures, self.attempts = S.PENDING, now, 0, 0
            if self.expires <= now:
                self.expires = float("inf")
        return allowed

    def report(self, state: DeliveryState) -> bool:
        allowed = may(self.state, state)
        if allowed:
            self.state = state
        return allowed


def shown(delivery: Delivery) -> tuple[DeliveryState, int, int, int]:
    """What `Item.shown` must be."""
    return delivery.state, delivery.fence, delivery.attempts, delivery.failures
