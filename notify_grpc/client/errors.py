"""What a call ended with, as the errors an in-process caller would see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from google.rpc import error_details_pb2, status_pb2

from notify_grpc.domain.errors import (
    FailedPrecondition,
    FieldViolation,
    InvalidArgument,
    NotFound,
    NotifyError,
    OutcomeUnknown,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Unimplemented,
)

_ERRORS: dict[grpc.StatusCode, type[NotifyError]] = {
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: OutcomeUnknown,
}
_WRITE_MET_THE_END = "Internal error from Core"
"""grpcio's text when a write comes after the server's end of the call; it replaces its status (grpc/grpc#36066)."""


_CANNOT_CONNECT = re.compile(r"failed to connect to all addresses; last error: \w+: (.*)", re.DOTALL)
"""Core's text; it leads with what helps nobody."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise what the call ended with as a NotifyError. A cancelled caller stays cancelled."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise to_notify_error(error) from error


def to_notify_error(error: grpc.aio.AioRpcError) -> NotifyError:
    """The error of the same meaning; a plain NotifyError for what only a defect explains."""
    code, message = error.code(), error.details() or ""
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        first, *more = _violations(error) or [FieldViolation("request", message)]
        return InvalidArgument(*first, *more)
    if code is grpc.StatusCode.INTERNAL and message == _WRITE_MET_THE_END:
        return Unavailable("the server ended the call")
    if code is grpc.StatusCode.UNAVAILABLE and (unreachable := _CANNOT_CONNECT.match(message)):
        return Unavailable(f"cannot connect: {unreachable[1]}")
    known = _ERRORS.get(code)
    return known(message) if known else NotifyError(f"{code.name}: {message}")


def _violations(error: grpc.aio.AioRpcError) -> list[FieldViolation]:
    """The wrong fields as google.rpc.BadRequest names them; empty when the server sent no such detail."""
    raw = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    status = status_pb2.Status.FromString(raw if isinstance(raw, bytes) else b"")
    request = error_details_pb2.BadRequest()
    for detail in status.details:
        if detail.Unpack(request):
            return [FieldViolation(v.field, v.description) for v in request.field_violations]
    return []
