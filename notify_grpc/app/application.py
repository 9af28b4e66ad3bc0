"""The whole service: two gRPC servers and an HTTP port around one Notifier."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

from notify_grpc.app.auth import client_authenticator, internal_authenticator
from notify_grpc.app.dispatch import make_dispatch_settings
from notify_grpc.app.providers import make_callbacks, make_providers, make_webhook
from notify_grpc.app.readiness import Readiness
from notify_grpc.app.stores import make_bus, make_store
from notify_grpc.app.telemetry import Telemetry
from notify_grpc.config import Settings, apply_to_process
from notify_grpc.core.dispatch import Dispatcher
from notify_grpc.core.notifier import Notifier
from notify_grpc.core.realtime.registry import RealtimeSettings
from notify_grpc.core.retention import RetentionSweep
from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.http.server import HttpServer
from notify_grpc.lifecycle import serve_until_signal
from notify_grpc.ports.events import NoEvents
from notify_grpc.rpc.server import INTERNAL_SERVICES, Servers, ServerSettings
from notify_grpc.rpc.tls import TlsFiles
from notify_grpc.stores.measured import measured
from notify_grpc.telemetry.exposition import render, to_json
from notify_grpc.telemetry.logs import configure_logs

log = logging.getLogger(__name__)


class Ports(NamedTuple):
    """Where the service listens."""

    client: int
    internal: int
    metrics: int


def instance_name() -> str:
    """Tells this process from every other one, also from an earlier one of the same pid."""
    return f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"


class Application:
    """Everything wired from settings. ``start`` leaves nothing running when it fails; ``stop`` drains.

    Raises ConfigError at construction when settings name what is not there.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self.instance = instance_name()
        self.telemetry = Telemetry(settings)
        metrics, tracer = self.telemetry.metrics, self.telemetry.tracer
        store = measured(make_store(settings, self._clock), metrics, tracer)
        self._bus, presence = make_bus(settings, self.instance, metrics)
        self._webhook = make_webhook(settings)
        events = self._webhook or NoEvents()
        self._dispatcher = Dispatcher(
            store,
            make_providers(settings),
            owner=self.instance,
            settings=make_dispatch_settings(settings),
            clock=self._clock,
            metrics=metrics,
            tracer=tracer,
            events=events,
        )
        self.notifier = Notifier(
            store,
            dispatcher=self._dispatcher,
            bus=self._bus,
            presence=presence,
            realtime=_realtime(settings),
            clock=self._clock,
            metrics=metrics,
            tracer=tracer,
            events=events,
        )
        self._retention = RetentionSweep(
            store, settings.retention, served=self._dispatcher.channels, clock=self._clock, events=events
        )
        client_auth, self._jwks = client_authenticator(settings, self._clock)
        self._servers = Servers(
            self.notifier,
            client_auth=client_auth,
            internal_auth=internal_authenticator(settings),
            settings=_server_settings(settings),
            metrics=metrics,
            tracer=tracer,
            grpc_interceptors=self.telemetry.grpc_interceptors(INTERNAL_SERVICES),
        )
        self._readiness = Readiness(store, self._clock, self._set_ready, self._details)
        self._callbacks = make_callbacks(settings)
        self._http = HttpServer(
            settings.host,
            settings.metrics_port,
            health=self._readiness.report,
            metrics=lambda accept: render(metrics.snapshot(), accept),
            snapshot=lambda: to_json(metrics.snapshot()),
            callbacks=self._callbacks,
            apply=self.notifier.apply_report,
            base_url=settings.callbacks_base_url,
        )
        self._resources = AsyncExitStack()

    @property
    def ports(self) -> Ports:
        """Where it listens, once started."""
        return Ports(*self._servers.ports, self._http.port)

    async def start(self) -> None:
        """Open everything in order; ready to serve when this returns."""
        if self.settings.auth_dev_mode:
            log.warning("DEV MODE: anybody can be anybody. Never run like this where others can reach it.")
        async with AsyncExitStack() as stack:
            await self._open_resources(stack)
            await self.notifier.open()
            stack.push_async_callback(self.notifier.close)
            await self._retention.open()
            stack.push_async_callback(self._retention.close)
            stack.push_async_callback(self._stop_servers)
            await self._servers.start()
            await self._http.start()
            stack.push_async_callback(self._http.stop)
            await self._readiness.start()
            stack.push_async_callback(self._readiness.close)
            self._resources = stack.pop_all()
        log.info("listening", extra=self.ports._asdict() | {"instance": self.instance})

    async def stop(self) -> None:
        """Not ready → streams end → servers stop together → dispatcher releases → store closes. Idempotent."""
        self._readiness.stop_serving()
        self.notifier.sessions.drain(self.settings.shutdown_spread)
        await self._resources.aclose()
        log.info("stopped")

    async def _open_resources(self, stack: AsyncExitStack) -> None:
        stack.push_async_callback(self.telemetry.close)
        if self._jwks is not None:
            stack.push_async_callback(self._jwks.close)
        if self._webhook is not None:
            stack.push_async_callback(self._webhook.close)
            await self._webhook.open()
        for callbacks in self._callbacks:
            closing: Callable[[], object] | None = getattr(callbacks, "close", None)
            if closing is not None:
                stack.push_async_callback(callbacks.close)  # type: ignore[attr-defined]  # only some hold a connection
                await callbacks.open()  # type: ignore[attr-defined]  # as above

    def _set_ready(self, ready: bool) -> None:
        self._servers.health.set_ready(ready)
        self.telemetry.metrics.gauge("notify_ready", ready)

    async def _stop_servers(self) -> None:
        await self._servers.stop(self.settings.shutdown_timeout / 3)

    def _details(self) -> Mapping[str, object]:
        open_breakers = self._dispatcher.breakers()
        return {
            "sessions": len(self.notifier.sessions),
            "bus": "ok" if self._bus.connected else "down",
            **({"providers": dict(open_breakers)} if open_breakers else {}),
        }


def _realtime(s: Settings) -> RealtimeSettings:
    return RealtimeSettings(
        heartbeat_s=s.live_heartbeat_interval,
        max_lifetime_s=s.live_max_lifetime,
        reconnect_spread_s=s.shutdown_spread,
        max_sessions=s.live_max_sessions,
        max_sessions_per_user=s.live_max_sessions_per_user,
        retry_interval_s=s.live_retry_interval,
        retry_max_attempts=s.live_retry_max_attempts,
    )


def _tls(cert: str, key: str, ca: str) -> TlsFiles | None:
    return TlsFiles(Path(cert), Path(key), Path(ca) if ca else None) if cert else None


def _server_settings(s: Settings) -> ServerSettings:
    return ServerSettings(
        host=s.host,
        client_port=s.client_port,
        internal_port=s.internal_port,
        client_tls=_tls(s.client_tls_cert_file, s.client_tls_key_file, s.client_tls_ca_file),
        internal_tls=_tls(s.internal_tls_cert_file, s.internal_tls_key_file, s.internal_tls_ca_file),
        reuse_port=s.workers > 1,
        reflection=s.reflection_enabled,
        live=s.live_connections_enabled,
        max_request_bytes=s.max_message_bytes,
    )


def run(settings: Settings, started: Callable[[Application], None] = lambda _: None) -> int:
    """Serve until a signal; the exit code. ``started`` is called once, when it listens.

    Raises ConfigError, NotifyError or OSError when it cannot start.
    """
    configure_logs(settings.log_level, settings.log_format)
    apply_to_process(settings)
    with asyncio.Runner(loop_factory=_loop_factory(settings)) as runner:
        return runner.run(_serve(settings, started))


def _loop_factory(settings: Settings) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if not settings.uvloop or sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def _serve(settings: Settings, started: Callable[[Application], None]) -> int:
    application = Application(settings)

    def ready() -> None:
        tune_garbage_collection()
        started(application)

    return await serve_until_signal(application, settings.shutdown_timeout, ready)


def tune_garbage_collection() -> None:
    """Once a process serves: leave alone what boot made, and look less often at what thousands of streams hold.

    A full collection with 10,000 streams stops the loop for a quarter of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
