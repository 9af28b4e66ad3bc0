"""What a call ended with is raised as the error an in-process caller would see."""

from __future__ import annotations

import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc import StatusCode
from grpc.aio import AioRpcError, Metadata

from notify_grpc.client.errors import to_notify_error, translated
from notify_grpc.domain import errors


def ended(code: grpc.StatusCode, details: str = "why", *trailing: tuple[str, str | bytes]) -> AioRpcError:
    return AioRpcError(code, Metadata(), Metadata(*trailing), details)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (StatusCode.UNAUTHENTICATED, errors.Unauthenticated),
        (StatusCode.PERMISSION_DENIED, errors.PermissionDenied),
        (StatusCode.NOT_FOUND, errors.NotFound),
        (StatusCode.FAILED_PRECONDITION, errors.FailedPrecondition),
        (StatusCode.RESOURCE_EXHAUSTED, errors.ResourceExhausted),
        (StatusCode.UNIMPLEMENTED, errors.Unimplemented),
        (StatusCode.UNAVAILABLE, errors.Unavailable),
        (StatusCode.CANCELLED, errors.Unavailable),
        (StatusCode.DEADLINE_EXCEEDED, errors.OutcomeUnknown),
        (StatusCode.INVALID_ARGUMENT, errors.InvalidArgument),
        (StatusCode.INTERNAL, errors.NotifyError),
        (StatusCode.UNKNOWN, errors.NotifyError),
    ],
)
def test_each_status_has_one_error(code: grpc.StatusCode, error: type[errors.NotifyError]) -> None:
    raised = to_notify_error(ended(code))
    assert type(raised) is error
    assert "why" in str(raised)


def test_every_wrong_field_is_named() -> None:
    detail = error_details_pb2.BadRequest()
    detail.field_violations.add(field="title", description="is too long")
    detail.field_violations.add(field="user_ids", description="is empty")
    status = status_pb2.Status(code=code_pb2.INVALID_ARGUMENT)
    status.details.add().Pack(detail)
    raw = ("grpc-status-details-bin", status.SerializeToString())
    raised = to_notify_error(ended(StatusCode.INVALID_ARGUMENT, "…", raw))
    assert isinstance(raised, errors.InvalidArgument)
    assert raised.violations == (("title", "is too long"), ("user_ids", "is empty"))


def test_a_write_that_meets_the_end_of_the_call_is_unavailable() -> None:
    assert type(to_notify_error(ended(StatusCode.INTERNAL, "Internal error from Core"))) is errors.Unavailable


def test_the_cause_is_kept() -> None:
    with pytest.raises(errors.NotFound) as caught, translated():
        raise ended(StatusCode.NOT_FOUND)
    assert isinstance(caught.value.__cause__, AioRpcError)
