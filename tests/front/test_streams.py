"""Many streams, and readers that do not read, through Envoy."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import grpc
import pytest
from notify.v1 import client_service_pb2 as client_pb
from notify.v1 import internal_service_pb2 as internal_pb
from notify.v1.client_service_pb2_grpc import NotificationClientServiceStub
from notify.v1.internal_service_pb2_grpc import NotificationInternalServiceStub

from examples.front import envoy
from notify_grpc.config import Settings
from tests.front.conftest import ORIGIN, Front
from tests.front.grpc_web import HEADERS, framed, frames
from tests.rpc.service import as_user, read_until
from tests.support.waiting import eventually

pytestmark = pytest.mark.xdist_group("front")
STREAMS = 1_100
"""More than Envoy's circuit breakers allow unless told (1,024), and more than one connection takes."""
BODY = "x" * 400_000
BODIES = 60
"""24 MB: more than sockets, Envoy and the session's queue hold together."""


@pytest.fixture
async def producer(front: Front) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{front.internal_port}") as channel:
        yield NotificationInternalServiceStub(channel)


def notice(key: str, *users: str, body: str = "") -> internal_pb.NotifyRequest:
    return internal_pb.NotifyRequest(tenant_id="acme", notification_id=key, user_ids=users, title=key, body=body)


async def numbers(front: Front) -> dict[str, float]:
    """What the service counts, by series."""
    url = f"http://127.0.0.1:{front.metrics_port}/metrics"
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        text = await response.text()
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def narrow(address: tuple[Any, ...]) -> socket.socket:
    """A socket whose kernel buffer is small."""
    made = socket.socket(*address[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    return made


async def test_more_than_a_thousand_streams(front: Front, producer: Any) -> None:
    users = [f"crowd{i:04}" for i in range(STREAMS)]
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(f"127.0.0.1:{front.port}", options=options) for _ in range(2)]
    try:
        stubs = [NotificationClientServiceStub(channel) for channel in channels]
        streams = [
            stubs[i % 2].StreamEvents(client_pb.StreamEventsRequest(), metadata=as_user(user))
            for i, user in enumerate(users)
        ]
        await asyncio.gather(*(read_until(stream, "caught_up") for stream in streams))
        response = await producer.Notify(notice("to all", *users))
        assert response.delivered == STREAMS
        received = await asyncio.gather(*(read_until(stream, "notification") for stream in streams))
        assert {events[-1].notification.notification.title for events in received} == {"to all"}
    finally:
        for channel in channels:
            await channel.close()


async def test_a_reader_that_does_not_read_is_felt_by_the_service_and_loses_nothing(
    front: Front, producer: Any
) -> None:
    connector = aiohttp.TCPConnector(socket_factory=narrow)
    before = (await numbers(front)).get("notify_session_catchups_total", 0)
    async with (
        aiohttp.ClientSession(connector=connector, read_bufsize=16_384) as http,
        http.post(
            f"{front.url}/notify.v1.NotificationClientService/StreamEvents",
            data=framed(client_pb.StreamEventsRequest()),
            headers={**HEADERS, "origin": ORIGIN, "authorization": "Bearer dev:slow:acme"},
        ) as response,
    ):
        events = (client_pb.StreamEvent.FromString(f.payload) async for f in frames(response))
        assert [(await anext(events)).WhichOneof("event") for _ in range(2)] == ["heartbeat", "caught_up"]
        for i in range(BODIES):
            await producer.Notify(notice(f"large {i:02}", "slow", body=BODY))

        # Its session fell behind: what did not fit stays in the store, not in Envoy and not in the service.
        async def fallen_behind() -> bool:
            return (await numbers(front))["notify_session_catchups_total"] > before

        await eventually(fallen_behind)
        # Others on the same connection between Envoy and the service are not held up by it.
        async with grpc.aio.insecure_channel(f"127.0.0.1:{front.port}") as channel:
            quick = NotificationClientServiceStub(channel).StreamEvents(
                client_pb.StreamEventsRequest(), metadata=as_user("quick")
            )
            await read_until(quick, "caught_up")
            await producer.Notify(notice("quick one", "quick"))
            assert (await read_until(quick, "notification"))[-1].notification.notification.title == "quick one"

        seen: dict[str, None] = {}
        async with asyncio.timeout(30):
            while len(seen) < BODIES:
                event = await anext(events)
                if event.WhichOneof("event") == "notification":
                    seen[event.notification.notification.notification_id] = None
    assert list(seen) == [f"large {i:02}" for i in range(BODIES)]


def test_a_heartbeat_keeps_a_stream_open() -> None:
    recipients = envoy.configuration(1, 2, [3])["static_resources"]["listeners"][0]
    http = recipients["filter_chains"][0]["filters"][0]["typed_config"]
    heartbeat_s = Settings.model_fields["live_heartbeat_interval"].default
    assert float(http["stream_idle_timeout"].removesuffix("s")) >= 5 * heartbeat_s
    for route in http["route_config"]["virtual_hosts"][0]["routes"]:
        assert route["route"]["timeout"] == "0s"
