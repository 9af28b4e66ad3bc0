"""A whole service in the test's process: real servers on ephemeral loopback ports, real channels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from notify.v1 import client_service_pb2 as client_pb
from notify.v1 import internal_service_pb2 as internal_pb
from notify.v1.client_service_pb2_grpc import NotificationClientServiceStub
from notify.v1.internal_service_pb2_grpc import NotificationInternalServiceStub

from notify_grpc.auth.dev import DevAuthenticator
from notify_grpc.auth.internal_token import InternalTokenAuthenticator
from notify_grpc.core.notifier import Notifier
from notify_grpc.core.realtime.registry import RealtimeSettings
from notify_grpc.domain.addresses import authority, reached_at
from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.ports.auth import Authenticator
from notify_grpc.ports.telemetry import Metrics, NoMetrics
from notify_grpc.rpc.handlers import Interceptor
from notify_grpc.rpc.server import Servers, ServerSettings
from notify_grpc.stores.memory import MemoryStore

Metadata = tuple[tuple[str, str], ...]
TOKEN = "a-token-of-producers"
PRODUCER: Metadata = (("x-notify-internal-token", TOKEN),)
LOCAL = ServerSettings(host="127.0.0.1", client_port=0, internal_port=0)
_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
Stream = grpc.aio.UnaryStreamCall[client_pb.StreamEventsRequest, client_pb.StreamEvent]


def bearer(token: str) -> Metadata:
    """A recipient's credential."""
    return (("authorization", f"Bearer {token}"),)


def as_user(user: str, tenant: str = "acme") -> Metadata:
    """A dev token."""
    return bearer(f"dev:{user}:{tenant}")


def notice(notification_id: str, *users: str, tenant: str = "acme", **fields: Any) -> internal_pb.NotifyRequest:
    """A small Notify request."""
    request = internal_pb.NotifyRequest(tenant_id=tenant, notification_id=notification_id, user_ids=users)
    request.MergeFrom(internal_pb.NotifyRequest(**fields))
    return request


@dataclass
class Service:
    """A running service and a client of each port."""

    notifier: Notifier
    store: MemoryStore
    servers: Servers
    client_channel: grpc.aio.Channel
    internal_channel: grpc.aio.Channel

    @property
    def client(self) -> NotificationClientServiceStub:
        return NotificationClientServiceStub(self.client_channel)

    @property
    def internal(self) -> NotificationInternalServiceStub:
        return NotificationInternalServiceStub(self.internal_channel)

    async def notify(self, notification_id: str, *users: str, **fields: Any) -> internal_pb.NotifyResponse:
        """Send a small notification."""
        response: internal_pb.NotifyResponse = await self.internal.Notify(
            notice(notification_id, *users, **fields), metadata=PRODUCER
        )
        return response

    async def inbox(self, user: str, tenant: str = "acme", **fields: Any) -> client_pb.GetNotificationsResponse:
        """A page of somebody's inbox."""
        request = client_pb.GetNotificationsRequest(**fields)
        page: client_pb.GetNotificationsResponse = await self.client.GetNotifications(
            request, metadata=as_user(user, tenant)
        )
        return page

    async def listen(self, metadata: Metadata, resume_after: str = "") -> tuple[Stream, list[client_pb.StreamEvent]]:
        """Open a stream and read up to caught_up; the stream and those events."""
        stream: Stream = self.client.StreamEvents(
            client_pb.StreamEventsRequest(resume_after=resume_after), metadata=metadata
        )
        return stream, await read_until(stream, "caught_up")


async def read_until(stream: Stream, kind: str, limit: int = 1_000) -> list[client_pb.StreamEvent]:
    """Events up to the first of this kind, that one included."""
    events = []
    for _ in range(limit):
        event = await asyncio.wait_for(stream.read(), 10)
        assert isinstance(event, client_pb.StreamEvent), f"the stream ended: {await stream.code()}"
        events.append(event)
        if event.WhichOneof("event") == kind:
            return events
    raise AssertionError(f"no {kind} among {limit} events")


async def end_of(call: grpc.aio.Call) -> tuple[grpc.StatusCode, str]:
    """How a call ended, within a bound. What a stream still holds is read first: its status comes after that."""
    async with asyncio.timeout(10):
        if isinstance(call, grpc.aio.UnaryStreamCall | grpc.aio.StreamStreamCall):
            with suppress(grpc.aio.AioRpcError):
                while await call.read() is not grpc.aio.EOF:
                    pass
        return await call.code(), await call.details() or ""


def raw_unary(channel: grpc.aio.Channel, path: str, request: bytes, metadata: Metadata) -> Awaitable[object]:
    """Call a method with bytes that need not be a message."""
    method: Any = channel.unary_unary(path)
    call: Awaitable[object] = method(request, metadata=metadata)
    return call


async def refusal(call: Awaitable[object]) -> grpc.aio.AioRpcError:
    """The error a unary call ends with."""
    try:
        answer = await asyncio.wait_for(call, 10)
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError(f"not refused but answered: {answer}")


@asynccontextmanager
async def running_service(
    *,
    settings: ServerSettings = LOCAL,
    realtime: RealtimeSettings = RealtimeSettings(),
    clock: Clock | None = None,
    client_auth: Authenticator | None = None,
    metrics: Metrics = NoMetrics(),
    extra_interceptors: Sequence[Interceptor] = (),
    grpc_interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
) -> AsyncIterator[Service]:
    """A service, stopped at the end."""
    clock = clock or SystemClock()
    store = MemoryStore(clock)
    async with AsyncExitStack() as stack:
        notifier = await stack.enter_async_context(Notifier(store, realtime=realtime, clock=clock))
        servers = Servers(
            notifier,
            client_auth=client_auth or DevAuthenticator(),
            internal_auth=InternalTokenAuthenticator([TOKEN]),
            settings=settings,
            metrics=metrics,
            extra_interceptors=extra_interceptors,
            grpc_interceptors=grpc_interceptors,
        )
        await servers.start()
        stack.push_async_callback(servers.stop, 1)
        stack.callback(notifier.sessions.drain, 0)
        servers.health.set_ready(True)
        here = reached_at(settings.host)
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(authority(here, port), options=_OWN_CONNECTION))
            for port in servers.ports
        ]
        yield Service(notifier, store, servers, *channels)


def with_settings(**changes: Any) -> ServerSettings:
    """Ephemeral loopback ports, and these changes."""
    return replace(LOCAL, **changes)


async def serves(address: str, credentials: grpc.ChannelCredentials | None = None) -> bool:
    """Whether a new connection to this address gets an answer."""
    if credentials is None:
        channel = grpc.aio.insecure_channel(address, options=_OWN_CONNECTION)
    else:
        channel = grpc.aio.secure_channel(address, credentials, options=_OWN_CONNECTION)
    async with channel:
        health: Any = HealthStub(channel)
        try:
            await health.Check(health_pb2.HealthCheckRequest(service="liveness"), timeout=10)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                return False
            raise
        return True
