"""Whether a provider takes messages right now."""

from __future__ import annotations

from enum import StrEnum

from notify_grpc.core.dispatch.decision import MIN_RETRY_AFTER_S, clamp_retry_after
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.ports.provider import Receipt

_FAILING = frozenset({ErrorClass.TRANSIENT, ErrorClass.UNKNOWN_OUTCOME})


class BreakerState(StrEnum):
    """Closed lets all through, open nothing, half-open one probe at a time."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """Opens at once on MISCONFIGURED and after ``failures`` transient or unknown answers in a row.

    It stays open for ``open_s``, twice as long after each probe that fails, ``max_open_s`` at most. A rate limit is no
    failure: it only pauses the provider for as long as it asked.
    """

    def __init__(self, clock: Clock, *, failures: int, open_s: float, max_open_s: float) -> None:
        self._clock = clock
        self._limit = failures
        self._first_open_s = open_s
        self._max_open_s = max_open_s
        self._run = 0
        self._open_s = 0.0
        self._open_until: float | None = None
        self._paused_until = 0.0
        self._why = ""

    @property
    def state(self) -> BreakerState:
        """Where it stands at this moment."""
        if self._open_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._clock.monotonic() < self._open_until else BreakerState.HALF_OPEN

    def blocked_s(self) -> float:
        """Seconds until the provider may be tried again, 0 if it may."""
        return max(0.0, max(self._open_until or 0.0, self._paused_until) - self._clock.monotonic())

    def explain(self) -> str:
        """The state and, unless all is well, why: for readiness details."""
        if self._open_until is not None:
            return f"{self.state}: {self._why}"
        return "paused: rate limited" if self.blocked_s() else str(BreakerState.CLOSED)

    def record(self, receipt: Receipt) -> None:
        """Learn from an answer."""
        error = receipt.error_class
        if error is ErrorClass.RATE_LIMITED:
            asked_s = clamp_retry_after(receipt.retry_after_s or MIN_RETRY_AFTER_S)
            self._paused_until = max(self._paused_until, self._clock.monotonic() + asked_s)
        elif error is ErrorClass.MISCONFIGURED:
            self._fail(receipt, at_once=True)
        elif error in _FAILING:
            self._fail(receipt, at_once=False)
        elif self.state is not BreakerState.OPEN:
            self._close()

    def _fail(self, receipt: Receipt, *, at_once: bool) -> None:
        self._run += 1
        if self.state is BreakerState.OPEN or not (at_once or self._open_until or self._run >= self._limit):
            return
        self._open_s = min(self._open_s * 2, self._max_open_s) if self._open_s else self._first_open_s
        self._open_until = self._clock.monotonic() + self._open_s
        self._why = f"{receipt.error_class} {receipt.error_code}".strip()

    def _close(self) -> None:
        self._run = 0
        self._open_s = 0.0
        self._open_until = None
