"""What a caller is told when something is wrong, and what never leaves the process."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NoReturn

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from notify.v1 import client_service_pb2 as client_pb
from notify.v1 import internal_service_pb2 as pb

from notify_grpc.core.commands import NotifyCommand
from notify_grpc.domain import errors
from notify_grpc.rpc.status import CODES, code_of, status_of
from tests.rpc.service import (
    PRODUCER,
    Metadata,
    Service,
    as_user,
    end_of,
    notice,
    raw_unary,
    refusal,
    running_service,
    with_settings,
)
from tests.support.waiting import eventually

SECRET = "password=hunter2"


def violations(error: grpc.aio.AioRpcError) -> list[tuple[str, str]]:
    """The google.rpc.BadRequest details of an error."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # has what it reads: code, details, trailing metadata
    assert status is not None, "no details"
    bad_request = error_details_pb2.BadRequest()
    assert status.details[0].Unpack(bad_request)
    return [(v.field, v.description) for v in bad_request.field_violations]


async def test_the_field_at_fault_is_in_the_details(service: Service) -> None:
    error = await refusal(service.internal.Notify(notice("", "ann"), metadata=PRODUCER))
    assert violations(error) == [("notification_id", "is required")]


@pytest.mark.parametrize("package", ["notify.v1", "elloloop.notify.v1"])
@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\xff", b"\x0a\x02\xff\xfe"])
async def test_a_malformed_message_is_a_wrong_argument(service: Service, package: str, raw: bytes) -> None:
    """Broken framing, a length beyond the end, a string that is not UTF-8."""
    for channel, path, metadata in (
        (service.internal_channel, "NotificationInternalService/Notify", PRODUCER),
        (service.client_channel, "NotificationClientService/GetNotifications", as_user("ann")),
    ):
        error = await refusal(raw_unary(channel, f"/{package}.{path}", raw, metadata))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert violations(error)[0][0] == "request"


async def test_a_malformed_message_of_a_stream_is_a_wrong_argument(service: Service) -> None:
    open_stream: Any = service.client_channel.unary_stream("/notify.v1.NotificationClientService/StreamEvents")
    code, _ = await end_of(open_stream(b"\xff", metadata=as_user("ann")))
    assert code is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("method", ["Notify", "NotifyStream"])
async def test_an_oversized_message_is_refused(method: str) -> None:
    async with running_service(settings=with_settings(max_request_bytes=10_000)) as service:
        large = notice("n", "ann", body="x" * 20_000)
        if method == "Notify":
            error = await refusal(service.internal.Notify(large, metadata=PRODUCER))
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        else:
            call = service.internal.NotifyStream(metadata=PRODUCER)
            await call.write(pb.NotifyStreamRequest(requests=[large]))
            assert (await end_of(call))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await service.notify("small", "ann")).pending == 1


async def test_emoji_quotes_and_spaces_come_back_byte_exact(service: Service) -> None:
    text = " '; DROP TABLE notify_inboxes; -- 👩‍👩‍👧‍👦 \u202e\ufeff\t\r\n "
    await service.notify("n", "ann", title=text, body=text, data={text: text})
    [item] = (await service.inbox("ann")).notifications
    assert (item.title, item.body, dict(item.data)) == (text, text, {text: text})


@pytest.mark.parametrize("field", ["title", "body", "subject_ref", "subject_type"])
async def test_nul_is_refused(service: Service, field: str) -> None:
    error = await refusal(service.internal.Notify(notice("n", "ann", **{field: "a\0b"}), metadata=PRODUCER))
    assert violations(error) == [(field, "must not contain NUL")]


async def test_what_nobody_meant_to_raise_stays_in_the_log(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(command: NotifyCommand, *, budget_s: float | None = None) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(service.notifier, "notify", fail)
    error = await refusal(service.internal.Notify(notice("n", "ann"), metadata=PRODUCER))
    assert error.code() is grpc.StatusCode.INTERNAL
    text, reference = (error.details() or "").split(", reference ")
    assert text == "internal error"
    assert not error.trailing_metadata()
    [record] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.__dict__["reference"] == reference
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == SECRET


@pytest.mark.parametrize("kind", [*CODES, errors.OutcomeUnknown])
async def test_every_error_of_the_domain_has_its_code(
    service: Service, monkeypatch: pytest.MonkeyPatch, kind: type[errors.NotifyError]
) -> None:
    error = errors.InvalidArgument("f", "d") if kind is errors.InvalidArgument else kind("said on purpose")

    async def fail(command: NotifyCommand, *, budget_s: float | None = None) -> None:
        raise error from RuntimeError(SECRET)

    monkeypatch.setattr(service.notifier, "notify", fail)
    refused = await refusal(service.internal.Notify(notice("n", "ann"), metadata=PRODUCER))
    assert refused.code() is code_of(error)
    assert refused.details() == str(error)


async def test_a_store_that_takes_no_more_calls_is_a_cap_to_callers(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> NoReturn:
        raise errors.ResourceExhausted("too many calls wait for the database")

    for method in ("create_many", "list_notifications", "list_changes", "get_inboxes"):
        monkeypatch.setattr(service.store, method, refuse)
    calls = [
        service.internal.Notify(notice("n", "ann"), metadata=PRODUCER),
        service.client.GetNotifications(client_pb.GetNotificationsRequest(), metadata=as_user("ann")),
        service.client.StreamEvents(client_pb.StreamEventsRequest(), metadata=as_user("ann")),
    ]
    ends = [await end_of(call) for call in calls]
    monkeypatch.undo()

    assert ends == [(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many calls wait for the database")] * 3
    assert (await service.notify("n", "ann")).duplicates == 0, "what was refused is not there"


def test_a_plain_error_of_the_domain_is_a_defect() -> None:
    assert code_of(errors.NotifyError("?")) is grpc.StatusCode.INTERNAL


def test_the_table_knows_every_error() -> None:
    """All of the domain; settings have one of their own, which no call can raise."""
    ours = {kind for kind in errors.NotifyError.__subclasses__() if kind.__module__ == errors.__name__}
    assert ours == set(CODES)


def test_a_status_stays_small_enough_for_headers() -> None:
    many = [errors.FieldViolation(f"user_ids[{i}]" * 100, "is wrong " * 1_000) for i in range(1_000)]
    status = status_of(errors.InvalidArgument("f", "d", *many))
    [(_, details)] = status.trailing_metadata or ()
    assert len(details) < 12_000
    assert len(status.details) <= 500


async def test_a_deadline_that_is_over_ends_the_call(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The core is told how much time it has, and cancelled when that is over."""
    budgets: list[float | None] = []
    cancelled = asyncio.Event()

    async def wait(command: NotifyCommand, *, budget_s: float | None = None) -> None:
        budgets.append(budget_s)
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    monkeypatch.setattr(service.notifier, "notify", wait)
    error = await refusal(service.internal.Notify(notice("n", "ann"), metadata=PRODUCER, timeout=0.2))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(cancelled.wait(), 10)
    [budget] = budgets
    assert budget is not None
    assert 0 < budget < 0.2


async def test_without_a_deadline_the_core_has_ten_seconds(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[float | None] = []

    async def fail(command: NotifyCommand, *, budget_s: float | None = None) -> None:
        budgets.append(budget_s)
        raise errors.NotFound("nothing")

    monkeypatch.setattr(service.notifier, "notify", fail)
    await refusal(service.internal.Notify(notice("n", "ann"), metadata=PRODUCER))
    assert budgets == [10.0]


@pytest.mark.parametrize("metadata", [PRODUCER, as_user("ann")])
async def test_an_unknown_method_is_unimplemented(service: Service, metadata: Metadata) -> None:
    for channel in (service.client_channel, service.internal_channel):
        path = "/notify.v1.NotificationClientService/Nothing"
        error = await refusal(raw_unary(channel, path, b"", metadata))
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_caller_who_goes_away_is_no_error(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    stream = service.client.StreamEvents(client_pb.StreamEventsRequest(), metadata=as_user("ann"))
    await stream.read()
    stream.cancel()
    await eventually(lambda: len(service.notifier.sessions) == 0)
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]
