"""Grouping what concurrent jobs write."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Generic, TypeVar

from notify_grpc.core.dispatch.loops import end

T = TypeVar("T")
log = logging.getLogger(__name__)


class Batcher(Generic[T]):
    """Hands items to ``write`` in groups: one write at a time, and the next takes all that came in meanwhile.

    When idle it waits for nothing. The write runs in a task of its own: cancelling who added an item does not undo it.
    ``write`` deals with its errors; what it raises all the same is logged and its group is forgotten.
    """

    def __init__(self, name: str, write: Callable[[list[T]], Awaitable[None]], limit: int = 500) -> None:
        self._name = name
        self._write = write
        self._limit = limit
        self._waiting: list[T] = []
        self._task: asyncio.Task[None] | None = None

    def add(self, item: T) -> None:
        """Have an item written soon."""
        self._waiting.append(item)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name, context=Context())

    async def drain(self) -> None:
        """Return once everything added is written. Cancelling this does not cancel the writing."""
        while self._task is not None:
            await asyncio.wait({self._task})

    async def stop(self) -> None:
        """Forget what is not written."""
        self._waiting.clear()
        if self._task is not None:
            await end(self._task)

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                try:
                    await self._write(batch)
                except Exception:  # a group that fails must not take the writer with it
                    log.exception("a group of writes failed", extra={"batcher": self._name, "items": len(batch)})
        finally:
            self._task = None
