"""What is reachable from outside: the recipients' service, and nothing else."""

from __future__ import annotations

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from notify.v1 import client_service_pb2 as client_pb
from notify.v1 import internal_service_pb2 as internal_pb
from yarl import URL

from examples.front import envoy
from tests.front.conftest import Front
from tests.rpc.service import as_user, raw_unary, refusal
from tests.support.ports import free_port

pytestmark = pytest.mark.xdist_group("front")
CLIENT = "NotificationClientService"
NOTIFY = internal_pb.NotifyRequest(tenant_id="acme", notification_id="n", user_ids=["ada"], title="x")
REFLECTION = reflection_pb2.ServerReflectionRequest(list_services="")
CLOSED = {
    "/notify.v1.NotificationInternalService/Notify": NOTIFY,
    "/elloloop.notify.v1.NotificationInternalService/Notify": NOTIFY,
    "/notify.v1.NotificationInternalService/EraseUser": NOTIFY,
    "/grpc.health.v1.Health/Check": health_pb2.HealthCheckRequest(),
    "/grpc.health.v1.Health/Watch": health_pb2.HealthCheckRequest(),
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": REFLECTION,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": REFLECTION,
    "/notify.v1.NotificationClientServiceX/GetNotifications": client_pb.GetNotificationsRequest(),
    "/notify.v1.NotificationClientService/../NotificationInternalService/Notify": NOTIFY,
    "/other.NotificationClientService/GetNotifications": client_pb.GetNotificationsRequest(),
}


@pytest.mark.parametrize("path", CLOSED)
async def test_what_is_not_for_recipients_is_not_there(front: Front, path: str) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        metadata = (*as_user("ada"), ("x-notify-internal-token", "any"))
        error = await refusal(raw_unary(channel, path, CLOSED[path].SerializeToString(), metadata))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    # Envoy's own words: the service was not asked.
    assert not [key for key, _ in error.trailing_metadata() or () if key.startswith("x-envoy-upstream")]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/metrics", 404),
        ("/healthz", 404),
        ("/ready", 404),
        ("/stats", 404),
        ("/config_dump", 404),
        ("/notify.v1.NotificationInternalService/Notify", 404),
        ("/notify.v1.NotificationClientService/%2e%2e/NotificationInternalService/Notify", 404),
        ("/notify.v1.NotificationClientService%2fGetNotifications", 400),
    ],
)
async def test_nor_by_http(front: Front, path: str, status: int) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(URL(front.url + path, encoded=True)) as response,
    ):
        assert response.status == status


async def test_native_grpc_passes_as_it_is(front: Front) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{front.port}") as channel:
        for package in ("notify.v1", "elloloop.notify.v1"):
            path = f"/{package}.{CLIENT}/GetNotifications"
            assert await raw_unary(channel, path, b"", as_user("native")) == b""
            error = await refusal(raw_unary(channel, path, b"\x10\xff\xff\xff\xff\x0f", as_user("native")))
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
            # Which field is wrong is told through the proxy too.
            assert dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")


async def test_there_is_no_admin_port() -> None:
    assert "admin" not in envoy.configuration(1, 2, [3])


async def test_without_a_ready_instance_it_says_so(front: Front) -> None:
    assert envoy.is_ready(front.probes_port)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(envoy, "_START_S", 0.5)
        starting = envoy.running(free_port(), free_port(), [free_port()], [])
        with pytest.raises(RuntimeError, match="no instance of the service became healthy"):
            starting.__enter__()
