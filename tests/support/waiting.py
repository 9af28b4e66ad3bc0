"""Waiting for something that gives no signal, within a deadline."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")
_PAUSE_S = 0.005


@overload
async def eventually(condition: Callable[[], Awaitable[T]], timeout: float = 5.0) -> T: ...
@overload
async def eventually(condition: Callable[[], T], timeout: float = 5.0) -> T: ...
async def eventually(condition: Callable[[], object], timeout: float = 5.0) -> object:
    """The first truthy result of ``condition`` (a function or coroutine function), asked every few milliseconds.

    Raises AssertionError with the last result after ``timeout`` seconds. The one place where tests may sleep.
    """
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if inspect.isawaitable(result):
            result = await result
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s; the last answer was {result!r}")
        await asyncio.sleep(_PAUSE_S)
