"""A stream of events that outlives its connections."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import grpc
from notify.v1 import client_service_pb2 as pb
from notify.v1.client_service_pb2_grpc import NotificationClientServiceStub

from notify_grpc.client.connection import Connection
from notify_grpc.client.errors import translated
from notify_grpc.client.reconnecting import Reconnects, ends_stream
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.errors import NotifyError, Unavailable

_REMEMBERED = 256


class LiveStream:
    """Reads StreamEvents, again and again, from where it stopped."""

    def __init__(
        self,
        connection: Connection,
        request: pb.StreamEventsRequest,
        reconnects: Reconnects,
        clock: Clock,
        on_lost: Callable[[NotifyError | None], None],
    ) -> None:
        self._connection = connection
        self._stub = NotificationClientServiceStub(connection.channel)
        self._request = request
        self._reconnects = reconnects
        self._clock = clock
        self._on_lost = on_lost
        self._yielded: deque[str] = deque(maxlen=_REMEMBERED)
        self._failures = 0
        self._live = False
        self._asked_to_wait_s: float | None = None

    async def events(self) -> AsyncGenerator[pb.StreamEvent, None]:
        """Every event that is news, without end. Raises the NotifyError no reconnect would cure."""
        while True:
            self._live, lost = False, None
            try:
                async with aclosing(self._one_connection()) as events:
                    async for event in events:
                        yield event
            except NotifyError as error:
                if ends_stream(error, was_live=self._live):
                    raise
                lost = error
            self._on_lost(lost)
            await self._clock.sleep(self._pause_s())

    async def _one_connection(self) -> AsyncGenerator[pb.StreamEvent, None]:
        call = self._stub.StreamEvents(self._request, metadata=await self._connection.metadata())
        try:
            while event := await self._read(call):
                self._live, self._failures = True, 0
                if await self._is_for_caller(event):
                    yield event
        finally:
            call.cancel()

    async def _read(self, call: Any) -> pb.StreamEvent | None:
        """The next event, None at the end. Silence means that the connection is gone, whatever TCP believes."""
        try:
            with translated():
                # Not wait_for: before Python 3.12 it loses a cancellation that meets an event.
                async with asyncio.timeout(self._reconnects.silence_s):
                    event = await call.read()
        except TimeoutError:
            raise Unavailable("no heartbeat") from None
        return None if event is grpc.aio.EOF else event

    async def _is_for_caller(self, event: pb.StreamEvent) -> bool:
        """Move the cursor; take care of what concerns only the connection; drop what was there before."""
        kind = event.WhichOneof("event")
        self._request.resume_after = event.cursor or self._request.resume_after
        if kind == "reconnect":
            self._asked_to_wait_s = event.reconnect.after_ms / 1_000
        elif kind == "auth_expiring":
            await self._refresh(event.session_id)
        elif kind == "notification" and event.cursor:
            if event.cursor in self._yielded:
                return False
            self._yielded.append(event.cursor)
        return kind not in ("reconnect", "auth_expiring", None)

    async def _refresh(self, session_id: str) -> None:
        """Keep the stream open with a fresh token. Failing is no harm: it ends, and the next connection resumes."""
        if not self._connection.can_refresh:
            return
        try:
            await self._connection.call(self._stub.RefreshStream, pb.RefreshStreamRequest(session_id=session_id))
        except NotifyError:
            return

    def _pause_s(self) -> float:
        asked, self._asked_to_wait_s = self._asked_to_wait_s, None
        if asked is not None:
            return asked
        self._failures += 1
        return self._reconnects.wait_s(self._failures)
