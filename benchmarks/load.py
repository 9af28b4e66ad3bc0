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
        self._started = asyncio.Event()
        self._awaited = 0
        self._arrived = asyncio.Event()

    async def open(self, port: int, path: str, requests: list[bytes], metadata: list[Any], skip: int) -> None:
        """One stream for each request; returns when every one has had its ``skip`` first events. 1,000 a connection."""
        for start in range(0, len(requests), 1_000):
            one = channel(port)
            self._channels.append(one)
            for request, sent in zip(requests[start : start + 1_000], metadata[start : start + 1_000], strict=True):
                open_stream: Any = one.unary_stream(path)
                stream = open_stream(request, metadata=sent)
                self._tasks.append(asyncio.create_task(self._read(stream, skip)))
        waiting = asyncio.create_task(self._all_had_their_first(len(requests)))
        done, _ = await asyncio.wait({waiting, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def until(self, received: int) -> None:
        """Wait until so many events have arrived in all."""
        self._awaited = received
        if self.received < received:
            self._arrived.clear()
            await self._arrived.wait()

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
        self._started.set()
        while (await stream.read()) is not grpc.aio.EOF:
            self.received += 1
            if self.received == self._awaited:
                self._arrived.set()

    async def _all_had_their_first(self, streams: int) -> None:
        while self._first < streams:
            self._started.clear()
            await self._started.wait()


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
