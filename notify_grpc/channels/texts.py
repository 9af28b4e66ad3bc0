"""A notification's content as the text a channel can carry."""

from __future__ import annotations

from collections.abc import Callable

from notify_grpc.channels.http import NoAnswer
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Content
from notify_grpc.ports.provider import Message, Receipt

_ELLIPSIS = "…"
PUSH_BYTES = 4096
"""What FCM, APNs and push services (RFC 8030 §7.2) take."""
_TITLE_CHARS = 256


def plain_text(content: Content, limit: int) -> str:
    """Title and body below each other, at most ``limit`` characters."""
    return shorten("\n".join(filter(None, (content.title, content.body))), limit)


def shorten(text: str, limit: int) -> str:
    """``text``, or its beginning and an ellipsis; at most ``limit`` (≥ 1) characters."""
    return text if len(text) <= limit else text[: limit - 1] + _ELLIPSIS


def push_data(message: Message) -> dict[str, str]:
    """What an app needs to find the notification again; the producer's own keys win."""
    content = message.content
    ours = {
        "notification_id": message.notification_id,
        "subject_ref": content.subject_ref,
        "subject_type": content.subject_type,
    }
    return {key: value for key, value in {**ours, **content.data}.items() if value}


def fit_push(content: Content, render: Callable[[str, str], bytes], limit: int = PUSH_BYTES) -> bytes:
    """``render(title, body)`` with the body shortened until the result has at most ``limit`` bytes.

    The inbox holds the whole text. Raises NoAnswer (permanent) if the rest alone is too large.
    """
    title = shorten(content.title, _TITLE_CHARS)
    whole = render(title, content.body) if len(content.body) <= limit else b""
    if whole and len(whole) <= limit:
        return whole
    if len(best := render(title, "")) > limit:
        raise NoAnswer(
            Receipt(ErrorClass.PERMANENT, error_code="payload_too_large", error="title and data exceed the push limit")
        )
    low, high = 1, min(limit, len(content.body))
    while low <= high:
        middle = (low + high) // 2
        if len(candidate := render(title, shorten(content.body, middle))) <= limit:
            best, low = candidate, middle + 1
        else:
            high = middle - 1
    return best
