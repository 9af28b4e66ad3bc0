"""The two gRPC servers: one for recipients, one for producers. Same handlers' machinery, different credentials."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from notify_grpc.core.notifier import Notifier
from notify_grpc.domain.addresses import authority
from notify_grpc.ports.auth import Authenticator
from notify_grpc.ports.telemetry import Metrics, NoMetrics, NoTracer, Tracer
from notify_grpc.rpc import client_service, health, internal_service, reflection
from notify_grpc.rpc.draining import Draining
from notify_grpc.rpc.handlers import Handlers, Interceptor, full_names, service_handlers
from notify_grpc.rpc.interceptors.auth import Authentication
from notify_grpc.rpc.interceptors.errors import Errors
from notify_grpc.rpc.interceptors.logging import CallLog
from notify_grpc.rpc.interceptors.metrics import CallMetrics
from notify_grpc.rpc.interceptors.tracing import CallTracing
from notify_grpc.rpc.tls import ReloadingCredentials, TlsFiles

INTERNAL_SERVICES = full_names(internal_service.SERVICE)
"""The producers' service, under each package."""


class Ports(NamedTuple):
    """Where the servers listen."""

    client: int
    internal: int


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How the servers listen. Port 0 takes any free one."""

    host: str = "::"
    client_port: int = 8080
    internal_port: int = 8081
    client_tls: TlsFiles | None = None
    internal_tls: TlsFiles | None = None
    reuse_port: bool = False
    """Let several processes listen on the same ports, on purpose."""
    reflection: bool = True
    live: bool = True
    """Off: StreamEvents is Unimplemented."""
    max_request_bytes: int = 8 << 20
    max_pending_calls: int = 20_000
    """Calls that may wait to be accepted; gRPC cancels what is beyond (and begins to at 1,000 by default)."""
    keepalive_s: float = 20.0
    keepalive_timeout_s: float = 20.0
    """A peer is asked for a sign of life every `keepalive_s`; without one for this long its connection is closed."""
    min_client_ping_s: float = 5.0
    """Clients may ask as often as this."""


class Servers:
    """Both servers in front of one Notifier.

    ``extra_interceptors`` are outermost of ours; ``grpc_interceptors``, gRPC's own kind, are before them.
    """

    def __init__(
        self,
        notifier: Notifier,
        *,
        client_auth: Authenticator,
        internal_auth: Authenticator,
        settings: ServerSettings = ServerSettings(),
        metrics: Metrics = NoMetrics(),
        tracer: Tracer = NoTracer(),
        extra_interceptors: Sequence[Interceptor] = (),
        grpc_interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    ) -> None:
        self._settings = settings
        self._draining = Draining()
        self._interceptors = (
            *extra_interceptors,
            CallTracing(tracer, client_service.SERVICE.full_name),
            CallLog(),
            CallMetrics(metrics),
            Errors(),
        )
        self._grpc_interceptors = grpc_interceptors
        self._client_auth = client_auth
        self._internal_auth = internal_auth
        self._client_service = client_service.ClientService(notifier, tracer, live=settings.live)
        self._internal_service = internal_service.InternalService(notifier, metrics, tracer, self._draining)
        self._running: list[grpc.aio.Server] = []
        self._ports = Ports(0, 0)
        names = [*full_names(client_service.SERVICE), *full_names(internal_service.SERVICE)]
        self.health = health.Health(names, self._draining)

    @property
    def ports(self) -> Ports:
        """Where they listen, once started."""
        return self._ports

    async def start(self) -> None:
        """Listen on both ports. Raises OSError where one is taken, FailedPrecondition where TLS files are of no use."""
        settings = self._settings
        client = self._build(client_service.SERVICE, self._client_service, self._client_auth)
        internal = self._build(internal_service.SERVICE, self._internal_service, self._internal_auth)
        self._ports = Ports(
            _listen(client, authority(settings.host, settings.client_port), settings.client_tls),
            _listen(internal, authority(settings.host, settings.internal_port), settings.internal_tls),
        )
        for server in (client, internal):
            await server.start()
            self._running.append(server)

    async def stop(self, grace_s: float) -> None:
        """Accept nothing more, end what never ends by itself, give other calls ``grace_s``.

        Live sessions are the registry's to end, before this. Idempotent, safe before start.
        """
        self._draining.begin()
        await asyncio.gather(*(server.stop(grace_s) for server in self._running))

    def _build(self, service: ServiceDescriptor, servicer: object, auth: Authenticator) -> grpc.aio.Server:
        return grpc.aio.server(
            handlers=[
                service_handlers(service, servicer, (*self._interceptors, Authentication(auth))),
                *self._open_handlers(service),
            ],
            interceptors=self._grpc_interceptors,
            options=_options(self._settings),
        )

    def _open_handlers(self, service: ServiceDescriptor) -> list[Handlers]:
        """What needs no credential."""
        handlers = [service_handlers(health.SERVICE, self.health, self._interceptors, health.HEALTH_PACKAGES)]
        if self._settings.reflection:
            servicer = reflection.Reflection(service, [health.SERVICE, reflection.SERVICE], self._draining)
            handlers.append(
                service_handlers(reflection.SERVICE, servicer, self._interceptors, reflection.REFLECTION_PACKAGES)
            )
        return handlers


def _listen(server: grpc.aio.Server, address: str, tls: TlsFiles | None) -> int:
    try:
        if tls is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, ReloadingCredentials(tls).credentials())
    except RuntimeError as exc:
        raise OSError(f"cannot listen on {address}") from exc


def _options(settings: ServerSettings) -> list[tuple[str, int]]:
    """gRPC's own names. Connections have no maximum age: streams are asked to reconnect one by one instead."""
    return [
        ("grpc.so_reuseport", int(settings.reuse_port)),
        ("grpc.max_receive_message_length", settings.max_request_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.server.max_pending_requests", settings.max_pending_calls),
        ("grpc.server.max_pending_requests_hard_limit", settings.max_pending_calls * 2),
        ("grpc.keepalive_time_ms", round(settings.keepalive_s * 1_000)),
        ("grpc.keepalive_timeout_ms", round(settings.keepalive_timeout_s * 1_000)),
        # Newer versions of gRPC go by this one, whose default is a minute.
        ("grpc.http2.ping_timeout_ms", round(settings.keepalive_timeout_s * 1_000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.min_ping_interval_without_data_ms", round(settings.min_client_ping_s * 1_000)),
    ]
