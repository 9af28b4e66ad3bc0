"""Settings → numbers and traces."""

from __future__ import annotations

import asyncio
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
        """Export what is left, off the loop."""
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.shutdown)
