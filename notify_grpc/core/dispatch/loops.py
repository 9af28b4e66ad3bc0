"""Side tasks that do not die."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context

from notify_grpc.domain.clock import Clock
from notify_grpc.domain.errors import NotifyError
from notify_grpc.ports.store import AWAY

log = logging.getLogger(__name__)
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 8.0
_CANCEL_AGAIN_S = 0.2


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks until they are done: now and then a library loses a cancellation (asyncio.wait_for before 3.12)."""
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=_CANCEL_AGAIN_S)


class Outage:
    """Tells the log once when the store goes and once when it is back; how long to wait meanwhile."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._failures = 0

    def failed(self, exc: NotifyError) -> float:
        """Another failure; seconds to wait before the next try."""
        if not self._failures:
            log.warning("the store is unavailable", extra={"task": self._name, "reason": str(exc)})
        self._failures += 1
        return min(_FIRST_PAUSE_S * 2.0 ** (self._failures - 1), _LONGEST_PAUSE_S)

    def over(self) -> None:
        """It worked."""
        if self._failures:
            log.info("the store is available again", extra={"task": self._name, "failures": self._failures})
        self._failures = 0


class Loop:
    """Runs ``step`` and ``rest`` in turn. A store that is away slows it down; after a defect, logged, it goes on."""

    def __init__(
        self, name: str, step: Callable[[], Awaitable[None]], rest: Callable[[], Awaitable[None]], clock: Clock
    ) -> None:
        self._name = name
        self._step = step
        self._rest = rest
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name, context=Context())

    async def stop(self) -> None:
        """Cancel and wait; idempotent, safe before start."""
        task, self._task = self._task, None
        if task is not None:
            await end(task)

    async def _run(self) -> None:
        outage = Outage(self._name)
        me = asyncio.current_task()
        # A library that turns our cancellation into an error of its own must not keep us going.
        while me is not None and not me.cancelling():
            try:
                await self._step()
                outage.over()
                await self._rest()
            except AWAY as exc:
                if not me.cancelling():
                    await self._clock.sleep(outage.failed(exc))
            except Exception:  # the loop is what keeps deliveries moving: it must outlive a defect
                log.exception("a side task failed and is begun again", extra={"task": self._name})
                await self._clock.sleep(_LONGEST_PAUSE_S)


class Signal:
    """An event one can wait for with a limit by the injected clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Return when set or after ``seconds``; whether it was set. Clears it."""
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        event = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait({timer, event}, return_when=asyncio.FIRST_COMPLETED)
            return self._event.is_set()
        finally:
            self._event.clear()
            for task in (timer, event):
                task.cancel()
