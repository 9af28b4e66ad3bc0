"""NotificationInternalService, for producers."""

from __future__ import annotations

from notify.v1 import internal_service_pb2 as pb

from notify_grpc.core.notifier import Notifier
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.domain.models import UserKey
from notify_grpc.ports.bus import DataChange
from notify_grpc.ports.telemetry import Metrics, Tracer
from notify_grpc.rpc import mapping
from notify_grpc.rpc.bulk import BulkStream
from notify_grpc.rpc.deadline import budget_s
from notify_grpc.rpc.draining import Draining
from notify_grpc.rpc.handlers import Context

SERVICE = pb.DESCRIPTOR.services_by_name["NotificationInternalService"]


class InternalService:
    """One coroutine method per RPC; the contract is in the proto file. Raises the domain's errors."""

    def __init__(self, notifier: Notifier, metrics: Metrics, tracer: Tracer, draining: Draining) -> None:
        self._notifier = notifier
        self._metrics = metrics
        self._tracer = tracer
        self._draining = draining

    async def notify(self, request: pb.NotifyRequest, context: Context) -> pb.NotifyResponse:
        result = await self._notifier.notify(mapping.notify_command(request), budget_s=budget_s(context))
        return mapping.notify_response(result)

    async def notify_stream(self, _: None, context: Context) -> None:
        await BulkStream(context, self._notifier, self._metrics, self._tracer, self._draining).run()

    async def publish_data_change(
        self, request: pb.PublishDataChangeRequest, _: Context
    ) -> pb.PublishDataChangeResponse:
        if not request.user_ids:
            raise InvalidArgument("user_ids", "needs at least one user")
        users = tuple(dict.fromkeys(UserKey(request.tenant_id, user_id) for user_id in request.user_ids))
        change = DataChange(users, request.idempotency_key, request.subject_ref, request.subject_type)
        return pb.PublishDataChangeResponse(sessions=await self._notifier.publish_data_change(change))

    async def get_notification_status(
        self, request: pb.GetNotificationStatusRequest, _: Context
    ) -> pb.GetNotificationStatusResponse:
        recipients, next_cursor = await self._notifier.get_status(
            request.tenant_id,
            request.notification_id,
            user_ids=list(request.user_ids),
            cursor=request.cursor,
            limit=request.limit,
        )
        return pb.GetNotificationStatusResponse(
            recipients=[mapping.recipient_status(r) for r in recipients], next_cursor=next_cursor
        )

    async def list_deliveries(self, request: pb.ListDeliveriesRequest, _: Context) -> pb.ListDeliveriesResponse:
        deliveries, next_cursor = await self._notifier.list_deliveries(
            mapping.delivery_filter(request), cursor=request.cursor, limit=request.limit
        )
        return pb.ListDeliveriesResponse(deliveries=[mapping.delivery(d) for d in deliveries], next_cursor=next_cursor)

    async def retry_delivery(self, request: pb.RetryDeliveryRequest, _: Context) -> pb.RetryDeliveryResponse:
        delivery, attempts = await self._notifier.retry_delivery(request.id)
        return pb.RetryDeliveryResponse(delivery=mapping.delivery(delivery, attempts))

    async def get_presence(self, request: pb.GetPresenceRequest, _: Context) -> pb.GetPresenceResponse:
        presences = await self._notifier.get_presence(request.tenant_id, list(request.user_ids))
        return pb.GetPresenceResponse(
            users=[mapping.user_presence(u, p) for u, p in zip(request.user_ids, presences, strict=True)]
        )

    async def erase_user(self, request: pb.EraseUserRequest, _: Context) -> pb.EraseUserResponse:
        erased = await self._notifier.erase_user(UserKey(request.tenant_id, request.user_id))
        return pb.EraseUserResponse(
            notifications=erased.notifications, deliveries=erased.deliveries, devices=erased.devices
        )
