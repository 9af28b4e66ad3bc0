"""Forgets old notifications, a bounded batch at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from notify_grpc.core.dispatch.reporting import Reporter
from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.domain.models import EXTERNAL_CHANNELS, Channel
from notify_grpc.ports.events import EventSink, NoEvents
from notify_grpc.ports.store import AWAY, Retention
from notify_grpc.ports.telemetry import NoMetrics

log = logging.getLogger(__name__)


class RetentionSweep:
    """Deletes notifications older than ``age_s`` every ``interval_s``; an age of 0 keeps everything.

    What is still to be sent keeps its notification, but only on the channels that are ``served``.
    """

    def __init__(
        self,
        store: Retention,
        age_s: float,
        *,
        interval_s: float = 3_600.0,
        batch: int = 500,
        served: Collection[Channel] = EXTERNAL_CHANNELS,
        clock: Clock = SystemClock(),
        events: EventSink = NoEvents(),
    ) -> None:
        self._store = store
        self._age_s = age_s
        self._interval_s = interval_s
        self._batch = batch
        self._unserved = frozenset(EXTERNAL_CHANNELS) - frozenset(served)
        self._reporter = Reporter(NoMetrics(), events, clock)
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start sweeping, at once and then at every interval."""
        if self._age_s > 0 and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="notify-retention-sweep")

    async def close(self) -> None:
        """Stop. Idempotent, safe before open."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def sweep(self) -> int:
        """Delete all that is too old now; how many. Raises as the store does."""
        before_ms = self._clock.now_ms() - round(self._age_s * 1_000)
        pruned = await self._prune(before_ms)
        # Afterwards: what is left is little, and kept for what is to be sent.
        return pruned + (await self._prune(before_ms) if await self._abandon(before_ms) else 0)

    async def _prune(self, before_ms: int) -> int:
        total = 0
        while pruned := await self._store.prune(before_ms, limit=self._batch):
            total += pruned
        return total

    async def _abandon(self, before_ms: int) -> int:
        """End what waits for a provider that was taken away; how many deliveries."""
        total = 0
        while self._unserved and (ended := await self._store.abandon(before_ms, self._unserved, limit=self._batch)):
            total += len(ended)
            for delivery in ended:
                self._reporter.swept(delivery)
        return total

    async def _run(self) -> None:
        while True:
            try:
                if total := await self.sweep():
                    log.info("old notifications removed", extra={"count": total})
            except AWAY as exc:
                log.warning("retention waits for the store", extra={"reason": str(exc)})
            except Exception:  # it comes round seldom, and must come round again
                log.exception("old notifications could not be removed this time")
            await self._clock.sleep(self._interval_s)
