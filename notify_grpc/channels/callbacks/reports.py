"""Reports out of decoded JSON and forms, which may hold anything even when signed."""

from __future__ import annotations

import json
from collections.abc import Iterator

from notify_grpc.channels.classification import code_text
from notify_grpc.domain.deliveries import DeliveryState, ErrorClass
from notify_grpc.domain.ids import is_id
from notify_grpc.ports.store import Report


def delivered(provider: str, message_id: object, delivery_id: object) -> Report:
    """It reached the recipient's handset or mailbox, or was opened there."""
    return Report(DeliveryState.ACKED, provider, _message_id(message_id), _id(delivery_id))


def failed(
    provider: str,
    message_id: object,
    delivery_id: object,
    code: object,
    error_class: ErrorClass = ErrorClass.PERMANENT,
) -> Report:
    """It was accepted and then could not be delivered."""
    error_code = code_text(code) or "undelivered"
    return Report(
        DeliveryState.FAILED,
        provider,
        _message_id(message_id),
        _id(delivery_id),
        error_class,
        error_code,
        f"{provider} reported: not delivered",
    )


def decoded(body: bytes | str) -> object:
    """JSON, or None."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def objects(value: object) -> Iterator[dict[str, object]]:
    """The JSON objects in what should be a list of them."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def text(value: object) -> str:
    """A string, or "" for anything else."""
    return value if isinstance(value, str) else ""


def _message_id(value: object) -> str:
    return text(value) if len(text(value)) <= 256 else ""


def _id(value: object) -> str:
    return text(value) if is_id(text(value)) else ""
