"""The producer's client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from contextlib import aclosing, suppress
from types import TracebackType
from typing import Any, Self

import grpc
from notify.v1 import internal_service_pb2 as pb
from notify.v1.internal_service_pb2_grpc import NotificationInternalServiceStub
from notify.v1.notification_pb2 import Delivery

from notify_grpc.client.batches import in_batches
from notify_grpc.client.connection import Connection, Token, open_channel
from notify_grpc.client.errors import translated


class NotifyClient:
    """Speaks to NotificationInternalService. Every method raises NotifyError; UNAVAILABLE is retried a few times first.

    Use as an async context manager, or call close.
    """

    def __init__(
        self,
        address: str = "localhost:8081",
        *,
        token: Token = "",
        credentials: grpc.ChannelCredentials | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        """``address`` may name several servers (``dns:///notify:8081``): calls are spread over them.

        ``token`` is the internal token. Without ``credentials`` the connection is plain text.
        """
        channel = open_channel(address, credentials=credentials, spread_over_addresses=True)
        self._connection = Connection(channel, token, lambda t: ("x-notify-internal-token", t), timeout_s)
        self._stub = NotificationInternalServiceStub(channel)

    async def notify(self, request: pb.NotifyRequest) -> pb.NotifyResponse:
        """Notify users; when this returns, it is committed. Safe to repeat with the same notification_id."""
        response: pb.NotifyResponse = await self._connection.call(self._stub.Notify, request)
        return response

    async def notify_stream(
        self,
        requests: Iterable[pb.NotifyRequest] | AsyncIterable[pb.NotifyRequest],
        *,
        batch: int = 100,
        in_flight: int = 8,
    ) -> AsyncGenerator[pb.NotifyStreamResult, None]:
        """Notify in bulk: one result per request, in order; a refused request is a result, not an exception.

        Up to ``in_flight`` messages of up to ``batch`` requests are under way at once. What was yielded is committed.
        After an error (Unavailable when the server stops) send again from the first request without a result: that is
        safe. An exception of ``requests`` is raised once what it gave before has been answered.
        """
        window = asyncio.Semaphore(in_flight)
        call = self._stub.NotifyStream(metadata=await self._connection.metadata())
        writing = asyncio.create_task(_write(call, requests, batch, window), name="notify-bulk-writer")
        try:
            with translated():
                while (response := await call.read()) is not grpc.aio.EOF:
                    window.release()
                    for result in response.results:
                        yield result
            await writing
        finally:
            call.cancel()
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def publish_data_change(
        self, tenant_id: str, user_ids: Sequence[str], key: str, *, subject_ref: str = "", subject_type: str = ""
    ) -> int:
        """Tell live streams that something changed; how many sessions of the answering instance took it."""
        request = pb.PublishDataChangeRequest(
            tenant_id=tenant_id,
            user_ids=user_ids,
            idempotency_key=key,
            subject_ref=subject_ref,
            subject_type=subject_type,
        )
        response: pb.PublishDataChangeResponse = await self._connection.call(self._stub.PublishDataChange, request)
        return response.sessions

    async def get_status(
        self, tenant_id: str, notification_id: str, *, user_ids: Sequence[str] = ()
    ) -> AsyncGenerator[pb.RecipientStatus, None]:
        """What became of a notification, per recipient, with deliveries and attempts; reads page by page."""
        request = pb.GetNotificationStatusRequest(
            tenant_id=tenant_id, notification_id=notification_id, user_ids=user_ids, limit=100
        )
        while True:
            page: pb.GetNotificationStatusResponse = await self._connection.call(
                self._stub.GetNotificationStatus, request
            )
            for recipient in page.recipients:
                yield recipient
            request.cursor = page.next_cursor
            if not page.next_cursor:
                return

    async def deliveries(self, where: pb.ListDeliveriesRequest | None = None) -> AsyncGenerator[Delivery, None]:
        """Deliveries, oldest first; ``where`` filters, its limit is the size of a page."""
        request = pb.ListDeliveriesRequest()
        request.CopyFrom(where or request)
        while True:
            page: pb.ListDeliveriesResponse = await self._connection.call(self._stub.ListDeliveries, request)
            for delivery in page.deliveries:
                yield delivery
            request.cursor = page.next_cursor
            if not page.next_cursor:
                return

    async def retry(self, delivery_id: str) -> Delivery:
        """Make a failed, parked, expired or cancelled delivery due again."""
        request = pb.RetryDeliveryRequest(id=delivery_id)
        response: pb.RetryDeliveryResponse = await self._connection.call(self._stub.RetryDelivery, request)
        return response.delivery

    async def presence(self, tenant_id: str, user_ids: Sequence[str]) -> list[pb.UserPresence]:
        """Which users have live streams, in their order."""
        request = pb.GetPresenceRequest(tenant_id=tenant_id, user_ids=user_ids)
        response: pb.GetPresenceResponse = await self._connection.call(self._stub.GetPresence, request)
        return list(response.users)

    async def erase(self, tenant_id: str, user_id: str) -> pb.EraseUserResponse:
        """Remove every row of a user; how many."""
        request = pb.EraseUserRequest(tenant_id=tenant_id, user_id=user_id)
        response: pb.EraseUserResponse = await self._connection.call(self._stub.EraseUser, request)
        return response

    async def close(self) -> None:
        """End open calls and close the channel. Idempotent."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _write(
    call: Any,
    requests: Iterable[pb.NotifyRequest] | AsyncIterable[pb.NotifyRequest],
    batch: int,
    window: asyncio.Semaphore,
) -> None:
    """Send everything, and say so. Raises what ``requests`` raises; a call that has ended says why to its reader."""
    try:
        async with aclosing(in_batches(requests, batch)) as groups:
            async for group in groups:
                await window.acquire()
                await call.write(pb.NotifyStreamRequest(requests=group))
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return
    finally:
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await call.done_writing()
