"""A clock that moves only when told."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

from tests.support.waiting import eventually

_ROUNDS = 20
"""Turns of the loop given to the woken before time goes on."""


class ManualClock:
    """A ``notify_grpc.domain.clock.Clock`` for tests: ``advance`` wakes sleepers in the order they are due."""

    def __init__(self, now_ms: int = 1_750_000_000_000) -> None:
        self._start_ms = now_ms
        self._elapsed_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def now_ms(self) -> int:
        return self._start_ms + round(self._elapsed_s * 1000)

    def monotonic(self) -> float:
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed_s + seconds, next(self._order), woken))
        await woken

    @property
    def sleeping(self) -> int:
        """How many wait for time to pass."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Let time pass. Each sleeper wakes at its own moment and may sleep again within the same ``seconds``."""
        target = self._elapsed_s + seconds
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self._elapsed_s = max(self._elapsed_s, due)
                woken.set_result(None)
                await _let_others_run()
        self._elapsed_s = target
        await _let_others_run()

    async def until_sleeping(self, sleepers: int = 1) -> None:
        """Return once that many wait: what ``advance`` is to wake is then in place."""
        await eventually(lambda: self.sleeping >= sleepers)


async def _let_others_run() -> None:
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)
