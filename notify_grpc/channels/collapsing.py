"""Which push replaces which on a device."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256

from notify_grpc.ports.provider import Message


def collapse_id(message: Message) -> str:
    """32 characters, as a web push Topic (RFC 8030 §5.4) allows; APNs and Android take more.

    From the producer's ``data["collapse_key"]``, per tenant; without one from the delivery, so that a repeat after an
    unknown outcome replaces its first copy instead of showing twice.
    """
    key = message.content.data.get("collapse_key")
    source = f"{message.tenant_id}\0{key}" if key else message.delivery_id
    return urlsafe_b64encode(sha256(source.encode()).digest()[:24]).decode()
