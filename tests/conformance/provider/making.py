"""Messages for tests."""

from __future__ import annotations

from dataclasses import replace

from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.provider import Message

DELIVERY_ID = "0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
CREATED_AT_MS = 1_750_000_000_000
_MESSAGE = Message(
    delivery_id=DELIVERY_ID,
    notification_id="order-1",
    tenant_id="acme",
    user_id="alice",
    channel=Channel.EMAIL,
    target="",
    content=Content("Your order", "It is on its way.", subject_ref="orders/1", subject_type="order"),
    created_at_ms=CREATED_AT_MS,
)


def message(
    channel: Channel,
    target: str,
    content: Content = _MESSAGE.content,
    ttl_s: int | None = None,
    delivery_id: str = DELIVERY_ID,
) -> Message:
    """A message to ``target``; a delivery of ``order-1`` for alice of acme."""
    return replace(_MESSAGE, channel=channel, target=target, content=content, ttl_s=ttl_s, delivery_id=delivery_id)
