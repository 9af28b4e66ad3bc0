"""The recipient's client."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from types import TracebackType
from typing import Self

import grpc
from notify.v1 import client_service_pb2 as pb
from notify.v1.client_service_pb2_grpc import NotificationClientServiceStub
from notify.v1.notification_pb2 import DeviceType, Notification

from notify_grpc.client.connection import Connection, Token, open_channel
from notify_grpc.client.live import LiveStream
from notify_grpc.client.reconnecting import Reconnects
from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.domain.errors import NotifyError


class InboxClient:
    """Speaks to NotificationClientService as one recipient. Every method raises NotifyError; UNAVAILABLE is retried a
    few times first.

    Use as an async context manager, or call close.
    """

    def __init__(
        self,
        address: str = "localhost:8080",
        *,
        token: Token,
        credentials: grpc.ChannelCredentials | None = None,
        timeout_s: float = 30.0,
        reconnects: Reconnects | None = None,
        clock: Clock = SystemClock(),
    ) -> None:
        """``token`` is a JWT (or a dev token), or a function that gives a fresh one: then streams outlive their tokens.

        Without ``credentials`` the connection is plain text.
        """
        channel = open_channel(address, credentials=credentials)
        self._connection = Connection(channel, token, lambda t: ("authorization", f"Bearer {t}"), timeout_s)
        self._stub = NotificationClientServiceStub(channel)
        self._reconnects = reconnects or Reconnects()
        self._clock = clock

    def stream(
        self,
        *,
        resume_after: str = "",
        device_type: DeviceType = DeviceType.DEVICE_TYPE_UNSPECIFIED,
        device_id: str = "",
        on_lost: Callable[[NotifyError | None], None] = lambda _: None,
    ) -> AsyncGenerator[pb.StreamEvent, None]:
        """The caller's events, without end and without a hole: it reconnects and resumes by itself.

        ``resume_after`` is the ``cursor`` of the last event handled, kept from an earlier run; empty starts live.
        Kinds: notification (new, or changed on another device), data_change (answer with ack_data_change), heartbeat,
        caught_up, and resync: what the caller knows is out of date, read the inbox anew. auth_expiring and reconnect
        are taken care of. Raises Unauthenticated, PermissionDenied, InvalidArgument, FailedPrecondition and
        Unimplemented; waits out the rest, after it called ``on_lost`` with it (None: the server ended the stream).
        """
        request = pb.StreamEventsRequest(device_type=device_type, resume_after=resume_after, device_id=device_id)
        return LiveStream(self._connection, request, self._reconnects, self._clock, on_lost).events()

    async def page(self, *, cursor: str = "", limit: int = 0, unread_only: bool = False) -> pb.GetNotificationsResponse:
        """A page of the inbox, newest first, with the total of unread; limit 0 means 20, at most 100."""
        request = pb.GetNotificationsRequest(cursor=cursor, limit=limit, unread_only=unread_only)
        response: pb.GetNotificationsResponse = await self._connection.call(self._stub.GetNotifications, request)
        return response

    async def notifications(
        self, *, unread_only: bool = False, page_size: int = 100
    ) -> AsyncGenerator[Notification, None]:
        """The whole inbox, newest first; reads page by page."""
        cursor = ""
        while True:
            page = await self.page(cursor=cursor, limit=page_size, unread_only=unread_only)
            for notification in page.notifications:
                yield notification
            cursor = page.next_cursor
            if not cursor:
                return

    async def ack(self, id: str) -> None:
        """Mark one read. Idempotent. Raises NotFound."""
        await self._connection.call(self._stub.AckNotification, pb.AckNotificationRequest(id=id))

    async def mark_all_read(self) -> int:
        """Mark everything read; how many were unread."""
        response: pb.MarkAllReadResponse = await self._connection.call(self._stub.MarkAllRead, pb.MarkAllReadRequest())
        return response.marked

    async def ack_data_change(self, event: pb.StreamEvent) -> None:
        """The change was taken in: end the repeats of this data_change event."""
        request = pb.AckDataChangeRequest(
            idempotency_key=event.data_change.idempotency_key, session_id=event.session_id
        )
        await self._connection.call(self._stub.AckDataChange, request)

    async def register_device(self, device_type: DeviceType, push_token: str, *, device_id: str = "") -> None:
        """Let push messages reach this device; replaces its earlier token."""
        request = pb.RegisterPushTokenRequest(device_type=device_type, token=push_token, device_id=device_id)
        await self._connection.call(self._stub.RegisterPushToken, request)

    async def unregister_device(self, device_type: DeviceType, *, device_id: str = "") -> None:
        """Forget this device. Not finding it is no error."""
        request = pb.UnregisterPushTokenRequest(device_type=device_type, device_id=device_id)
        await self._connection.call(self._stub.UnregisterPushToken, request)

    async def close(self) -> None:
        """End open calls and close the channel. Idempotent."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
