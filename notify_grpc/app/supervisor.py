"""``serve --workers N``: N processes share the ports (SO_REUSEPORT), one supervisor looks after them.

The supervisor serves no call itself. It restarts workers that die, passes signals on, and answers /healthz and /metrics
for all of them.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import ClientSession

from notify_grpc.app.application import Ports
from notify_grpc.app.workers import Worker
from notify_grpc.config import Settings
from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.http.forwarding import SupervisorHttp
from notify_grpc.lifecycle import serve_until_signal
from notify_grpc.telemetry.exposition import merge, render
from notify_grpc.telemetry.logs import configure_logs

log = logging.getLogger(__name__)
_POLL_S = 1.0


class Supervisor:
    """``start`` returns when every worker listens; ``stop`` drains all of them together."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self._reserved: list[socket.socket] = []
        self._workers: list[Worker] = []
        self._http = SupervisorHttp(
            settings.host, settings.metrics_port, health=self._health, metrics=self._metrics, worker=self._any_worker
        )
        self._resources = AsyncExitStack()

    @property
    def ports(self) -> Ports:
        """Where the workers listen, and this."""
        client, internal = (s.getsockname()[1] for s in self._reserved)
        return Ports(client, internal, self._http.port)

    @property
    def worker_pids(self) -> list[int]:
        """The processes that live now."""
        return [w.pid for w in self._workers if w.pid]

    async def start(self) -> None:
        """Raises OSError when a port is taken, Unavailable when a worker does not start."""
        async with AsyncExitStack() as stack:
            stack.callback(self._release_ports)
            self._reserve_ports()
            client, internal = (s.getsockname()[1] for s in self._reserved)
            overrides = {**self._passed_on(), "client_port": client, "internal_port": internal}
            self._workers = [
                Worker(n, overrides, self._clock, self.settings.host) for n in range(self.settings.workers)
            ]
            stack.push_async_callback(self._stop_workers)
            await asyncio.gather(*(worker.start() for worker in self._workers))
            session = await stack.enter_async_context(ClientSession())
            polling = asyncio.get_running_loop().create_task(self._poll_forever(session), name="notify-worker-poll")
            stack.push_async_callback(_cancelled, polling)
            await self._poll(session)
            await self._http.start(session)
            stack.push_async_callback(self._http.stop)
            self._resources = stack.pop_all()
        log.info("listening", extra=self.ports._asdict() | {"workers": len(self._workers)})

    async def stop(self) -> None:
        """Drain every worker. Idempotent."""
        await self._resources.aclose()

    def _passed_on(self) -> dict[str, object]:
        """What workers cannot read in the environment: the command line's word on their number."""
        return {"workers": self.settings.workers}

    def _reserve_ports(self) -> None:
        """Bound here without listening, so that the ports are ours, and known, while workers come and go."""
        for port in (self.settings.client_port, self.settings.internal_port):
            family, kind, _, _, address = socket.getaddrinfo(self.settings.host, port, type=socket.SOCK_STREAM)[0]
            reserved = socket.socket(family, kind)
            self._reserved.append(reserved)
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:  # `::` is every address of IPv4 too, as to gRPC
                reserved.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            reserved.bind(address)

    def _release_ports(self) -> None:
        while self._reserved:
            self._reserved.pop().close()

    async def _stop_workers(self) -> None:
        await asyncio.gather(*(worker.stop() for worker in self._workers))

    async def _poll_forever(self, session: ClientSession) -> None:
        while True:
            await self._clock.sleep(_POLL_S)
            await self._poll(session)

    async def _poll(self, session: ClientSession) -> None:
        await asyncio.gather(*(worker.poll(session) for worker in self._workers))

    def _health(self) -> tuple[bool, Mapping[str, Any]]:
        ready = sum(worker.ready for worker in self._workers)
        return ready > 0, {"workers": len(self._workers), "workers_ready": ready}

    def _metrics(self, accept: str) -> tuple[bytes, str]:
        return render(merge([worker.numbers for worker in self._workers]), accept)

    def _any_worker(self) -> str:
        return next((worker.url for worker in self._workers if worker.ready and worker.url), "")


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def supervise(settings: Settings, started: Callable[[Supervisor], None] = lambda _: None) -> int:
    """Serve until a signal; the exit code. Raises as ``Supervisor.start`` does."""
    configure_logs(settings.log_level, settings.log_format)
    supervisor = Supervisor(settings)
    # The workers' own time limit comes first, so that they are stopped by themselves.
    return asyncio.run(serve_until_signal(supervisor, settings.shutdown_timeout + 2.0, lambda: started(supervisor)))
