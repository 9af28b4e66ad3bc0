"""Notifications and the counters of their inboxes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from notify_grpc.domain.deliveries import Delivery, Target
from notify_grpc.domain.errors import NotifyError
from notify_grpc.domain.models import Channel, Content, Inbox, Notification, UserKey


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of a Notice, with the external deliveries to make."""

    user_id: str
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """One Notify call, validated: each user once, each (channel, address) of a recipient once."""

    tenant_id: str
    notification_id: str
    content: Content
    channels: tuple[Channel, ...]
    recipients: tuple[Recipient, ...]
    created_at_ms: int
    expires_at_ms: int = 0
    traceparent: str = ""
    lease_owner: str = ""
    """The instance the new deliveries are leased to; "" leaves them pending and due now."""
    lease_s: float = 0.0


@dataclass(slots=True)
class Created:
    """What became of one recipient of a Notice."""

    user_id: str
    id: str
    duplicate: bool
    """The row existed; nothing was created. Then only user_id, id and content_mismatch mean something."""
    content_mismatch: bool = False
    position: int = 0
    change_seq: int = 0
    epoch: int = 0
    unread: int = 0
    """The user's unread count right after this row."""
    deliveries: tuple[Delivery, ...] = ()
    """In the order of Recipient.targets; LEASED with a fence if the notice has a lease_owner, else PENDING."""


class Page(NamedTuple):
    """Newest first. `next_before` is None on the last page; `unread` is the user's total."""

    notifications: list[Notification]
    next_before: int | None
    unread: int


class Changes(NamedTuple):
    """Changes after a seq, by change_seq, each notification once in its latest state; `inbox` of the same moment."""

    inbox: Inbox
    notifications: list[Notification]
    more: bool


class Marked(NamedTuple):
    """A notification marked read. `changed` is False when it was read before: then nothing was written."""

    notification: Notification
    inbox: Inbox
    changed: bool


class InboxStore(Protocol):
    """Notifications and the per-user counters.

    Invariants: positions of a user are 1, 2, 3 … in the order of commit; every create and every first read takes the
    next change_seq of that user (mark_delivered takes none); `unread` equals the number of rows without read_at_ms.
    """

    async def create(self, notice: Notice) -> list[Created]:
        """Store one row per recipient, and its deliveries; answers in the order of recipients.

        Exact on (tenant_id, user_id, notification_id): the first write wins, a repeat creates nothing and says so.
        Concurrent calls may share a transaction. More than 1,000 recipients may commit in batches; a repeat completes
        them.
        """
        ...

    async def create_many(self, notices: Sequence[Notice]) -> list[list[Created] | NotifyError]:
        """As `create` for each of them, all at once; what `create` would raise stands in its place."""
        ...

    async def get_notification(self, user: UserKey, id: str) -> Notification:
        """One notification by the store's id (any string). Raises NotFound."""
        ...

    async def list_notifications(
        self,
        user: UserKey,
        *,
        before: int | None,
        limit: int,
        unread_only: bool = False,
    ) -> Page:
        """Those with position < `before` (None: all), newest first, at most `limit` (1 to 100)."""
        ...

    async def list_recipients(
        self,
        tenant_id: str,
        notification_id: str,
        *,
        user_ids: Collection[str] = (),
        after: str = "",
        limit: int,
    ) -> list[Notification]:
        """Every recipient's row of one Notify, by user_id (code point order) > `after`; only `user_ids` if given."""
        ...

    async def get_inboxes(self, users: Collection[UserKey]) -> dict[UserKey, Inbox]:
        """The counters of many users; a user without an inbox is missing."""
        ...

    async def list_changes(self, user: UserKey, *, since: int, limit: int) -> Changes:
        """Up to `limit` rows with change_seq > `since`. A user without an inbox has EMPTY_INBOX."""
        ...

    async def mark_read(self, user: UserKey, id: str, at_ms: int) -> Marked:
        """Set read_at_ms, ack_at_ms and READ, once; the first time stays. Raises NotFound."""
        ...

    async def mark_all_read(self, user: UserKey, at_ms: int, *, limit: int) -> tuple[int, Inbox]:
        """Mark up to `limit` unread rows read, oldest first; how many, and the counters after it."""
        ...

    async def mark_delivered(self, items: Sequence[tuple[UserKey, str]], at_ms: int) -> int:
        """Turn PENDING ones of these (user, id) into DELIVERED; how many changed. Takes no change_seq."""
        ...
