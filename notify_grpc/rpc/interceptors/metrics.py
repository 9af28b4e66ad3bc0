"""How long calls take and how they end."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc

from notify_grpc.ports.telemetry import Metrics
from notify_grpc.rpc.handlers import Behaviour, Context, Method

DURATION = "rpc_server_call_duration_seconds"
REQUESTS = "notify_notify_requests_total"
_NOTIFY = "Notify"


class CallMetrics:
    """Records every call's duration by method and code; counts Notify requests by code."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def intercept(self, method: Method, behaviour: Behaviour) -> Behaviour:
        async def measured(request: Any, context: Context) -> Any:
            started = time.perf_counter()
            code = ""
            try:
                return await behaviour(request, context)
            except asyncio.CancelledError:
                code = code_of_cancelled(context)
                raise
            finally:
                self._record(method, code or code_of_ended(context), time.perf_counter() - started)

        return measured

    def _record(self, method: Method, code: str, seconds: float) -> None:
        self._metrics.observe(DURATION, seconds, rpc_method=method.label, rpc_response_status_code=code)
        if method.name == _NOTIFY:
            self._metrics.count(REQUESTS, code=code)


def code_of_ended(context: Context) -> str:
    """The name of the code a call ended with; nothing was set where all went well."""
    code: grpc.StatusCode | None = context.code()
    return code.name if code else grpc.StatusCode.OK.name


def code_of_cancelled(context: Context) -> str:
    """gRPC cancels a call when the caller does, and when its deadline is over."""
    over = context.time_remaining() == 0
    return grpc.StatusCode.DEADLINE_EXCEEDED.name if over else grpc.StatusCode.CANCELLED.name
