"""What a live session is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from notify_grpc.domain.cursor import Cursor
from notify_grpc.domain.models import Inbox, Notification


class EventKind(Enum):
    """Mirrors the oneof of StreamEvent."""

    NOTIFICATION = auto()
    DATA_CHANGE = auto()
    HEARTBEAT = auto()
    CAUGHT_UP = auto()
    RESYNC = auto()
    AUTH_EXPIRING = auto()
    RECONNECT = auto()


class ResyncReason(StrEnum):
    """Why a cursor cannot be continued."""

    FOREIGN_EPOCH = "foreign_epoch"
    FUTURE = "future"
    EXPIRED = "expired"


@dataclass(slots=True)
class Event:
    """One event, shared by all sessions of a user; only ``kind``'s own fields mean something."""

    kind: EventKind
    notification: Notification | None = None
    cursor: Cursor | None = None
    unread: int | None = None
    idempotency_key: str = ""
    subject_ref: str = ""
    subject_type: str = ""
    at_ms: int = 0
    """HEARTBEAT: now; AUTH_EXPIRING: when the credential ends."""
    reason: ResyncReason | None = None
    after_ms: int = 0
    wire: bytes | None = None
    """The encoded event without session_id, kept by the first session that encodes it."""

    @property
    def size(self) -> int:
        """About how many bytes it holds; bounds a session's queue."""
        if self.notification is None:
            return 64
        content = self.notification.content
        return 256 + len(content.title) + len(content.body) + sum(len(k) + len(v) for k, v in content.data.items())


def resync_reason(cursor: Cursor, inbox: Inbox) -> ResyncReason | None:
    """Why `cursor` cannot be continued on `inbox`; None if it can.

    Epoch 0 is the cursor of an inbox that did not exist yet: it continues on any epoch that lost nothing.
    """
    if cursor.epoch not in (inbox.epoch, 0) or (cursor.epoch == 0 and cursor.seq):
        return ResyncReason.FOREIGN_EPOCH
    if cursor.seq > inbox.last_seq:
        return ResyncReason.FUTURE
    return ResyncReason.EXPIRED if cursor.seq < inbox.pruned_seq else None
