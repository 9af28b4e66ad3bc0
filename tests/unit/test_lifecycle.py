"""From signal to exit code, with real signals to this process."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from notify_grpc.lifecycle import FORCED, serve_until_signal


class Told:
    """A service that waits where it is told to."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.starting = asyncio.Event()
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.stopping = asyncio.Event()
        self.may_stop = asyncio.Event()
        self.may_stop.set()

    async def start(self) -> None:
        self.starting.set()
        await self.may_start.wait()
        self.done.append("started")

    async def stop(self) -> None:
        self.stopping.set()
        await self.may_stop.wait()
        self.done.append("stopped")


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_exits_0(number: signal.Signals) -> None:
    service, listening = Told(), asyncio.Event()
    serving = asyncio.create_task(serve_until_signal(service, 10, listening.set))
    await listening.wait()

    send(number)

    assert await serving == 0
    assert service.done == ["started", "stopped"]


async def test_a_second_signal_forces(caplog: pytest.LogCaptureFixture) -> None:
    service, listening = Told(), asyncio.Event()
    service.may_stop.clear()
    serving = asyncio.create_task(serve_until_signal(service, 60, listening.set))
    await listening.wait()
    send(signal.SIGTERM)
    await service.stopping.wait()

    send(signal.SIGTERM)

    assert await serving == FORCED
    assert service.done == ["started"]


async def test_a_shutdown_that_takes_too_long_is_cut_short() -> None:
    service, listening = Told(), asyncio.Event()
    service.may_stop.clear()
    serving = asyncio.create_task(serve_until_signal(service, 0.01, listening.set))
    await listening.wait()

    send(signal.SIGTERM)

    assert await serving == FORCED


async def test_a_signal_during_the_start_ends_it() -> None:
    service = Told()
    service.may_start.clear()
    serving = asyncio.create_task(serve_until_signal(service, 10, lambda: None))
    await service.starting.wait()

    send(signal.SIGINT)

    assert await serving == 0
    assert service.done == []


async def test_a_start_that_fails_is_told_and_signals_are_given_back() -> None:
    class Broken(Told):
        async def start(self) -> None:
            raise OSError("port taken")

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(OSError, match="port taken"):
        await serve_until_signal(Broken(), 10, lambda: None)

    assert signal.getsignal(signal.SIGTERM) == before
