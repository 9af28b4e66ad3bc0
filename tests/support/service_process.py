"""Instances of the service as processes, and clients of them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
from notify.v1 import client_service_pb2 as client_pb
from notify.v1 import client_service_pb2_grpc as client_grpc
from notify.v1 import internal_service_pb2 as internal_pb
from notify.v1 import internal_service_pb2_grpc as internal_grpc

_START_S = 30.0
_END_S = 40.0
DEFAULTS = {
    "auth_dev_mode": True,
    "client_port": 0,
    "internal_port": 0,
    "metrics_port": 0,
    "shutdown_spread": 0.2,
    "shutdown_timeout": 15.0,
    "log_level": "warning",
}


class Instance:
    """A running service process."""

    def __init__(self, process: asyncio.subprocess.Process, ports: dict[str, int]) -> None:
        self.process = process
        self.client_port = ports["client"]
        self.internal_port = ports["internal"]
        self.metrics_port = ports["metrics"]
        self._channels: dict[int, grpc.aio.Channel] = {}

    @property
    def producer(self) -> Any:
        """A stub of the internal service."""
        return internal_grpc.NotificationInternalServiceStub(self.channel(self.internal_port))

    @property
    def recipient(self) -> Any:
        """A stub of the client service; calls need ``as_user`` metadata."""
        return client_grpc.NotificationClientServiceStub(self.channel(self.client_port))

    async def notify(self, key: str, users: Sequence[str] = ("ada",), **fields: Any) -> internal_pb.NotifyResponse:
        """One Notify call."""
        request = internal_pb.NotifyRequest(
            tenant_id="acme", notification_id=key, user_ids=users, **{"title": key, **fields}
        )
        response: internal_pb.NotifyResponse = await self.producer.Notify(request, timeout=20)
        return response

    def listen(self, user: str = "ada", resume_after: str = "") -> Stream:
        """Open a stream."""
        request = client_pb.StreamEventsRequest(resume_after=resume_after)
        return Stream(self.recipient.StreamEvents(request, metadata=as_user(user)))

    async def inbox(self, user: str = "ada") -> list[Any]:
        """The whole inbox, newest first."""
        found: list[Any] = []
        cursor = ""
        while True:
            page = await self.recipient.GetNotifications(
                client_pb.GetNotificationsRequest(cursor=cursor, limit=100), metadata=as_user(user), timeout=20
            )
            found += page.notifications
            cursor = page.next_cursor
            if not cursor:
                return found

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code, once it has ended."""
        return await asyncio.wait_for(self.process.wait(), _END_S)

    async def close(self) -> None:
        """Kill it if it still runs, close the clients."""
        for channel in self._channels.values():
            await channel.close()
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    def channel(self, port: int) -> grpc.aio.Channel:
        """A connection to one of its ports, kept."""
        if port not in self._channels:
            options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
            self._channels[port] = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options)
        return self._channels[port]


class Stream:
    """A live stream and the cursor it has reached."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self.cursor = ""

    async def event(self) -> client_pb.StreamEvent:
        """The next event that is no heartbeat. Raises grpc.aio.AioRpcError when the stream ends."""
        while True:
            event = await asyncio.wait_for(self._call.read(), 30)
            if event is grpc.aio.EOF:
                raise AssertionError("the stream ended without an error")
            self.cursor = event.cursor or self.cursor
            if event.WhichOneof("event") != "heartbeat":
                return event  # type: ignore[no-any-return]  # the stubs have no types

    async def caught_up(self) -> list[str]:
        """Wait for caught_up; the keys of the notifications before it."""
        keys = []
        while (event := await self.event()).WhichOneof("event") != "caught_up":
            keys.append(event.notification.notification.notification_id)
        return keys

    async def keys(self, count: int) -> list[str]:
        """The keys of the next ``count`` notifications."""
        return [(await self.event()).notification.notification.notification_id for _ in range(count)]

    def cancel(self) -> None:
        """Go away."""
        self._call.cancel()


def as_user(user: str, tenant: str = "acme") -> list[tuple[str, str]]:
    """Metadata of a recipient."""
    return [("authorization", f"Bearer dev:{user}:{tenant}")]


@asynccontextmanager
async def instance(die: str = "", **settings: Any) -> AsyncIterator[Instance]:
    """A running instance, killed at the end if the test did not end it. ``die``: a fail point of fault_server."""
    asked = json.dumps({"settings": {**DEFAULTS, **settings}, "die": die})
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NOTIFY_", "OTEL_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.fault_server", asked, stdout=asyncio.subprocess.PIPE, env=kept
    )
    assert process.stdout is not None
    running: Instance | None = None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _START_S)
        assert line, f"the service ended with {await process.wait()}"
        running = Instance(process, json.loads(line))
        yield running
    finally:
        if running is not None:
            await running.close()
        elif process.returncode is None:
            process.kill()
            await process.wait()
