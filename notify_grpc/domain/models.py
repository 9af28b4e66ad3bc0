"""The nouns: notifications, inboxes, devices. Times are milliseconds since the epoch, 0 is "not yet"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from hashlib import blake2b
from typing import NamedTuple


class Channel(StrEnum):
    """A way to reach a recipient."""

    IN_APP = "in_app"
    EMAIL = "email"
    WEB_PUSH = "web_push"
    MOBILE_PUSH = "mobile_push"
    SMS = "sms"
    WHATSAPP = "whatsapp"


EXTERNAL_CHANNELS = tuple(c for c in Channel if c is not Channel.IN_APP)


class DeviceType(StrEnum):
    """The kind of device behind a stream or a push token."""

    UNSPECIFIED = "unspecified"
    BROWSER = "browser"
    ANDROID = "android"
    IOS = "ios"


class Status(IntEnum):
    """How far a notification has come. Only ever rises (FAILED is for deliveries' summaries)."""

    PENDING = 1
    DELIVERED = 2
    ACKED = 3
    READ = 4
    FAILED = 5


class UserKey(NamedTuple):
    """The scope of everything a recipient owns."""

    tenant_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a notification says; stored once per Notify call."""

    title: str = ""
    body: str = ""
    subject_ref: str = ""
    subject_type: str = ""
    data: Mapping[str, str] = field(default_factory=dict)

    def digest(self) -> bytes:
        """16 bytes that differ when any field does (BLAKE2b over length-prefixed parts)."""
        parts = [self.title, self.body, self.subject_ref, self.subject_type]
        for key in sorted(self.data):
            parts += (key, self.data[key])
        h = blake2b(digest_size=16)
        for raw in (part.encode() for part in parts):
            h.update(len(raw).to_bytes(8, "big"))
            h.update(raw)
        return h.digest()


@dataclass(slots=True)
class Notification:
    """One recipient's stored item. Treat as immutable; not frozen because rows are built by the thousand."""

    id: str
    tenant_id: str
    user_id: str
    notification_id: str
    content: Content
    channels: tuple[Channel, ...]
    status: Status
    position: int
    change_seq: int
    created_at_ms: int
    delivered_at_ms: int = 0
    ack_at_ms: int = 0
    read_at_ms: int = 0
    expires_at_ms: int = 0
    traceparent: str = ""

    @property
    def user(self) -> UserKey:
        return UserKey(self.tenant_id, self.user_id)


class Inbox(NamedTuple):
    """A user's counters. A user who never got anything has ``EMPTY_INBOX``."""

    epoch: int
    last_position: int
    last_seq: int
    pruned_seq: int
    """The highest change_seq ever deleted; a cursor below it has a hole."""
    unread: int


EMPTY_INBOX = Inbox(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Device:
    """A push target a user registered. At most one per (user, device_type, device_id); a token has one owner."""

    device_type: DeviceType
    device_id: str
    token: str
    updated_at_ms: int = 0
