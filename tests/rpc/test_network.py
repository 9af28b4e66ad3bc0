"""Peers and networks at their worst: a client that stops reading, a connection that is dead without saying so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from notify.v1 import client_service_pb2 as pb
from notify.v1.client_service_pb2_grpc import NotificationClientServiceStub

from notify_grpc.core.realtime.session import Session
from notify_grpc.domain.models import UserKey
from notify_grpc.rpc.server import ServerSettings
from tests.rpc.service import Service, Stream, as_user, read_until, running_service, with_settings
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import eventually

ANN = as_user("ann")
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


def session_of(service: Service, user: str) -> Session:
    [session] = service.notifier.sessions.sessions_of(UserKey("acme", user))
    return session


def ids(events: list[pb.StreamEvent]) -> list[str]:
    return [e.notification.notification.notification_id for e in events if e.HasField("notification")]


@asynccontextmanager
async def through(proxy: TcpProxy) -> AsyncIterator[tuple[Stream, str]]:
    """A caught-up stream of ann's through the proxy, and its cursor."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{proxy.port}", options=OWN_CONNECTION) as channel:
        stream: Stream = NotificationClientServiceStub(channel).StreamEvents(pb.StreamEventsRequest(), metadata=ANN)
        yield stream, (await read_until(stream, "caught_up"))[-1].cursor
        stream.cancel()


async def test_a_client_that_stops_reading_loses_nothing_and_disturbs_nobody(service: Service) -> None:
    """FAULTS 15. The session holds its bounded queue, marks itself behind and catches up from the store."""
    slow, _ = await service.listen(ANN)
    other, _ = await service.listen(as_user("ben"))
    count = 600
    for i in range(count):
        await service.notify(f"n{i}", "ann", body="x" * 20_000)
    session = session_of(service, "ann")
    assert session.behind
    assert session.queued <= 128
    await service.notify("still alive", "ben")
    assert ids(await read_until(other, "notification")) == ["still alive"]
    received = [event for _ in range(count) for event in await read_until(slow, "notification")]
    assert ids(received) == [f"n{i}" for i in range(count)]
    await service.notify("live again", "ann")
    assert ids(await read_until(slow, "notification")) == ["live again"]
    slow.cancel()
    other.cancel()


async def test_a_stalled_client_can_be_told_to_go(caplog: pytest.LogCaptureFixture) -> None:
    """A write that waits for its reader keeps no shutdown waiting beyond the grace, and is no error."""
    async with running_service() as service:
        slow, _ = await service.listen(ANN)
        for i in range(600):
            await service.notify(f"n{i}", "ann", body="x" * 20_000)
        assert session_of(service, "ann").behind
        service.notifier.sessions.drain(0)
        await asyncio.wait_for(service.servers.stop(0.1), 10)
        await eventually(lambda: len(service.notifier.sessions) == 0)
        assert not [r for r in caplog.records if r.levelname == "ERROR"]
        slow.cancel()


def impatient() -> ServerSettings:
    """The keepalive of 20 s + 20 s, shortened."""
    return with_settings(keepalive_s=0.5, keepalive_timeout_s=0.5)


async def test_a_half_open_connection_frees_its_session_and_resuming_loses_nothing() -> None:
    """FAULTS 16."""
    async with running_service(settings=impatient()) as service, TcpProxy(service.servers.ports.client) as proxy:
        async with through(proxy) as (_, cursor):
            proxy.black_hole()
            for i in range(3):
                await service.notify(f"n{i}", "ann")
            await eventually(lambda: len(service.notifier.sessions) == 0, timeout=20)
        again, events = await service.listen(ANN, resume_after=cursor)
        assert ids(events) == ["n0", "n1", "n2"]
        again.cancel()


async def test_a_quiet_but_living_connection_stays_open() -> None:
    """What frees a dead session must not end a living one: it is asked, and answers."""
    async with (
        running_service(settings=impatient()) as service,
        TcpProxy(service.servers.ports.client) as proxy,
        through(proxy) as (stream, _),
    ):
        sent_before = proxy.chunks
        await eventually(lambda: proxy.chunks >= sent_before + 6, timeout=20)
        await service.notify("n", "ann")
        assert ids(await read_until(stream, "notification")) == ["n"]


async def test_a_connection_that_breaks_ends_its_session(service: Service) -> None:
    async with TcpProxy(service.servers.ports.client) as proxy, through(proxy):
        assert len(service.notifier.sessions) == 1
        proxy.drop()
        await eventually(lambda: len(service.notifier.sessions) == 0)


def test_a_dead_connection_is_noticed_within_a_minute_by_default() -> None:
    assert 30 <= ServerSettings().keepalive_s + ServerSettings().keepalive_timeout_s <= 60
