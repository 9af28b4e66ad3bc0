"""From rows to the domain's nouns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from notify_grpc.domain.deliveries import Attempt, Delivery, DeliveryState, ErrorClass
from notify_grpc.domain.models import Channel, Content, Inbox, Notification, Status

_LETTERS: Mapping[Channel, str] = {
    Channel.IN_APP: "i",
    Channel.EMAIL: "e",
    Channel.WEB_PUSH: "w",
    Channel.MOBILE_PUSH: "m",
    Channel.SMS: "s",
    Channel.WHATSAPP: "a",
}
_CHANNELS = {letter: channel for channel, letter in _LETTERS.items()}
_STATUS = {int(status): status for status in Status}


def channel_letters(channels: Iterable[Channel]) -> str:
    """Channels as one letter each, in their order."""
    return "".join(_LETTERS[channel] for channel in channels)


@lru_cache(maxsize=2048)
def _channels(letters: str) -> tuple[Channel, ...]:
    return tuple(_CHANNELS[letter] for letter in letters)


def call_key(tenant_id: str, notification_id: str) -> str:
    """A digest of 16 bytes, in hexadecimal, that stands for both."""
    tenant = tenant_id.encode()
    parts = len(tenant).to_bytes(8, "big"), tenant, notification_id.encode()
    return blake2b(b"".join(parts), digest_size=16).hexdigest()


def lock_of(content_hash: str) -> int:
    """The advisory lock that stands for a content, by its digest in hexadecimal."""
    return int(content_hash[:8], 16)


def content(title: str, body: str, subject_ref: str, subject_type: str, data: str) -> Content:
    """From the columns of `content` in sql/*.sql."""
    return Content(title, body, subject_ref, subject_type, {} if data == "{}" else json.loads(data))


def notification(row: tuple[Any, ...]) -> Notification:
    """From the columns of `notification` in sql/*.sql."""
    fields = (*row[:4], content(*row[14:]), _channels(row[4]), _STATUS[row[5]], *row[6:14])
    return Notification(*fields)


def inbox(row: Iterable[int]) -> Inbox:
    """From epoch, last_position, last_seq, pruned_seq, unread."""
    return Inbox(*row)


def delivery(row: tuple[Any, ...]) -> Delivery:
    """From the columns of `delivery` in sql/*.sql."""
    state, error_class = DeliveryState(row[7]), _error_class(row[19])
    fields = (*row[:5], Channel(row[5]), row[6], state, *row[8:19], error_class, *row[20:])
    return Delivery(*fields)


def attempt(row: tuple[Any, ...]) -> Attempt:
    """From the columns of `attempt` in sql/*.sql."""
    fields = (*row[:4], DeliveryState(row[4]), _error_class(row[5]), *row[6:])
    return Attempt(*fields)


def _error_class(text: str) -> ErrorClass | None:
    return ErrorClass(text) if text else None
