"""Load on loopback, bounded in time and number: callers in a closed loop, streams that count what arrives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

Call = Callable[[], Awaitable[object]]


def channel(port: int) -> grpc.aio.Channel:
    """A connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_concurrent_streams", 100_000)]
    return grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options)


async def calls_per_second(call: Call, *, seconds: float, in_flight: int) -> float:
    """Completed calls per second with ``in_flight`` callers that each wait for their answer."""
    count = 0
    end = time.perf_counter() + seconds

    async def caller() -> None:
        nonlocal count
        while time.perf_counter() < end:
            await call()
            count += 1

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(in_flight)))
    return count / (time.perf_counter() - started)


class Streams:
    """Many streams of one method; counts events after each one's first."""

    def __init__(self) -> None:
        self.received = 0
        self._channels: list[grpc.aio.Channel] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._first = 0

    async def open(self, port: int, path: str, requests: list[bytes], metadata: list[Any], skip: int) -> None:
        """One stream for each request; returns when every one has had its ``skip`` first events. 1,000 a connection."""
        for start in range(0, len(requests), 1_000):
            one = channel(port)
            self._channels.append(one)
            for request, sent in zip(requests[start : start + 1_000], metadata[start : start + 1_000], strict=True):
                stream = one.unary_stream(path)(request, metadata=sent)
                self._tasks.append(asyncio.create_task(self._read(stream, skip)))
        while self._first < len(requests):
            await asyncio.sleep(0.01)
            failed = next((t for t in self._tasks if t.done()), None)
            if failed is not None:
                failed.result()

    async def until(self, received: int) -> None:
        """Wait until so many events have arrived in all."""
        while self.received < received:
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        """End every stream."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in self._channels:
            await one.close()

    async def _read(self, stream: Any, skip: int) -> None:
        for _ in range(skip):
            await stream.read()
        self._first += 1
        while (await stream.read()) is not grpc.aio.EOF:
            self.received += 1


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
