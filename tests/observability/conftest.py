"""A server that has done a bit of everything, scraped."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import grpc
import pytest
from notify.v1 import client_service_pb2 as client_pb
from notify.v1 import internal_service_pb2 as internal_pb
from notify.v1.client_service_pb2_grpc import NotificationClientServiceStub
from notify.v1.internal_service_pb2_grpc import NotificationInternalServiceStub
from notify.v1.notification_pb2 import DeliveryChannel

from tests.acceptance.process import Server, serving
from tests.rpc.service import as_user, read_until
from tests.support.ports import free_port
from tests.support.waiting import eventually

_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? \S+$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
Scrape = dict[str, list[dict[str, str]]]
"""The labels of each sample, by name."""


def parse(text: str) -> Scrape:
    found: Scrape = {}
    for name, labels in _SAMPLE.findall(text):
        found.setdefault(name, []).append(dict(_LABEL.findall(labels)))
    return found


async def use(server: Server) -> None:
    """A notification to a reader and by email, to nobody's server: one attempt fails."""
    target = "127.0.0.1"
    async with (
        grpc.aio.insecure_channel(f"{target}:{server.ports.client}") as recipients,
        grpc.aio.insecure_channel(f"{target}:{server.ports.internal}") as producers,
    ):
        stream = NotificationClientServiceStub(recipients).StreamEvents(
            client_pb.StreamEventsRequest(), metadata=as_user("ada")
        )
        await read_until(stream, "caught_up")
        await NotificationInternalServiceStub(producers).Notify(
            internal_pb.NotifyRequest(
                tenant_id="acme",
                notification_id="n1",
                user_ids=["ada"],
                title="Hi",
                channels=[DeliveryChannel.DELIVERY_CHANNEL_IN_APP, DeliveryChannel.DELIVERY_CHANNEL_EMAIL],
                addresses={"ada": internal_pb.ChannelAddresses(by_channel={"email": "ada@example.org"})},
            )
        )
        await read_until(stream, "notification")


@pytest.fixture
async def scrape(tmp_path: Path) -> AsyncIterator[Scrape]:
    """What Prometheus would read."""
    settings = {
        "NOTIFY_EMAIL_PROVIDER": "smtp",
        "NOTIFY_EMAIL_FROM": "notify@example.org",
        "NOTIFY_EMAIL_SMTP_HOST": "127.0.0.1",
        "NOTIFY_EMAIL_SMTP_PORT": str(free_port()),
    }
    async with serving(tmp_path, settings=settings) as server, aiohttp.ClientSession() as http:
        await use(server)

        async def reported() -> Scrape | None:
            async with http.get(f"http://127.0.0.1:{server.ports.metrics}/metrics") as response:
                found = parse(await response.text())
            # Once a second, and when a provider has answered.
            return found if {"notify_stream_events_total", "notify_send_total"} <= set(found) else None

        found = await eventually(reported, timeout=20)
        assert found is not None
        yield found
