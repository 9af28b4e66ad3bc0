"""Sources are cut into groups without waiting for more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from notify_grpc.client.batches import in_batches


async def collect(groups: AsyncIterator[list[int]]) -> list[list[int]]:
    return [group async for group in groups]


@pytest.mark.parametrize(
    ("items", "groups"), [(0, []), (1, [[0]]), (2, [[0, 1]]), (5, [[0, 1], [2, 3], [4]]), (4, [[0, 1], [2, 3]])]
)
async def test_a_list_is_cut(items: int, groups: list[list[int]]) -> None:
    assert await collect(in_batches(range(items), 2)) == groups


async def test_an_async_source_that_is_ready_is_cut_alike() -> None:
    async def source() -> AsyncIterator[int]:
        for i in range(5):
            yield i

    groups = await collect(in_batches(source(), 2))
    assert [i for group in groups for i in group] == [0, 1, 2, 3, 4]
    assert max(map(len, groups)) == 2


async def test_what_is_there_does_not_wait_for_more() -> None:
    more = asyncio.Event()

    async def source() -> AsyncIterator[int]:
        yield 1
        await more.wait()
        yield 2

    groups = in_batches(source(), 100)
    assert await asyncio.wait_for(anext(groups), 5) == [1]
    more.set()
    assert await collect(groups) == [[2]]


async def test_what_came_before_an_exception_is_given_first() -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        raise LookupError("no more")

    groups = in_batches(source(), 100)
    assert await anext(groups) == [1]
    with pytest.raises(LookupError):
        await anext(groups)
