"""A leased delivery in this process's hands."""

from __future__ import annotations

import asyncio

from notify_grpc.core.dispatch.settings import Attempted
from notify_grpc.domain.deliveries import Delivery, Job, Lease


class Held:
    """A job and how long its lease and its message last.

    Both are reckoned from the store's own times and from seconds elapsed here, so this machine's idea of the date does
    not matter. ``since`` is the monotonic time at which the lease was asked for.
    """

    __slots__ = ("answer", "claimed", "job", "lease", "lease_until", "provider", "useful_until")

    def __init__(self, job: Job, *, since: float, lease_s: float, now_ms: int, claimed: bool = False) -> None:
        self.job = job
        self.lease: Lease = job.lease
        self.lease_until = since + lease_s
        self.claimed = claimed
        """By the poll, not handed over by a Notify call."""
        self.provider = ""
        """The last one that may have the message."""
        self.answer: asyncio.Future[Attempted] | None = None
        self.useful_until: float | None = None
        delivery = job.delivery
        if delivery.expires_at_ms:
            leased_at_ms = delivery.lease_until_ms - lease_s * 1000 if delivery.lease_until_ms else now_ms
            self.useful_until = since + (delivery.expires_at_ms - leased_at_ms) / 1000

    @property
    def delivery(self) -> Delivery:
        return self.job.delivery

    def remaining_s(self, now: float) -> float | None:
        """Seconds until the message expires, None if it never does."""
        return None if self.useful_until is None else self.useful_until - now

    def watch(self) -> asyncio.Future[Attempted]:
        """The stored result, once there is one; cancelled when this process gives the delivery up."""
        self.answer = asyncio.get_running_loop().create_future()
        return self.answer

    def resolve(self, attempted: Attempted | None) -> None:
        """Tell who waits."""
        if self.answer is not None and not self.answer.done():
            if attempted is None:
                self.answer.cancel()
            else:
                self.answer.set_result(attempted)
