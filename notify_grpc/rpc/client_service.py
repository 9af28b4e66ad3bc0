"""NotificationClientService, for recipients. The scope is always the caller's own."""

from __future__ import annotations

import asyncio
from functools import partial

from notify.v1 import client_service_pb2 as pb

from notify_grpc.core.notifier import Notifier
from notify_grpc.core.realtime.session import Session
from notify_grpc.core.validation import check_text
from notify_grpc.domain.cursor import parse_cursor
from notify_grpc.domain.errors import Unimplemented
from notify_grpc.domain.ids import MAX_ID_CHARS
from notify_grpc.domain.models import Device
from notify_grpc.ports.telemetry import Tracer
from notify_grpc.rpc import mapping
from notify_grpc.rpc.handlers import Context
from notify_grpc.rpc.interceptors.auth import caller, recipient
from notify_grpc.rpc.interceptors.tracing import traceparent_of

SERVICE = pb.DESCRIPTOR.services_by_name["NotificationClientService"]

_OPEN = f"{SERVICE.full_name}/StreamEvents"
_OPEN_ATTRIBUTES = {"rpc.system.name": "grpc", "rpc.method": _OPEN}
_DELIVER = "deliver event"
_DELIVER_ATTRIBUTES = {
    "messaging.system": "notify",
    "messaging.operation.type": "process",
    "messaging.operation.name": "deliver",
}


class ClientService:
    """One coroutine method per RPC; the contract is in the proto file. Raises the domain's errors.

    ``live`` off: StreamEvents is Unimplemented.
    """

    def __init__(self, notifier: Notifier, tracer: Tracer, *, live: bool = True) -> None:
        self._inbox = notifier.inbox
        self._sessions = notifier.sessions
        self._live = live
        self._tracer = tracer

    async def stream_events(self, request: pb.StreamEventsRequest, context: Context) -> None:
        """Ends only by an error, or by the caller. A stalled write holds one batch of the session's events, no more.

        The session's place is free before the error is sent: that may wait for the reader, as a write does.
        """
        me = asyncio.current_task()
        assert me is not None
        if not self._live:
            raise Unimplemented("live connections are switched off")
        check_text("device_id", request.device_id, MAX_ID_CHARS)
        with self._tracer.entry(_OPEN, traceparent_of(context), join=False, attributes=_OPEN_ATTRIBUTES) as call:
            session = await self._open(request)
            if call is not None:
                call.ended("OK")
        context.add_done_callback(partial(self._ended, session))  # type: ignore[arg-type]  # the stubs name a class
        session.interrupt = me.cancel
        try:
            await self._deliver(session, context)
        except asyncio.CancelledError:
            if not session.interrupted or context.cancelled():
                raise
            me.uncancel()
            raise session.error from None
        finally:
            session.interrupt = None
            self._sessions.disconnect(session)

    async def _deliver(self, session: Session, context: Context) -> None:
        """Until the session ends, which raises, or the task is cancelled."""
        prefix = mapping.session_prefix(session.id)
        while True:
            for event in await session.next_events():
                notification = event.notification
                if notification is not None and notification.traceparent:
                    with self._tracer.linked_span(
                        _DELIVER,
                        notification.traceparent,
                        kind="consumer",
                        attributes=_DELIVER_ATTRIBUTES,
                        remote_parent=True,
                    ):
                        await context.write(prefix + mapping.encode_event(event))
                else:
                    await context.write(prefix + mapping.encode_event(event))

    async def _open(self, request: pb.StreamEventsRequest) -> Session:
        return await self._sessions.connect(
            recipient(),
            device_type=mapping.device_type(request.device_type),
            device_id=request.device_id,
            resume_after=parse_cursor(request.resume_after) if request.resume_after else None,
            expires_at_ms=_expires_at_ms(),
        )

    def _ended(self, session: Session, _: Context) -> None:
        """Called once, whatever ended the call."""
        self._sessions.disconnect(session)

    async def get_notifications(self, request: pb.GetNotificationsRequest, _: Context) -> pb.GetNotificationsResponse:
        notifications, next_cursor, unread = await self._inbox.page(
            recipient(), cursor=request.cursor, limit=request.limit, unread_only=request.unread_only
        )
        return mapping.inbox_page(notifications, next_cursor, unread)

    async def ack_notification(self, request: pb.AckNotificationRequest, _: Context) -> pb.AckNotificationResponse:
        await self._inbox.ack(recipient(), request.id)
        return pb.AckNotificationResponse()

    async def ack_data_change(self, request: pb.AckDataChangeRequest, _: Context) -> pb.AckDataChangeResponse:
        self._inbox.ack_data_change(recipient(), request.session_id, request.idempotency_key)
        return pb.AckDataChangeResponse()

    async def mark_all_read(self, _: pb.MarkAllReadRequest, __: Context) -> pb.MarkAllReadResponse:
        return pb.MarkAllReadResponse(marked=await self._inbox.mark_all_read(recipient()))

    async def register_push_token(
        self, request: pb.RegisterPushTokenRequest, _: Context
    ) -> pb.RegisterPushTokenResponse:
        device = Device(mapping.device_type(request.device_type), request.device_id, request.token)
        await self._inbox.register_device(recipient(), device)
        return pb.RegisterPushTokenResponse()

    async def unregister_push_token(
        self, request: pb.UnregisterPushTokenRequest, _: Context
    ) -> pb.UnregisterPushTokenResponse:
        device_type = mapping.device_type(request.device_type)
        await self._inbox.unregister_device(recipient(), device_type, request.device_id)
        return pb.UnregisterPushTokenResponse()

    async def refresh_stream(self, request: pb.RefreshStreamRequest, _: Context) -> pb.RefreshStreamResponse:
        expires_at_ms = _expires_at_ms()
        self._inbox.refresh(recipient(), request.session_id, expires_at_ms)
        return pb.RefreshStreamResponse(expires_at_ms=expires_at_ms)


def _expires_at_ms() -> int:
    """When the caller's credential ends; 0 means never."""
    principal = caller()
    return principal.expires_at_ms if principal else 0
