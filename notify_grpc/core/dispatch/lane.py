"""One provider's way out: how many sends at once, and whether it takes any."""

from __future__ import annotations

import logging

from notify_grpc.core.dispatch.breaker import Breaker, BreakerState
from notify_grpc.core.dispatch.settings import DispatchSettings
from notify_grpc.domain.clock import Clock
from notify_grpc.ports.provider import Provider, Receipt
from notify_grpc.ports.telemetry import Metrics

log = logging.getLogger(__name__)


class Lane:
    """A provider with its concurrency limit and its breaker. Whoever enters leaves again, with the answer if any."""

    def __init__(
        self, provider: Provider, title: str, settings: DispatchSettings, clock: Clock, metrics: Metrics
    ) -> None:
        self.provider = provider
        self.title = title
        self._limit = settings.concurrency
        self._metrics = metrics
        self._busy = 0
        self.breaker = Breaker(
            clock,
            failures=settings.breaker_failures,
            open_s=settings.breaker_open_s,
            max_open_s=settings.breaker_max_open_s,
        )
        self._show(BreakerState.CLOSED)

    @property
    def busy(self) -> int:
        """Sends under way."""
        return self._busy

    def capacity(self) -> int:
        """How many sends may run at once now: none while blocked, one while the breaker is half-open."""
        if self.breaker.blocked_s():
            return 0
        return 1 if self.breaker.state is BreakerState.HALF_OPEN else self._limit

    @property
    def probed(self) -> bool:
        """Whether its only send is the one that shows if the provider works again."""
        return self.breaker.state is BreakerState.HALF_OPEN and not self.has_room()

    def has_room(self) -> bool:
        return self._busy < self.capacity()

    def enter(self) -> None:
        self._busy += 1

    def leave(self, receipt: Receipt | None = None) -> None:
        """A send is over; ``receipt`` None when nothing is known of it."""
        self._busy -= 1
        if receipt is not None:
            before = self.breaker.state
            self.breaker.record(receipt)
            if (after := self.breaker.state) is not before:
                self._show(after)
                extra = {"provider": self.title, "breaker": str(after), "was": str(before)}
                log.log(
                    logging.INFO if after is BreakerState.CLOSED else logging.WARNING, "breaker changed", extra=extra
                )

    def _show(self, state: BreakerState) -> None:
        self._metrics.gauge("notify_breaker_open", float(state is not BreakerState.CLOSED), provider=self.title)
