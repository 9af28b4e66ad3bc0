"""Forgets old notifications, a bounded batch at a time."""

from __future__ import annotations

import asyncio
import logging

from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.ports.store import AWAY, Retention

log = logging.getLogger(__name__)


class RetentionSweep:
    """Deletes notifications older than ``age_s`` every ``interval_s``; an age of 0 keeps everything."""

    def __init__(
        self,
        store: Retention,
        age_s: float,
        *,
        interval_s: float = 3_600.0,
        batch: int = 500,
        clock: Clock = SystemClock(),
    ) -> None:
        self._store = store
        self._age_s = age_s
        self._interval_s = interval_s
        self._batch = batch
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
        total = 0
        while pruned := await self._store.prune(before_ms, limit=self._batch):
            total += pruned
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
