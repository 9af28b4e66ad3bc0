"""Items of any source in groups."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


async def in_batches(source: Iterable[T] | AsyncIterable[T], size: int) -> AsyncGenerator[list[T], None]:
    """Groups of up to ``size`` items, in order. An async source is not waited for: a group is what is ready."""
    if isinstance(source, AsyncIterable):
        async with aclosing(_ready(aiter(source), size)) as groups:
            async for group in groups:
                yield group
        return
    items = iter(source)
    while group := list(islice(items, size)):
        yield group


async def _ready(source: AsyncIterator[T], size: int) -> AsyncGenerator[list[T], None]:
    group: list[T] = []
    upcoming = _next_of(source)
    try:
        while True:
            await asyncio.sleep(0)
            if group and (len(group) == size or not upcoming.done()):
                yield group
                group = []
            try:
                group.append(await upcoming)
            except StopAsyncIteration:
                break
            except Exception:
                if group:
                    yield group
                raise
            upcoming = _next_of(source)
    finally:
        upcoming.cancel()
    if group:
        yield group


def _next_of(source: AsyncIterator[T]) -> asyncio.Future[T]:
    return asyncio.ensure_future(anext(source))
