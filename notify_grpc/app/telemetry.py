"""Settings → numbers and traces."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from notify_grpc.config import Settings
from notify_grpc.ports.telemetry import NoTracer, Tracer
from notify_grpc.telemetry.metrics import Numbers


def release() -> str:
    """This package's version."""
    try:
        return version("notify-grpc")
    except PackageNotFoundError:
        return "unknown"


class Telemetry:
    """``metrics`` always, ``tracer`` only where traces go somewhere: OpenTelemetry is not even imported otherwise."""

    def __init__(self, settings: Settings) -> None:
        self._tracing: Any = None
        self._flush_s = settings.shutdown_timeout / 6
        self.tracer: Tracer = NoTracer()
        if settings.tracing:
            from notify_grpc.telemetry.sampling import Sampling
            from notify_grpc.telemetry.tracing import Tracing, make_provider

            provider = make_provider(settings.otel_service_name, release())
            sampling = Sampling(settings.otel_traces_sampler, settings.otel_traces_sampler_arg)
            self.tracer = self._tracing = Tracing(provider, sampling, release())
        self.metrics = Numbers(self._tracing.trace_id if self._tracing else str)
        self.metrics.gauge("notify_build_info", 1, version=release())

    def grpc_interceptors(self, services: list[str]) -> list[Any]:
        """gRPC's own kind, for the unary calls of producers' services."""
        return [self._tracing.grpc_interceptor(services)] if self._tracing else []

    async def close(self) -> None:
        """Export what is left, off the loop, if that is quick: a collector that is away holds up no shutdown."""
        if self._tracing is not None:
            await _within(self._flush_s, self._tracing.shutdown)


async def _within(seconds: float, work: Callable[[], None]) -> None:
    """Wait so long for blocking work. In a thread that does not keep the process alive, unlike the loop's own."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        try:
            work()
        finally:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="notify-telemetry-flush", daemon=True).start()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await done.wait()
