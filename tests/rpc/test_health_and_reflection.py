"""What both ports tell without a credential: health and, unless switched off, what they serve."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha import reflection_pb2

from tests.rpc.service import Service, end_of, raw_unary, refusal, running_service, with_settings

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
NAMES = [
    "",
    "readiness",
    "notify.v1.NotificationClientService",
    "notify.v1.NotificationInternalService",
    "elloloop.notify.v1.NotificationClientService",
    "elloloop.notify.v1.NotificationInternalService",
]
PORTS = ["client_channel", "internal_channel"]


def health_of(service: Service, port: str) -> Any:
    return HealthStub(getattr(service, port))


@pytest.mark.parametrize("port", PORTS)
async def test_every_name_follows_readiness_and_liveness_does_not(service: Service, port: str) -> None:
    async def status(name: str) -> int:
        answer = await health_of(service, port).Check(health_pb2.HealthCheckRequest(service=name))
        return int(answer.status)

    assert {await status(name) for name in [*NAMES, "liveness"]} == {SERVING}
    service.servers.health.set_ready(False)
    assert {await status(name) for name in NAMES} == {NOT_SERVING}
    assert await status("liveness") == SERVING


@pytest.mark.parametrize("port", PORTS)
async def test_an_unknown_name_is_not_found(service: Service, port: str) -> None:
    error = await refusal(health_of(service, port).Check(health_pb2.HealthCheckRequest(service="other")))
    assert error.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("port", PORTS)
async def test_a_watch_tells_each_change(service: Service, port: str) -> None:
    watch = health_of(service, port).Watch(health_pb2.HealthCheckRequest(service="readiness"))
    assert (await watch.read()).status == SERVING
    for ready, expected in ((False, NOT_SERVING), (True, SERVING)):
        service.servers.health.set_ready(ready)
        assert (await asyncio.wait_for(watch.read(), 10)).status == expected
    watch.cancel()


async def test_a_watch_of_an_unknown_name_says_so_and_stays(service: Service) -> None:
    watch = health_of(service, "client_channel").Watch(health_pb2.HealthCheckRequest(service="other"))
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    assert not watch.done()
    watch.cancel()


async def test_all_statuses_are_listed(service: Service) -> None:
    raw = await raw_unary(service.client_channel, "/grpc.health.v1.Health/List", b"", ())
    assert isinstance(raw, bytes)
    response: Any = getattr(health_pb2, "HealthListResponse").FromString(raw)  # noqa: B009 - not in the stubs
    assert set(response.statuses) == {*NAMES, "liveness"}


def reflect(channel: grpc.aio.Channel, version: str) -> Any:
    method: Any = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    return method()


async def ask(channel: grpc.aio.Channel, version: str, **question: str) -> reflection_pb2.ServerReflectionResponse:
    call = reflect(channel, version)
    await call.write(reflection_pb2.ServerReflectionRequest(**question))  # type: ignore[arg-type]  # by name
    answer = await asyncio.wait_for(call.read(), 10)
    assert isinstance(answer, reflection_pb2.ServerReflectionResponse)
    await call.done_writing()
    assert (await end_of(call))[0] is grpc.StatusCode.OK
    return answer


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
@pytest.mark.parametrize(("port", "name"), [("client_channel", "Client"), ("internal_channel", "Internal")])
async def test_a_port_lists_only_its_own_services(service: Service, version: str, port: str, name: str) -> None:
    answer = await ask(getattr(service, port), version, list_services="")
    assert {s.name for s in answer.list_services_response.service} == {
        f"notify.v1.Notification{name}Service",
        f"elloloop.notify.v1.Notification{name}Service",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


@pytest.mark.parametrize("package", ["notify.v1", "elloloop.notify.v1"])
async def test_the_described_contract_can_be_used(service: Service, package: str) -> None:
    """The files form a complete pool, and a message made from it is understood."""
    symbol = f"{package}.NotificationInternalService"
    answer = await ask(service.internal_channel, "v1", file_containing_symbol=symbol)
    pool = DescriptorPool()
    raw_files = answer.file_descriptor_response.file_descriptor_proto
    files = {file.name: file for file in map(FileDescriptorProto.FromString, raw_files)}
    folder = package.replace(".", "/")
    assert set(files) == {f"{folder}/internal_service.proto", f"{folder}/notification.proto"}
    for name in ("notification", "internal_service"):
        pool.Add(files[f"{folder}/{name}.proto"])
    method: Any = pool.FindServiceByName(symbol).methods_by_name["Notify"]
    assert method.input_type.full_name == f"{package}.NotifyRequest"
    assert method.input_type.fields_by_name["addresses"].message_type.full_name.startswith(package)


async def test_what_is_not_there_is_not_found(service: Service) -> None:
    answer = await ask(service.client_channel, "v1", file_containing_symbol="notify.v1.NotificationInternalService")
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


async def test_reflection_can_be_switched_off() -> None:
    async with running_service(settings=with_settings(reflection=False)) as service:
        call = reflect(service.client_channel, "v1")
        assert (await end_of(call))[0] is grpc.StatusCode.UNIMPLEMENTED


async def test_a_malformed_question_is_a_wrong_argument(service: Service) -> None:
    method: Any = service.client_channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
    call = method()
    await call.write(b"\xff")
    assert (await end_of(call))[0] is grpc.StatusCode.INVALID_ARGUMENT
