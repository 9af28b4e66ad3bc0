"""The only place that ends a call with an error."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Any, NoReturn

import grpc

from notify_grpc.domain.errors import NotifyError
from notify_grpc.rpc.handlers import Behaviour, Context, Method
from notify_grpc.rpc.status import code_of, status_of

log = logging.getLogger(__name__)


class Errors:
    """Turns what a servicer raises into a status; what nobody meant to raise stays in the log, under a reference."""

    def intercept(self, method: Method, behaviour: Behaviour) -> Behaviour:
        async def guarded(request: Any, context: Context) -> Any:
            try:
                return await behaviour(request, context)
            except NotifyError as exc:
                if code_of(exc) is grpc.StatusCode.INTERNAL:
                    await _internal(method, context, exc)
                await _abort(context, status_of(exc))
            except grpc.aio.InternalError as exc:
                # A read or write on a call that is over: the peer is gone, or the server cut it off.
                raise asyncio.CancelledError from exc
            except grpc.aio.BaseError:
                raise
            except Exception as exc:  # noqa: BLE001 - the last line: everything else becomes INTERNAL
                await _internal(method, context, exc)

        return guarded


async def _abort(context: Context, status: grpc.Status) -> None:
    """End the call. A status waits, as a write does, for a peer that does not read; and that may go meanwhile."""
    try:
        await context.abort_with_status(status)
    except grpc.aio.InternalError as exc:
        raise asyncio.CancelledError from exc


async def _internal(method: Method, context: Context, error: Exception) -> NoReturn:
    reference = secrets.token_hex(4)
    log.error("internal error", exc_info=error, extra={"rpc_method": method.label, "reference": reference})
    await context.abort(grpc.StatusCode.INTERNAL, f"internal error, reference {reference}")
