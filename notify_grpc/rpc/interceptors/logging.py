"""One line per call: who, what, how it ended. Never a token, an address or a message."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from notify_grpc.rpc.handlers import Behaviour, Context, Method
from notify_grpc.rpc.interceptors.auth import caller
from notify_grpc.rpc.interceptors.metrics import code_of_cancelled, code_of_ended

log = logging.getLogger(__name__)
_EXPECTED = frozenset({"OK", "CANCELLED"})


class CallLog:
    """Errors at info, what went well at debug."""

    def intercept(self, method: Method, behaviour: Behaviour) -> Behaviour:
        async def logged(request: Any, context: Context) -> Any:
            started = time.perf_counter()
            code = ""
            try:
                return await behaviour(request, context)
            except asyncio.CancelledError:
                code = code_of_cancelled(context)
                raise
            finally:
                code = code or code_of_ended(context)
                level = logging.DEBUG if code in _EXPECTED else logging.INFO
                if log.isEnabledFor(level):
                    log.log(level, "call", extra=_fields(method, context, code, time.perf_counter() - started))

        return logged


def _fields(method: Method, context: Context, code: str, seconds: float) -> dict[str, str | float]:
    fields: dict[str, str | float] = {
        "rpc_method": method.label,
        "code": code,
        "duration_ms": round(seconds * 1_000, 3),
        "peer": context.peer(),
    }
    principal = caller()
    if principal is not None and principal.user is not None:
        fields |= {"tenant_id": principal.user.tenant_id, "user_id": principal.user.user_id}
    return fields
