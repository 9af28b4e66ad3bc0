"""What telemetry costs Notify: tracing at 1 % with export, against the service without; numbers are always kept."""

from __future__ import annotations

import itertools
from contextlib import AsyncExitStack
from typing import Any

from benchmarks.load import calls_per_second, channel
from benchmarks.notify import NOTIFY, request
from benchmarks.report import Row, rate
from benchmarks.servers import running
from tests.support.otlp_receiver import receiving

_SECONDS = 2.0
_ROUNDS = 4
_IN_FLIGHT = 64


async def measure() -> list[Row]:
    """Rounds alternate; the best of each counts. The ceiling keeps no numbers and makes no spans."""
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(receiving())
        otel = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.port}",
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.01",
        }
        kinds = {
            "neither": await stack.enter_async_context(running("unmeasured")),
            "numbers": await stack.enter_async_context(running("service")),
            "both": await stack.enter_async_context(running("service", otel)),
        }
        best = dict.fromkeys(kinds, 0.0)
        for _ in range(_ROUNDS):
            for kind, server in kinds.items():
                best[kind] = max(best[kind], await _rate(server.internal))
    return [
        rate("Notify with numbers, against neither", best["numbers"], "calls/s", best["neither"]),
        rate("Notify with tracing at 1 % and numbers, against neither", best["both"], "calls/s", best["neither"]),
        rate("Notify with tracing at 1 %, against numbers alone", best["both"], "calls/s", best["numbers"]),
    ]


_NUMBERS = itertools.count()


async def _rate(port: int) -> float:
    async with channel(port) as connection:
        notify: Any = connection.unary_unary(NOTIFY)

        async def call() -> None:
            await notify(request(next(_NUMBERS)).SerializeToString())

        return await calls_per_second(call, seconds=_SECONDS, in_flight=_IN_FLIGHT)
