"""What every call goes through: order, metrics, log lines; and that nothing secret is in them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from notify.v1 import client_service_pb2 as pb
from notify.v1 import internal_service_pb2 as internal_pb

from notify_grpc.ports.telemetry import NoMetrics
from notify_grpc.rpc.handlers import Behaviour, Context, Method
from notify_grpc.rpc.interceptors.auth import caller
from tests.rpc.service import PRODUCER, TOKEN, Service, as_user, bearer, notice, raw_unary, refusal, running_service
from tests.support.waiting import eventually

INTERNAL = "notify.v1.NotificationInternalService"
CLIENT = "notify.v1.NotificationClientService"


class Recorded(NoMetrics):
    """Keeps what was counted and observed."""

    def __init__(self) -> None:
        self.counted: Counter[tuple[str, str]] = Counter()
        self.calls: list[tuple[str, str]] = []

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        self.counted[name, labels.get("code", "")] += int(amount)

    def observe(self, name: str, value: float, **labels: str) -> None:
        if name == "rpc_server_call_duration_seconds":
            assert value >= 0
            self.calls.append((labels["rpc_method"], labels["rpc_response_status_code"]))


async def test_calls_are_measured_by_method_and_code_whatever_the_package() -> None:
    metrics = Recorded()
    async with running_service(metrics=metrics) as service:
        await service.notify("n", "ann")
        await refusal(service.internal.Notify(notice("", "ann"), metadata=PRODUCER))
        await refusal(raw_unary(service.internal_channel, f"/elloloop.{INTERNAL}/Notify", b"", ()))
        await service.inbox("ann")
        stream, _ = await service.listen(as_user("ann"))
        stream.cancel()
        await eventually(lambda: len(metrics.calls) == 5)
    assert metrics.calls == [
        (f"{INTERNAL}/Notify", "OK"),
        (f"{INTERNAL}/Notify", "INVALID_ARGUMENT"),
        (f"{INTERNAL}/Notify", "UNAUTHENTICATED"),
        (f"{CLIENT}/GetNotifications", "OK"),
        (f"{CLIENT}/StreamEvents", "CANCELLED"),
    ]


async def test_notify_requests_are_counted_one_by_one_on_both_ways_in() -> None:
    metrics = Recorded()
    async with running_service(metrics=metrics) as service:
        await service.notify("n", "ann")
        call = service.internal.NotifyStream(metadata=PRODUCER)
        await call.write(internal_pb.NotifyStreamRequest(requests=[notice("m", "ann"), notice("", "ann")]))
        await call.done_writing()
        async for _ in call:
            pass
    requests = {code: n for (name, code), n in metrics.counted.items() if name == "notify_notify_requests_total"}
    assert requests == {"OK": 2, "INVALID_ARGUMENT": 1}


async def test_a_call_that_ran_out_of_time_is_measured_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Recorded()
    async with running_service(metrics=metrics) as service:

        async def forever(command: object, *, budget_s: float | None = None) -> None:
            await eventually(lambda: False, timeout=30)

        monkeypatch.setattr(service.notifier, "notify", forever)
        await refusal(service.internal.Notify(notice("n", "ann"), metadata=PRODUCER, timeout=0.05))
        await eventually(lambda: metrics.calls)
    assert metrics.calls == [(f"{INTERNAL}/Notify", "DEADLINE_EXCEEDED")]


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [r.__dict__ for r in caplog.records if r.name == "notify_grpc.rpc.interceptors.logging"]


async def test_a_call_leaves_one_line_with_its_identity(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="notify_grpc"):
        await refusal(service.client.AckNotification(pb.AckNotificationRequest(id="x"), metadata=as_user("ann")))
        await eventually(lambda: lines(caplog))
    [line] = lines(caplog)
    assert (line["levelname"], line["msg"], line["code"]) == ("INFO", "call", "NOT_FOUND")
    assert (line["rpc_method"], line["tenant_id"], line["user_id"]) == (f"{CLIENT}/AckNotification", "acme", "ann")
    assert line["peer"].startswith("ipv4:127.0.0.1:")
    assert line["duration_ms"] >= 0


async def test_what_goes_well_is_logged_at_debug_only(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="notify_grpc"):
        await service.notify("n", "ann")
    assert lines(caplog) == []
    with caplog.at_level(logging.DEBUG, logger="notify_grpc"):
        await service.notify("m", "ann")
    [line] = lines(caplog)
    assert (line["levelname"], line["code"], line.get("user_id")) == ("DEBUG", "OK", None)


async def test_neither_tokens_nor_bodies_are_logged(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await service.notify("n", "ann", title="secret title", body="secret body")
        await refusal(raw_unary(service.client_channel, f"/{CLIENT}/MarkAllRead", b"", bearer("s3")))
        stream, _ = await service.listen(as_user("ann"))
        stream.cancel()
    text = " ".join(f"{r.getMessage()} {r.__dict__}" for r in caplog.records if r.name.startswith("notify_grpc"))
    assert text
    for secret in (TOKEN, "secret title", "secret body", "dev:ann", "s3"):
        assert secret not in text


class Outermost:
    """Notes each call and whether the caller was known, before and after."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bool, bool]] = []

    def intercept(self, method: Method, behaviour: Behaviour) -> Behaviour:
        async def noted(request: Any, context: Context) -> Any:
            before = caller() is not None
            try:
                return await behaviour(request, context)
            finally:
                self.seen.append((method.name, before, caller() is not None))

        return noted


async def test_an_extra_interceptor_surrounds_calls_of_every_kind() -> None:
    outermost = Outermost()
    async with running_service(extra_interceptors=[outermost]) as service:
        await service.notify("n", "ann")
        stream, _ = await service.listen(as_user("ann"))
        stream.cancel()
        await eventually(lambda: len(outermost.seen) == 2)
    assert outermost.seen == [("Notify", False, True), ("StreamEvents", False, True)]


class Grpcs(grpc.aio.ServerInterceptor):
    """An interceptor of gRPC's own kind."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        self.methods.append(handler_call_details.method)
        return await continuation(handler_call_details)


async def test_interceptors_of_grpcs_own_kind_come_first() -> None:
    grpcs = Grpcs()
    async with running_service(grpc_interceptors=[grpcs]) as service:
        await service.notify("n", "ann")
    assert grpcs.methods == [f"/{INTERNAL}/Notify"]
