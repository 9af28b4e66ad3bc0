"""Spans of recipients' unary calls. Producers' are the official interceptor's; streams open their own, short ones."""

from __future__ import annotations

import asyncio
from typing import Any

from notify_grpc.ports.telemetry import Tracer
from notify_grpc.rpc.handlers import Behaviour, Context, Method
from notify_grpc.rpc.interceptors.metrics import code_of_cancelled, code_of_ended


class CallTracing:
    """The public port links to a caller's trace and never joins it: a stranger decides nothing about our traces."""

    def __init__(self, tracer: Tracer, service: str) -> None:
        self._tracer = tracer
        self._service = service

    def intercept(self, method: Method, behaviour: Behaviour) -> Behaviour:
        if method.responses_stream or not method.label.startswith(f"{self._service}/"):
            return behaviour
        attributes = {"rpc.system.name": "grpc", "rpc.method": method.label}

        async def traced(request: Any, context: Context) -> Any:
            with self._tracer.entry(method.label, traceparent_of(context), join=False, attributes=attributes) as call:
                if call is None:
                    return await behaviour(request, context)
                code = ""
                try:
                    return await behaviour(request, context)
                except asyncio.CancelledError:
                    code = code_of_cancelled(context)
                    raise
                finally:
                    call.ended(code or code_of_ended(context))

        return traced


def traceparent_of(context: Context) -> str:
    """What the caller sent; "" if nothing."""
    for key, value in context.invocation_metadata() or ():
        if key == "traceparent" and isinstance(value, str):
            return value
    return ""
