"""Writes of concurrent jobs go together, and none waits for company."""

from __future__ import annotations

import asyncio

import pytest

from notify_grpc.core.dispatch.batcher import Batcher


class Writer:
    """Notes its batches; while ``held`` each waits for ``go``."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = asyncio.Event()
        self.go.set()
        self.fail_on: int | None = None

    async def write(self, items: list[int]) -> None:
        self.batches.append(items)
        await self.go.wait()
        if self.fail_on in items:
            raise RuntimeError("no")


@pytest.fixture
def writer() -> Writer:
    return Writer()


async def test_a_lone_item_is_written_at_once(writer: Writer) -> None:
    batcher = Batcher("test", writer.write)
    batcher.add(1)
    await asyncio.sleep(0)
    assert writer.batches == [[1]]
    await batcher.drain()


async def test_what_comes_in_during_a_write_is_one_batch(writer: Writer) -> None:
    batcher = Batcher("test", writer.write)
    writer.go.clear()
    batcher.add(1)
    await asyncio.sleep(0)
    for item in (2, 3, 4):
        batcher.add(item)
    await asyncio.sleep(0)
    assert writer.batches == [[1]]
    writer.go.set()
    await batcher.drain()
    assert writer.batches == [[1], [2, 3, 4]]


async def test_batches_are_bounded_and_in_order(writer: Writer) -> None:
    batcher = Batcher("test", writer.write, limit=2)
    for item in range(5):
        batcher.add(item)
    await batcher.drain()
    assert writer.batches == [[0, 1], [2, 3], [4]]


async def test_a_failing_batch_does_not_end_the_writing(writer: Writer, caplog: pytest.LogCaptureFixture) -> None:
    batcher = Batcher("test", writer.write, limit=1)
    writer.fail_on = 1
    batcher.add(1)
    batcher.add(2)
    await batcher.drain()
    batcher.add(3)
    await batcher.drain()
    assert writer.batches == [[1], [2], [3]]
    assert caplog.messages == ["a group of writes failed"]


async def test_cancelling_the_drain_does_not_cancel_the_write(writer: Writer) -> None:
    batcher = Batcher("test", writer.write)
    writer.go.clear()
    batcher.add(1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await batcher.drain()
    batcher.add(2)
    writer.go.set()
    await batcher.drain()
    assert writer.batches == [[1], [2]]


async def test_stopped_it_forgets_and_can_begin_anew(writer: Writer) -> None:
    batcher = Batcher("test", writer.write, limit=1)
    writer.go.clear()
    batcher.add(1)
    batcher.add(2)
    await asyncio.sleep(0)
    await batcher.stop()
    await batcher.stop()
    writer.go.set()
    batcher.add(3)
    await batcher.drain()
    assert writer.batches == [[1], [3]]
