"""What a browser can do through Envoy: grpc-web, from the allowed origins only."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import grpc
import pytest
from notify.v1 import client_service_pb2 as client_pb
from notify.v1 import internal_service_pb2 as internal_pb
from notify.v1.internal_service_pb2_grpc import NotificationInternalServiceStub

from tests.front.conftest import ORIGIN, OTHER_ORIGIN, Front
from tests.front.grpc_web import HEADERS, framed, frames, parse_trailers, unary

pytestmark = pytest.mark.xdist_group("front")
SERVICES = ["notify.v1.NotificationClientService", "elloloop.notify.v1.NotificationClientService"]
NEEDED = ["authorization", "content-type", "grpc-timeout", "x-grpc-web", "x-user-agent"]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


def as_browser(user: str, origin: str = ORIGIN) -> dict[str, str]:
    return {"authorization": f"Bearer dev:{user}:acme", "origin": origin}


async def notify(front: Front, key: str, user: str) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{front.internal_port}") as channel:
        request = internal_pb.NotifyRequest(tenant_id="acme", notification_id=key, user_ids=[user], title=key)
        await NotificationInternalServiceStub(channel).Notify(request)


async def preflight(http: aiohttp.ClientSession, front: Front, **headers: str) -> tuple[int, dict[str, str]]:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": ", ".join(NEEDED)} | headers
    async with http.options(f"{front.url}/{SERVICES[0]}/GetNotifications", headers=asked) as response:
        return response.status, {k.lower(): v for k, v in response.headers.items()}


@pytest.mark.parametrize("service", SERVICES)
async def test_a_page_of_the_inbox(http: aiohttp.ClientSession, front: Front, service: str) -> None:
    user = f"page-{service}"
    await notify(front, "n1", user)
    answer, trailers = await unary(
        http, f"{front.url}/{service}/GetNotifications", client_pb.GetNotificationsRequest(), as_browser(user)
    )
    page = client_pb.GetNotificationsResponse.FromString(answer)
    assert ([n.title for n in page.notifications], page.unread_count) == (["n1"], 1)
    assert trailers["grpc-status"] == "0"
    assert trailers["access-control-allow-origin"] == ORIGIN
    assert {"grpc-status", "grpc-message"} <= set(trailers["access-control-expose-headers"].split(", "))


@pytest.mark.parametrize("service", SERVICES)
async def test_a_stream_is_live(http: aiohttp.ClientSession, front: Front, service: str) -> None:
    user = f"live-{service}"
    async with http.post(
        f"{front.url}/{service}/StreamEvents",
        data=framed(client_pb.StreamEventsRequest()),
        headers={**HEADERS, **as_browser(user)},
    ) as response:
        events = (client_pb.StreamEvent.FromString(f.payload) async for f in frames(response) if not f.trailers)
        kinds = [(await anext(events)).WhichOneof("event") for _ in range(2)]
        assert kinds == ["heartbeat", "caught_up"]
        await notify(front, "while listening", user)
        event = await anext(events)
        assert event.notification.notification.title == "while listening"


async def test_a_refusal_is_readable(http: aiohttp.ClientSession, front: Front) -> None:
    async with http.post(
        f"{front.url}/{SERVICES[0]}/GetNotifications",
        data=framed(client_pb.GetNotificationsRequest()),
        headers={**HEADERS, "origin": ORIGIN},
    ) as response:
        trailers = {k.lower(): v for k, v in response.headers.items()}
        async for frame in frames(response):
            trailers |= parse_trailers(frame.payload)
    assert trailers["grpc-status"] == str(grpc.StatusCode.UNAUTHENTICATED.value[0])
    assert "grpc-status" in trailers["access-control-expose-headers"]


@pytest.mark.parametrize("origin", [ORIGIN, OTHER_ORIGIN])
async def test_an_allowed_origin_may_call(http: aiohttp.ClientSession, front: Front, origin: str) -> None:
    status, headers = await preflight(http, front, origin=origin)
    assert status == 200
    assert headers["access-control-allow-origin"] == origin
    assert "POST" in headers["access-control-allow-methods"]
    assert set(NEEDED) <= set(headers["access-control-allow-headers"].split(", "))


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        "http://app.example.com",
        f"{ORIGIN}.evil.example.com",
        f"{ORIGIN}:8443",
        f"evil{ORIGIN}",
        f"{ORIGIN},{OTHER_ORIGIN}",
        "null",
        "*",
    ],
)
async def test_any_other_origin_may_not(http: aiohttp.ClientSession, front: Front, origin: str) -> None:
    _, headers = await preflight(http, front, origin=origin)
    assert "access-control-allow-origin" not in headers
    assert "x-envoy-upstream-service-time" not in headers, "Envoy answers, the service is not asked"
    _, answer = await unary(
        http,
        f"{front.url}/{SERVICES[0]}/GetNotifications",
        client_pb.GetNotificationsRequest(),
        as_browser("ada", origin),
    )
    assert "access-control-allow-origin" not in answer
