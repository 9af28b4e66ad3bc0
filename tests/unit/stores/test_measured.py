"""What is counted of a store's operations."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from notify_grpc.domain.errors import NotFound, NotifyError, Unavailable
from notify_grpc.domain.models import UserKey
from notify_grpc.ports.telemetry import NoTracer
from notify_grpc.stores.measured import measured
from notify_grpc.stores.memory import MemoryStore
from tests.support.dispatching import Recorder


async def code_of(op: str, outcome: Any, *args: object) -> str:
    """How an operation that ends like this is counted."""
    store, recorder = MemoryStore(), Recorder()

    async def operation(*_: object) -> object:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    setattr(store, op, operation)
    call = getattr(measured(store, recorder, NoTracer()), op)(*args)
    if isinstance(outcome, BaseException):
        with pytest.raises(type(outcome)):
            await call
    else:
        assert await call == outcome
    [(name, labels)] = recorder.counts
    assert name == "notify_store_op_total"
    return dict(labels)["code"]


@pytest.mark.parametrize("error", [NotFound("x"), Unavailable("x"), asyncio.CancelledError()])
async def test_an_error_counts_by_its_name(error: BaseException) -> None:
    assert await code_of("get_notification", error, UserKey("t", "u"), "id") == type(error).__name__


async def test_a_defect_counts_as_internal() -> None:
    assert await code_of("get_notification", RuntimeError("x"), UserKey("t", "u"), "id") == "INTERNAL"


@pytest.mark.parametrize(
    ("answers", "code"), [([], "OK"), ([[], []], "OK"), ([[], Unavailable("down"), NotifyError()], "Unavailable")]
)
async def test_errors_answered_in_place_of_results_count_too(answers: list[object], code: str) -> None:
    assert await code_of("create_many", answers, []) == code
