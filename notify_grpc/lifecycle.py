"""From the first signal to the exit code: start, serve, drain in time, or be forced."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger(__name__)
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_FORCE_S = 0.5
"""What being forced may still clean up."""
FORCED = 1
"""Exit code when a second signal or the time limit cut the shutdown short."""


class Service(Protocol):
    """What is started and stopped."""

    async def start(self) -> None:
        """Ready to serve when this returns; a failure leaves nothing running."""
        ...

    async def stop(self) -> None:
        """Drain and release everything."""
        ...


class Signals:
    """Counts the process's stop signals while it is entered."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()

    def __enter__(self) -> Signals:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._received, number)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    def _received(self, number: int) -> None:
        name = signal.Signals(number).name
        if self.first.is_set():
            log.warning("second signal: stopping at once", extra={"signal": name})
            self.second.set()
        else:
            log.info("signal received: draining", extra={"signal": name})
            self.first.set()


async def serve_until_signal(service: Service, shutdown_timeout_s: float, started: Callable[[], None]) -> int:
    """Start, call ``started``, wait for SIGTERM or SIGINT, drain within the time; the exit code (0: drained).

    A signal during the start ends it. Raises what ``start`` raises.
    """
    with Signals() as signals:
        starting = asyncio.create_task(service.start(), name="notify-start")
        if not await _first_of(starting, signals.first):
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return 0
        await starting
        started()
        await signals.first.wait()
        return await _stop(service, signals, shutdown_timeout_s)


async def _stop(service: Service, signals: Signals, timeout_s: float) -> int:
    stopping = asyncio.create_task(service.stop(), name="notify-stop")
    try:
        async with asyncio.timeout(timeout_s):
            if await _first_of(stopping, signals.second):
                await stopping
                return 0
    except TimeoutError:
        log.error("shutdown took too long: stopping at once", extra={"timeout_s": timeout_s})
    stopping.cancel()
    await asyncio.wait({stopping}, timeout=_FORCE_S)
    return FORCED


async def _first_of(task: asyncio.Task[None], event: asyncio.Event) -> bool:
    """Whether the task was done before the event was set."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    return task.done()
