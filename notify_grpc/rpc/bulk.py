"""NotifyStream: many Notify requests on one call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import grpc
from notify.v1 import internal_service_pb2 as pb

from notify_grpc.core.commands import NotifyResult
from notify_grpc.core.notifier import Notifier
from notify_grpc.domain.errors import InvalidArgument, NotifyError
from notify_grpc.ports.telemetry import Metrics, Tracer
from notify_grpc.rpc.deadline import budget_s
from notify_grpc.rpc.draining import Draining
from notify_grpc.rpc.handlers import Context, decode
from notify_grpc.rpc.interceptors.metrics import REQUESTS
from notify_grpc.rpc.interceptors.tracing import traceparent_of
from notify_grpc.rpc.mapping import notify_command, notify_response
from notify_grpc.rpc.status import code_number, code_of, message_of

_SPAN = "notify.v1.NotificationInternalService/NotifyStream"
_ATTRIBUTES = {"rpc.system.name": "grpc", "rpc.method": _SPAN}
_READ_AHEAD = 8
"""Messages read while earlier ones are worked on; what follows stays with the producer."""
_AT_ONCE = 1_000
"""Requests given to the core together."""


class BulkStream:
    """One NotifyStream call.

    A task reads ahead while this one works on what was read and writes the answers, so that neither waits for the
    other. Messages that wait together are worked on together. Whatever ends the reading (the producer, a malformed
    message, a shutdown) ends the call only after everything read before it has been answered.
    """

    def __init__(
        self, context: Context, notifier: Notifier, metrics: Metrics, tracer: Tracer, draining: Draining
    ) -> None:
        self._context = context
        self._notifier = notifier
        self._metrics = metrics
        self._tracer = tracer
        self._draining = draining
        self._read: asyncio.Queue[pb.NotifyStreamRequest | None] = asyncio.Queue(_READ_AHEAD)
        self._ended: Exception | None = None

    async def run(self) -> None:
        """Serve the call. Raises what ended it."""
        reader = asyncio.get_running_loop().create_task(self._read_all(), name="notify-bulk-reader")
        try:
            while messages := await self._waiting():
                for response in await self._answer(messages):
                    await self._context.write(response.SerializeToString())
            if self._ended is not None:
                raise self._ended
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _read_all(self) -> None:
        try:
            await self._draining.until_begun(self._read_until_closed())
        except Exception as exc:  # noqa: BLE001 - run raises it, once everything read has been answered
            self._ended = exc
        await self._read.put(None)

    async def _read_until_closed(self) -> None:
        while (raw := await self._context.read()) is not grpc.aio.EOF:
            await self._read.put(decode(pb.NotifyStreamRequest, raw))

    async def _waiting(self) -> list[pb.NotifyStreamRequest]:
        """What has been read, at least one message; nothing after the last."""
        messages = []
        message = await self._read.get()
        while message is not None:
            messages.append(message)
            if self._read.empty():
                return messages
            message = self._read.get_nowait()
        if messages:
            self._read.put_nowait(None)
        return messages

    async def _answer(self, messages: Sequence[pb.NotifyStreamRequest]) -> Iterator[pb.NotifyStreamResponse]:
        requests = [request for message in messages for request in message.requests]
        outcomes: list[pb.NotifyStreamResult] = []
        for start in range(0, len(requests), _AT_ONCE):
            outcomes += await self._notify(requests[start : start + _AT_ONCE])
        results = iter(outcomes)
        return (pb.NotifyStreamResponse(results=[next(results) for _ in message.requests]) for message in messages)

    async def _notify(self, requests: Sequence[pb.NotifyRequest]) -> list[pb.NotifyStreamResult]:
        commands, refused = [], {}
        for i, request in enumerate(requests):
            try:
                commands.append(notify_command(request))
            except InvalidArgument as exc:
                refused[i] = exc
        with self._tracer.entry(_SPAN, traceparent_of(self._context), join=True, attributes=_ATTRIBUTES) as call:
            notified = iter(await self._notifier.notify_many(commands, budget_s=budget_s(self._context)))
            if call is not None:
                call.ended(grpc.StatusCode.OK.name)
        return [self._result(refused.get(i) or next(notified)) for i in range(len(requests))]

    def _result(self, outcome: NotifyResult | NotifyError) -> pb.NotifyStreamResult:
        if isinstance(outcome, NotifyResult):
            self._metrics.count(REQUESTS, code=grpc.StatusCode.OK.name)
            return pb.NotifyStreamResult(response=notify_response(outcome))
        code = code_of(outcome)
        self._metrics.count(REQUESTS, code=code.name)
        field = outcome.field if isinstance(outcome, InvalidArgument) else ""
        error = pb.NotifyStreamError(code=code_number(code), message=message_of(outcome), field=field)
        return pb.NotifyStreamResult(error=error)
