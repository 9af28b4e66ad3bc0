"""The one table from what the service raises to what a caller is told."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from notify_grpc.domain import errors

CODES: Mapping[type[errors.NotifyError], grpc.StatusCode] = MappingProxyType(
    {
        errors.InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
        errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
        errors.PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
        errors.NotFound: grpc.StatusCode.NOT_FOUND,
        errors.FailedPrecondition: grpc.StatusCode.FAILED_PRECONDITION,
        errors.ResourceExhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
        errors.Unimplemented: grpc.StatusCode.UNIMPLEMENTED,
        errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    }
)
_MAX_VIOLATIONS = 10
_MAX_CHARS = 500
"""Status and details travel as headers, which many peers limit to 8 kB."""


def code_of(error: errors.NotifyError) -> grpc.StatusCode:
    """The code of the error's nearest class in CODES; INTERNAL for a plain NotifyError, which is a defect."""
    return next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), grpc.StatusCode.INTERNAL)


def message_of(error: errors.NotifyError) -> str:
    """The text for the caller, of bounded length."""
    return str(error)[:_MAX_CHARS]


def status_of(error: errors.NotifyError) -> grpc.Status:
    """What to end the call with: code, message and, for InvalidArgument, google.rpc.BadRequest details."""
    status = status_pb2.Status(code=code_number(code_of(error)), message=message_of(error))
    if isinstance(error, errors.InvalidArgument):
        detail = Any()
        detail.Pack(_bad_request(error))
        status.details.append(detail)
    return rpc_status.to_status(status)


def code_number(code: grpc.StatusCode) -> int:
    """The number of a code on the wire."""
    number: int = code.value[0]
    return number


def _bad_request(error: errors.InvalidArgument) -> error_details_pb2.BadRequest:
    return error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(
                field=violation.field[:_MAX_CHARS], description=violation.description[:_MAX_CHARS]
            )
            for violation in error.violations[:_MAX_VIOLATIONS]
        ]
    )
