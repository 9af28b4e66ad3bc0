"""Group commit: concurrent writes share one transaction, so that they share one wait for the disk."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, NamedTuple, TypeVar, cast

from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.domain.errors import ResourceExhausted, Unavailable
from notify_grpc.ports.store import AWAY

T = TypeVar("T")
R = TypeVar("R")

_RATE_WINDOW_S = 0.05
"""Over how long arrivals are averaged (the time constant of an exponential average)."""
_WORTH_WAITING_FOR = 4.0
"""Arrivals expected within the linger that make it worth its latency; below that the service counts as idle."""


class _Waiting(NamedTuple, Generic[T, R]):
    item: T
    answer: asyncio.Future[R]


class GroupCommit(Generic[T, R]):
    """Coalesces concurrent ``submit`` calls into few calls of ``commit``.

    ``commit(items)`` is one transaction and answers one result per item, in order; an exception among the results is
    raised to its submitter alone. While ``parallel`` commits run, what arrives forms the next group, of a total weight
    up to ``limit`` (a heavier item goes alone). With ``linger_s``, a group waits that long for company before it is
    committed, but only while arrivals are frequent enough for company to come.

    If ``commit`` raises one of `AWAY`, the database is at fault: every submitter of the group gets it. Any other
    exception is taken for one item's fault: the group was rolled back, and its items are committed one by one.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]],
        *,
        name: str,
        limit: int = 64,
        weigh: Callable[[T], int] = lambda _: 1,
        parallel: int = 1,
        linger_s: float = 0.0,
        max_waiting: int = 10_000,
        clock: Clock | None = None,
    ) -> None:
        self._commit = commit
        self._name = name
        self._limit = limit
        self._weigh = weigh
        self._parallel = parallel
        self._linger_s = linger_s
        self._max_waiting = max_waiting
        self._clock = clock or SystemClock()
        self._waiting: deque[_Waiting[T, R]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False
        self._rate = 0.0
        self._rate_at = 0.0

    async def submit(self, item: T) -> R:
        """The item's result, once its group is committed.

        Cancelled while it waits, it is never committed; cancelled later, its commit goes on without an audience.
        Raises Unavailable when closed, ResourceExhausted when too many wait, and whatever the commit raised.
        """
        if self._closed:
            raise Unavailable("the store is closed")
        if len(self._waiting) >= self._max_waiting:
            raise ResourceExhausted("too many writes wait for the store")
        if self._linger_s:
            self._count_arrival()
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, answer))
        if len(self._running) < self._parallel:
            self._start()
        return await answer

    async def close(self) -> None:
        """Refuse new items, commit those that wait, and return when all is done. May be called again."""
        self._closed = True
        while self._running:
            await asyncio.wait(self._running)

    def _start(self) -> None:
        # An empty context: a group belongs to the trace of none of its submitters.
        task = asyncio.create_task(self._run(), name=f"{self._name}: group commit", context=Context())
        self._running.add(task)

    async def _run(self) -> None:
        try:
            while self._waiting:
                if self._should_linger():
                    await self._clock.sleep(self._linger_s)
                if group := self._take():
                    await self._commit_group(group)
        finally:
            # Here, not in a callback of the task: nobody may submit in between and count on this one to go on.
            self._running.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _take(self) -> list[_Waiting[T, R]]:
        """The next group: in order of arrival, without those whose submitter has gone."""
        group: list[_Waiting[T, R]] = []
        weight = 0
        while self._waiting:
            if self._waiting[0].answer.done():
                self._waiting.popleft()
                continue
            weight += self._weigh(self._waiting[0].item)
            if group and weight > self._limit:
                break
            group.append(self._waiting.popleft())
        return group

    async def _commit_group(self, group: list[_Waiting[T, R]]) -> None:
        try:
            results = await self._commit([waiting.item for waiting in group])
        except Exception as exc:  # noqa: BLE001 - it is the submitters' to handle
            if len(group) == 1 or isinstance(exc, AWAY):
                _answer(group, [exc] * len(group))
                return
            for waiting in group:
                await self._commit_group([waiting])
        except BaseException:
            for waiting in group:
                waiting.answer.cancel()
            raise
        else:
            _answer(group, results)

    def _count_arrival(self) -> None:
        now = self._clock.monotonic()
        self._rate = self._rate * math.exp((self._rate_at - now) / _RATE_WINDOW_S) + 1 / _RATE_WINDOW_S
        self._rate_at = now

    def _should_linger(self) -> bool:
        return (
            self._linger_s > 0
            and not self._closed
            and len(self._waiting) < self._limit
            and self._rate * self._linger_s >= _WORTH_WAITING_FOR
        )


def _answer(group: Sequence[_Waiting[T, R]], results: Sequence[R | Exception]) -> None:
    for waiting, result in zip(group, results, strict=True):
        if waiting.answer.done():
            continue
        if isinstance(result, Exception):
            waiting.answer.set_exception(result)
            waiting.answer.exception()  # taken: a submitter cancelled in this very moment leaves no complaint behind
        else:
            waiting.answer.set_result(result)
