"""Records that a live session took a notification: in batches, off the path of the stream."""

from __future__ import annotations

import asyncio
import logging

from notify_grpc.domain.clock import Clock
from notify_grpc.domain.models import UserKey
from notify_grpc.ports.store import AWAY, InboxStore

log = logging.getLogger(__name__)
_BATCH = 1_000
_PAUSE_S = 0.1
_MAX_WAITING = 100_000


class DeliveredRecorder:
    """Collects (user, id) pairs and marks them delivered about ten times a second.

    A batch the store refuses is tried again; what does not fit the bound is dropped, so that a notification stays
    PENDING though a session took it, never the other way round.
    """

    def __init__(self, store: InboxStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting: dict[tuple[UserKey, str], None] = {}
        self._some = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start recording."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="notify-delivered-recorder")

    async def close(self) -> None:
        """Record what waits, if the store lets us; stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            await self._flush()

    def add(self, user: UserKey, notification_ref: str) -> None:
        """A session took this notification."""
        if len(self._waiting) < _MAX_WAITING:
            self._waiting[user, notification_ref] = None
            self._some.set()

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            await self._clock.sleep(_PAUSE_S)
            self._some.clear()
            if not await self._flush():
                await self._clock.sleep(1.0)
                self._some.set()

    async def _flush(self) -> bool:
        while self._waiting:
            batch = list(self._waiting)[:_BATCH]
            try:
                await self._store.mark_delivered(batch, self._clock.now_ms())
            except AWAY as exc:
                log.warning("delivered marks wait for the store", extra={"reason": str(exc)})
                return False
            except Exception:  # marks the store chokes on must not hold up those of everybody else for ever
                log.exception("delivered marks cannot be stored", extra={"marks": len(batch)})
            for item in batch:
                self._waiting.pop(item, None)
        return True
