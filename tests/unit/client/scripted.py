"""A real server of the client service that says what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from notify.v1 import client_service_pb2 as pb
from notify.v1.client_service_pb2_grpc import (
    NotificationClientServiceServicer,
    add_NotificationClientServiceServicer_to_server,
)
from notify.v1.notification_pb2 import Notification

HANG = "hang"
Said = pb.StreamEvent | grpc.StatusCode | str
"""An event, the status a call ends with, or HANG: nothing more, and no end."""


class ScriptedInbox(NotificationClientServiceServicer):
    """Says one list per StreamEvents call, hangs when there is none left, and keeps what it was asked."""

    def __init__(self, *calls: list[Said]) -> None:
        self.calls = list(calls)
        self.resumed_after: list[str] = []
        self.tokens: list[str] = []
        self.refreshed: list[tuple[str, str]] = []
        self.metadata: dict[str, str] = {}

    async def StreamEvents(self, request: pb.StreamEventsRequest, context: Any) -> None:  # noqa: N802 - the contract's name
        self.metadata = dict(context.invocation_metadata())
        self.resumed_after.append(request.resume_after)
        self.tokens.append(self.metadata.get("authorization", ""))
        for said in self.calls.pop(0) if self.calls else [HANG]:
            if isinstance(said, pb.StreamEvent):
                await context.write(said)
            elif isinstance(said, grpc.StatusCode):
                await context.abort(said, "as scripted")
            else:
                await asyncio.Event().wait()

    async def RefreshStream(self, request: pb.RefreshStreamRequest, context: Any) -> pb.RefreshStreamResponse:  # noqa: N802 - the contract's name
        self.refreshed.append((request.session_id, dict(context.invocation_metadata())["authorization"]))
        return pb.RefreshStreamResponse(expires_at_ms=1)


@asynccontextmanager
async def serving(servicer: ScriptedInbox, port: int = 0) -> AsyncIterator[str]:
    """The address of a server that answers with ``servicer``."""
    server = grpc.aio.server()
    add_NotificationClientServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def notification(cursor: str) -> pb.StreamEvent:
    """An event that tells of a notification called like its cursor."""
    return pb.StreamEvent(notification=pb.NotificationEvent(notification=Notification(id=cursor)), cursor=cursor)


def heartbeat() -> pb.StreamEvent:
    return pb.StreamEvent(session_id="s", heartbeat=pb.HeartbeatEvent(timestamp_ms=1))


def reconnect(after_ms: int) -> pb.StreamEvent:
    return pb.StreamEvent(session_id="s", reconnect=pb.ReconnectEvent(after_ms=after_ms))


def auth_expiring() -> pb.StreamEvent:
    return pb.StreamEvent(session_id="s", auth_expiring=pb.AuthExpiringEvent(expires_at_ms=1))
