"""Who gets in: deny by default, with an answer of the call's own arity, on both ports, under both packages."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

from notify_grpc.auth.internal_token import InternalTokenAuthenticator
from notify_grpc.rpc.client_service import SERVICE as CLIENT
from notify_grpc.rpc.handlers import PACKAGES
from notify_grpc.rpc.internal_service import SERVICE as INTERNAL
from tests.rpc.service import PRODUCER, Metadata, Service, as_user, end_of, raw_unary, refusal

NOBODY: Metadata = ()


EVERY_METHOD = [
    pytest.param(f"/{package}.{service.name}/{method.name}", method, id=f"{package}-{method.name}")
    for package in PACKAGES
    for service in (CLIENT, INTERNAL)
    for method in service.methods
]


def open_call(channel: grpc.aio.Channel, path: str, method: MethodDescriptor, metadata: Metadata) -> grpc.aio.Call:
    """Call a method of any arity and send nothing more than it needs to begin."""
    kind: Any = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, True): channel.stream_stream,
    }[method.client_streaming, method.server_streaming]
    call: grpc.aio.Call = (
        kind(path)(metadata=metadata) if method.client_streaming else kind(path)(b"", metadata=metadata)
    )
    return call


@pytest.mark.parametrize(("path", "method"), EVERY_METHOD)
async def test_without_a_credential_every_method_says_so(service: Service, path: str, method: MethodDescriptor) -> None:
    channel = service.client_channel if method.containing_service is CLIENT else service.internal_channel
    code, _ = await end_of(open_call(channel, path, method, NOBODY))
    assert code is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(("path", "method"), EVERY_METHOD)
async def test_with_its_credential_every_method_gets_past_it(
    service: Service, path: str, method: MethodDescriptor
) -> None:
    internal = method.containing_service is INTERNAL
    channel = service.internal_channel if internal else service.client_channel
    call = open_call(channel, path, method, PRODUCER if internal else as_user("ann"))
    if method.server_streaming and not method.client_streaming:
        assert await asyncio.wait_for(call.read(), 10)  # type: ignore[attr-defined]  # a stream's call
        call.cancel()
        return
    if method.client_streaming:
        await call.done_writing()  # type: ignore[attr-defined]  # a stream's call
    code, _ = await end_of(call)
    assert code in {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}


@pytest.mark.parametrize(("path", "method"), EVERY_METHOD)
async def test_a_service_is_only_on_its_own_port(service: Service, path: str, method: MethodDescriptor) -> None:
    other = service.client_channel if method.containing_service is INTERNAL else service.internal_channel
    for metadata in (PRODUCER, as_user("ann"), PRODUCER + as_user("ann")):
        code, _ = await end_of(open_call(other, path, method, metadata))
        assert code is grpc.StatusCode.UNIMPLEMENTED


NOTIFY = "/notify.v1.NotificationInternalService/Notify"
PAGE = "/notify.v1.NotificationClientService/GetNotifications"


@pytest.mark.parametrize(
    "metadata",
    [
        NOBODY,
        as_user("ann"),
        PRODUCER + as_user("ann"),
        (("x-notify-internal-token", ""),),
        (("x-notify-internal-token", "wrong"),),
        (("x-notify-internal-token", PRODUCER[0][1] + " "),),
        (("x-notify-internal-token", PRODUCER[0][1]), ("x-notify-internal-token", "wrong")),
        (("authorization", PRODUCER[0][1]),),
        (("x-notify-internal-token-bin", PRODUCER[0][1].encode()),),
    ],
)
async def test_what_does_not_open_the_internal_port(service: Service, metadata: Metadata) -> None:
    error = await refusal(raw_unary(service.internal_channel, NOTIFY, b"", metadata))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert PRODUCER[0][1] not in (error.details() or "")


@pytest.mark.parametrize(
    "metadata",
    [
        NOBODY,
        PRODUCER,
        as_user("ann") + PRODUCER,
        (("authorization", "dev:ann:acme"),),
        (("authorization", "Basic dev:ann:acme"),),
        (("authorization", "Bearer "),),
        (("authorization", "Bearer dev"),),
        (("authorization", "Bearer dev:ann"),),
        (("authorization", "Bearer dev::acme"),),
        (("authorization", f"Bearer dev:{'x' * 257}:acme"),),
        (("authorization", "Bearer dev:ann:acme"), ("authorization", "Bearer rubbish")),
    ],
)
async def test_what_does_not_open_the_client_port(service: Service, metadata: Metadata) -> None:
    error = await refusal(raw_unary(service.client_channel, PAGE, b"", metadata))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_call_without_a_credential_is_not_even_decoded(service: Service) -> None:
    error = await refusal(raw_unary(service.internal_channel, NOTIFY, b"\xff", NOBODY))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_an_authenticator_that_breaks_lets_nobody_in(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object, shown: str) -> bool:
        raise RuntimeError("broken")

    monkeypatch.setattr(InternalTokenAuthenticator, "_holds", broken)
    error = await refusal(raw_unary(service.internal_channel, NOTIFY, b"", PRODUCER))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "broken" not in (error.details() or "")
