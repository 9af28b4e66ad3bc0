"""An async client: ``NotifyClient`` for producers, ``InboxClient`` for recipients.

    async with NotifyClient("localhost:8081", token="…") as notify:
        await notify.notify(NotifyRequest(tenant_id="demo", notification_id="order-1", user_ids=["ada"], title="Hi"))

    async with InboxClient("localhost:8080", token="…") as inbox:
        async for event in inbox.stream():
            ...

Messages are those of protos/notify/v1. Both raise the errors of ``notify_grpc.domain.errors``, the same as an
in-process Notifier: InvalidArgument names the field, Unavailable may be tried again, a plain NotifyError is a defect of
the server.
"""

from notify.v1.client_service_pb2 import GetNotificationsResponse, StreamEvent
from notify.v1.internal_service_pb2 import (
    ChannelAddresses,
    NotifyRequest,
    NotifyResponse,
    NotifyStreamResult,
)
from notify.v1.notification_pb2 import Delivery, DeliveryChannel, DeliveryState, DeviceType, Notification

from notify_grpc.client.connection import Token
from notify_grpc.client.inbox import InboxClient
from notify_grpc.client.producer import NotifyClient
from notify_grpc.client.reconnecting import Reconnects

__all__ = [
    "ChannelAddresses",
    "Delivery",
    "DeliveryChannel",
    "DeliveryState",
    "DeviceType",
    "GetNotificationsResponse",
    "InboxClient",
    "Notification",
    "NotifyClient",
    "NotifyRequest",
    "NotifyResponse",
    "NotifyStreamResult",
    "Reconnects",
    "StreamEvent",
    "Token",
]
