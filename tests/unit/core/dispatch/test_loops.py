"""Side tasks that outlive defects and end when told."""

from __future__ import annotations

import asyncio

from notify_grpc.core.dispatch.loops import Loop, Signal, end
from notify_grpc.domain.errors import Unavailable
from tests.support.clock import ManualClock
from tests.support.dispatching import turns


class Work:
    """A step that does what it is told and then waits to be let on."""

    def __init__(self) -> None:
        self.runs = 0
        self.errors: list[Exception] = []
        self.on = asyncio.Event()

    async def step(self) -> None:
        self.runs += 1
        if self.errors:
            raise self.errors.pop(0)

    async def rest(self) -> None:
        await self.on.wait()
        self.on.clear()


async def test_it_runs_until_stopped(clock: ManualClock) -> None:
    work = Work()
    loop = Loop("test", work.step, work.rest, clock)
    await loop.stop()
    loop.start()
    for runs in (1, 2, 3):
        await turns()
        assert work.runs == runs
        work.on.set()
    await loop.stop()
    await loop.stop()
    await turns()
    assert work.runs == 3


async def test_it_waits_longer_after_each_failure(clock: ManualClock) -> None:
    work = Work()
    work.errors = [Unavailable("away") for _ in range(8)]
    loop = Loop("test", work.step, work.rest, clock)
    loop.start()
    for runs, pause_s in enumerate((0.25, 0.5, 1, 2, 4, 8, 8, 8), 1):
        await clock.until_sleeping(1)
        assert work.runs == runs
        await clock.advance(pause_s - 0.01)
        assert work.runs == runs
        await clock.advance(0.01)
    assert work.runs == 9
    await loop.stop()


async def test_an_outage_that_is_over_is_forgotten(clock: ManualClock) -> None:
    work = Work()
    loop = Loop("test", work.step, work.rest, clock)
    loop.start()
    for _ in range(5):
        await turns()
        work.errors = [Unavailable("away")]
        work.on.set()
        await clock.until_sleeping(1)
        await clock.advance(0.25)
    assert work.runs == 11
    await loop.stop()


async def test_a_cancellation_that_gets_lost_is_repeated() -> None:
    lost = 0

    async def deaf() -> None:
        nonlocal lost
        while lost < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await asyncio.wait_for(end(task), 5)
    assert lost == 2


async def test_a_cancellation_turned_into_an_error_ends_the_loop(clock: ManualClock) -> None:
    async def step() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as exc:
            raise Unavailable("cancelled, it says") from exc

    loop = Loop("test", step, asyncio.Event().wait, clock)  # type: ignore[arg-type]  # what it returns does not matter
    loop.start()
    await turns()
    await asyncio.wait_for(loop.stop(), 5)


async def test_a_signal_ends_a_wait_early(clock: ManualClock) -> None:
    signal = Signal(clock)
    waiting = asyncio.create_task(signal.wait(10))
    await turns()
    signal.set()
    assert await waiting
    assert clock.sleeping == 0


async def test_a_signal_set_before_counts_once(clock: ManualClock) -> None:
    signal = Signal(clock)
    signal.set()
    signal.set()
    assert await signal.wait(10)
    waiting = asyncio.create_task(signal.wait(10))
    await turns()
    assert not waiting.done()
    await clock.advance(10)
    assert not await waiting
