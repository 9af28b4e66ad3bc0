"""Stopping: nothing that could go on for ever keeps it waiting, and what is under way is finished."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from notify.v1 import client_service_pb2 as pb

from notify_grpc.auth.dev import DevAuthenticator
from notify_grpc.auth.internal_token import InternalTokenAuthenticator
from notify_grpc.core.notifier import Notifier
from notify_grpc.rpc.server import Servers, ServerSettings
from notify_grpc.stores.memory import MemoryStore
from tests.rpc.service import LOCAL, PRODUCER, as_user, end_of, notice, read_until, running_service, with_settings
from tests.support.waiting import eventually

LONG_S = 60


async def test_every_kind_of_open_call_ends_at_once() -> None:
    """Live streams by the registry; bulk streams, health watches and reflection by the servers."""
    async with running_service() as service:
        health: Any = HealthStub(service.client_channel)
        watch = health.Watch(health_pb2.HealthCheckRequest())
        await watch.read()
        kind: Any = service.client_channel.stream_stream
        reflection = kind("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")()
        bulk = service.internal.NotifyStream(metadata=PRODUCER)
        stream, _ = await service.listen(as_user("ann"))
        service.servers.health.set_ready(False)
        service.notifier.sessions.drain(0)
        await asyncio.wait_for(service.servers.stop(LONG_S), 10)
        assert await read_until(stream, "reconnect")
        for call in (watch, reflection, bulk, stream):
            assert (await end_of(call))[0] is grpc.StatusCode.UNAVAILABLE


async def test_a_call_under_way_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_service() as service:
        begun, go = asyncio.Event(), asyncio.Event()
        notify = service.notifier.notify

        async def slow(command: Any, *, budget_s: float | None = None) -> Any:
            begun.set()
            await go.wait()
            return await notify(command, budget_s=budget_s)

        monkeypatch.setattr(service.notifier, "notify", slow)
        call = service.internal.Notify(notice("n", "ann"), metadata=PRODUCER)
        await begun.wait()
        stopping = asyncio.ensure_future(service.servers.stop(LONG_S))
        go.set()
        assert (await call).pending == 1
        await asyncio.wait_for(stopping, 10)


async def test_a_call_that_outlives_the_grace_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_service() as service:
        begun = asyncio.Event()

        async def never(command: Any, *, budget_s: float | None = None) -> Any:
            begun.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(service.notifier, "notify", never)
        call = service.internal.Notify(notice("n", "ann"), metadata=PRODUCER)
        await begun.wait()
        await asyncio.wait_for(service.servers.stop(0.05), 10)
        assert (await end_of(call))[0] in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


async def test_a_draining_service_admits_no_stream() -> None:
    async with running_service() as service:
        service.notifier.sessions.drain(0)
        stream = service.client.StreamEvents(pb.StreamEventsRequest(), metadata=as_user("ann"))
        assert (await end_of(stream))[0] is grpc.StatusCode.UNAVAILABLE
        await eventually(lambda: len(service.notifier.sessions) == 0)


def servers(notifier: Notifier, settings: ServerSettings = LOCAL) -> Servers:
    return Servers(
        notifier, client_auth=DevAuthenticator(), internal_auth=InternalTokenAuthenticator(["t"]), settings=settings
    )


async def test_stop_may_come_before_start_and_twice() -> None:
    async with Notifier(MemoryStore()) as notifier:
        await servers(notifier).stop(1)
        started = servers(notifier)
        await started.start()
        await started.stop(1)
        await started.stop(1)


async def test_a_taken_port_is_an_error_unless_it_is_shared_on_purpose() -> None:
    async with running_service(settings=with_settings(reuse_port=True)) as service:
        same = service.servers.ports
        again = with_settings(client_port=same.client, internal_port=same.internal)
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{same.client}"):
            await servers(service.notifier, again).start()
        shared = servers(service.notifier, with_settings(client_port=same.client, reuse_port=True))
        await shared.start()
        assert shared.ports.client == same.client
        await shared.stop(1)
