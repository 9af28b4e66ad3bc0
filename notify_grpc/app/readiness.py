"""Readiness follows the store; liveness does not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from notify_grpc.domain.clock import Clock
from notify_grpc.ports.store import AWAY, Store

log = logging.getLogger(__name__)
_INTERVAL_S = 2.0


class Readiness:
    """Asks the store every two seconds and tells ``changed``; ``details`` adds what operators should see."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        changed: Callable[[bool], None],
        details: Callable[[], Mapping[str, object]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._changed = changed
        self._details = details
        self._ready = False
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Ask once, then go on asking."""
        await self._ask()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="notify-readiness")

    def stop_serving(self) -> None:
        """Not ready from now on, whatever the store says."""
        self._stopping = True
        self._set(False)

    async def close(self) -> None:
        """Stop asking. Idempotent, safe before start."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def report(self) -> tuple[bool, Mapping[str, object]]:
        """For /healthz: whether it can serve, and details."""
        return self._ready, {"store": "ok" if self._ready else "unavailable", **self._details()}

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(_INTERVAL_S)
            await self._ask()

    async def _ask(self) -> None:
        try:
            await self._store.ping()
        except AWAY as exc:
            if self._ready:
                log.warning("not ready", extra={"reason": str(exc)})
            self._set(False)
        except Exception:  # what was ready must not stay so because the asking broke
            log.exception("not ready: the store cannot be asked")
            self._set(False)
        else:
            self._set(not self._stopping)

    def _set(self, ready: bool) -> None:
        if ready and not self._ready:
            log.info("ready")
        self._ready = ready
        self._changed(ready)
