"""Servers under measurement, each in a process of its own: the service, and bare ones that set the ceiling.

``python -m benchmarks.servers bare`` and ``… service '<settings as JSON>'`` print their ports as JSON and serve until
standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import grpc
import uvloop
from notify.v1 import client_service_pb2, internal_service_pb2

from notify_grpc.app import Application, telemetry
from notify_grpc.app.application import tune_garbage_collection
from notify_grpc.config import apply_to_process, load
from notify_grpc.ports.telemetry import NoMetrics

ECHO = "/bare/Echo"
BROADCAST = "/bare/Broadcast"
LISTEN = "/bare/Listen"
SERVICE = {"store_driver": "memory", "auth_dev_mode": True, "client_port": 0, "internal_port": 0, "metrics_port": 0}


class Running(NamedTuple):
    """A server process."""

    pid: int
    internal: int
    client: int

    def resident_kib(self) -> int:
        """Memory it occupies, in KiB."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


@asynccontextmanager
async def running(kind: str, env: Mapping[str, str] | None = None, **settings: object) -> AsyncIterator[Running]:
    """Start a server and stop it at the end; ``env`` and ``settings`` are the service's."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.servers",
        kind,
        json.dumps({**SERVICE, **settings}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "NOTIFY_LOG_LEVEL": "error", **(env or {})},
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        ports = json.loads(await process.stdout.readline())
        yield Running(process.pid, ports["internal"], ports["client"])
    finally:
        process.stdin.close()
        await process.wait()


class Unmeasured(NoMetrics):
    """Numbers that are not kept."""

    def snapshot(self) -> dict[str, Any]:
        return {}


class Bare:
    """What grpc.aio can do with nothing behind it: an echo, and streams that all get what Broadcast sends."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[bytes]] = []

    async def echo(self, _: bytes, __: object) -> bytes:
        return internal_service_pb2.NotifyResponse(pending=1).SerializeToString()

    async def broadcast(self, request: bytes, _: object) -> bytes:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(request)
        return b""

    async def listen(self, _: bytes, context: Any) -> None:
        await context.write(client_service_pb2.StreamEvent(session_id="x" * 36).SerializeToString())
        loop = asyncio.get_running_loop()
        while True:
            future: asyncio.Future[bytes] = loop.create_future()
            self._waiting.append(future)
            await context.write(await future)

    def handler(self) -> grpc.GenericRpcHandler:
        methods: dict[str, Any] = {
            ECHO: grpc.unary_unary_rpc_method_handler(self.echo),
            BROADCAST: grpc.unary_unary_rpc_method_handler(self.broadcast),
            LISTEN: grpc.unary_stream_rpc_method_handler(self.listen),
        }

        class Handler(grpc.GenericRpcHandler):
            def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
                return methods.get(str(handler_call_details.method))

        return Handler()


async def _bare() -> None:
    options = [("grpc.so_reuseport", 0), ("grpc.server.max_pending_requests", 20_000)]
    server = grpc.aio.server(handlers=[Bare().handler()], options=options)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"internal": port, "client": port}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


async def _service(settings: dict[str, object]) -> None:
    application = Application(load(**settings))
    await application.start()
    tune_garbage_collection()
    ports = application.ports
    print(json.dumps({"internal": ports.internal, "client": ports.client}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await application.stop()


def main() -> None:
    kind, settings = sys.argv[1], json.loads(sys.argv[2])
    if kind == "unmeasured":
        setattr(telemetry, "Numbers", lambda _: Unmeasured())  # noqa: B010  # where the application looks it up
    apply_to_process(load(**settings))
    uvloop.run(_bare() if kind == "bare" else _service(settings))


if __name__ == "__main__":
    main()
