"""Waiting for something that gives no signal, within a deadline."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_PAUSE_S = 0.005


async def eventually(condition: Callable[[], T | Awaitable[T]], timeout: float = 5.0) -> T:
    """The first truthy result of ``condition`` (a function or coroutine function), asked every few milliseconds.

    Raises AssertionError with the last result after ``timeout`` seconds. The one place where tests may sleep.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        result: T = await answer if inspect.isawaitable(answer) else answer
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s; the last answer was {result!r}")
        await asyncio.sleep(_PAUSE_S)
