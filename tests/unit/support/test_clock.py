"""ManualClock: time passes only when told, and everybody wakes in order."""

from __future__ import annotations

import asyncio

import pytest

from notify_grpc.domain.clock import Clock
from tests.support.clock import ManualClock
from tests.support.waiting import eventually


async def test_sleepers_wake_in_order_and_may_sleep_again(clock: ManualClock) -> None:
    woken: list[tuple[str, float]] = []

    async def beat(name: str, period: float) -> None:
        for _ in range(3):
            await clock.sleep(period)
            woken.append((name, clock.monotonic()))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(beat("slow", 3))
        tasks.create_task(beat("fast", 2))
        await clock.until_sleeping(2)
        await clock.advance(5)
        assert woken == [("fast", 2), ("slow", 3), ("fast", 4)]
        await clock.advance(4)
    assert clock.sleeping == 0


async def test_nobody_wakes_early(clock: ManualClock) -> None:
    before = clock.now_ms()
    sleeper = asyncio.create_task(clock.sleep(1))
    await clock.until_sleeping()
    await clock.advance(0.999)
    assert not sleeper.done()
    await clock.advance(0.001)
    await sleeper
    assert clock.now_ms() == before + 1000


async def test_a_cancelled_sleeper_is_forgotten(clock: ManualClock) -> None:
    sleeper = asyncio.create_task(clock.sleep(1))
    await clock.until_sleeping()
    sleeper.cancel()
    await eventually(sleeper.cancelled)
    assert clock.sleeping == 0
    await clock.advance(2)


def test_it_is_a_clock(clock: ManualClock) -> None:
    typed: Clock = clock
    assert typed.monotonic() == 0


async def test_eventually_takes_functions_and_coroutines_and_gives_up() -> None:
    answers = iter([0, "", 7])
    assert await eventually(lambda: next(answers)) == 7

    async def never() -> bool:
        return False

    with pytest.raises(AssertionError, match="the last answer was False"):
        await eventually(never, timeout=0.02)
