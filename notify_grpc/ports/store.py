"""The durable store, split by who uses it. `Store` is all of it; a driver implements `Store`.

For every method:
- Each call is one transaction, or several where it says "in batches"; a cancelled call is wholly done or not at all.
- Everything is scoped by `UserKey`; another user's row is NotFound or missing, exactly as if it did not exist.
- Raises Unavailable when the database is down, full or too slow (waits are bounded), OutcomeUnknown when a commit's
  answer was lost. Nothing of the database's own text is in the message.
- Strings come back byte-exact; NUL is refused before the store. Times are epoch milliseconds. `at_ms` arguments are
  the caller's clock; due times, leases and expiry follow the store's own clock, so that instances need not agree.
- Reads see every write that was answered before (read-your-writes), also from another instance.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from notify_grpc.domain.deliveries import (
    Attempt,
    Delivery,
    DeliveryState,
    ErrorClass,
    Job,
    Lease,
    Outcome,
    Target,
)
from notify_grpc.domain.errors import NotifyError
from notify_grpc.domain.models import (
    Channel,
    Content,
    Device,
    DeviceType,
    Inbox,
    Notification,
    UserKey,
)


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


class DeviceStore(Protocol):
    """Push targets."""

    async def upsert_device(self, user: UserKey, device: Device, at_ms: int) -> None:
        """Replace the user's device of the same (device_type, device_id), or add it.

        If another user of the tenant holds the same (device_type, token), they lose it and their open deliveries
        to it (domain.deliveries.device_target) are CANCELLED, unless they are being sent right now.
        """
        ...

    async def list_devices(self, tenant_id: str, user_ids: Collection[str]) -> Mapping[str, Sequence[Device]]:
        """Devices of many users, by (device_type, device_id); users without any are missing."""
        ...

    async def remove_device(self, user: UserKey, device_type: DeviceType, device_id: str) -> bool:
        """Forget a device; whether there was one."""
        ...

    async def remove_token(self, user: UserKey, token: str) -> bool:
        """Forget the user's device that has this token (the provider says it is gone); whether there was one."""
        ...


class DeliveryFilter(NamedTuple):
    """Which deliveries to list; empty collections and 0 mean "all"."""

    tenant_id: str = ""
    states: frozenset[DeliveryState] = frozenset()
    channels: frozenset[Channel] = frozenset()
    created_before_ms: int = 0


class Report(NamedTuple):
    """What a provider says later about a message it accepted: ACKED or FAILED."""

    state: DeliveryState
    provider: str
    provider_message_id: str = ""
    delivery_id: str = ""
    """Our own id where the provider echoes it; else it is found by (provider, provider_message_id)."""
    error_class: ErrorClass | None = None
    error_code: str = ""
    error: str = ""


class DueStats(NamedTuple):
    """The dispatcher's backlog: due rows not held (counted up to a bound of 10,000), and how long the oldest waits."""

    due: int
    oldest_age_s: float


class DeliveryStore(Protocol):
    """The durable queue of deliveries. Moves follow domain.deliveries.TRANSITIONS and nothing else."""

    async def claim(
        self,
        owner: str,
        *,
        limit: int,
        lease_s: float,
        channels: Collection[Channel],
        per_tenant: int,
    ) -> list[Job]:
        """Lease due PENDING and RETRY rows: state LEASED, fence + 1, attempts + 1, lease_until = now + lease_s.

        Rows locked by another claimer are skipped, expired ones left to `sweep_deliveries`. Fair: no tenant gets more
        than `per_tenant` of one claim, oldest due first within a tenant, and a tenant's backlog of any size neither
        delays another's row nor makes the claim dearer.
        """
        ...

    async def start_sending(self, leases: Sequence[Lease]) -> set[str]:
        """LEASED → SENDING for leases still held and not run out; the ids of those."""
        ...

    async def finish(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Take each outcome's state if its fence is still the row's and the row is held; append the attempt to the
        audit.

        LEASED is accepted as well as SENDING for RETRY, FAILED and EXPIRED (nothing was sent). Otherwise nothing
        changes, the attempt is appended with stale=True (if the row still exists), and the answer is False.
        """
        ...

    async def renew(self, leases: Sequence[Lease], lease_s: float) -> set[str]:
        """Lengthen leases still held, from now; the ids of those."""
        ...

    async def release(self, leases: Sequence[Lease], due_in_s: float = 0.0) -> int:
        """LEASED rows still held go back to PENDING, due in `due_in_s` by the store's clock, the claim uncounted; how
        many.

        With a delay it defers rows whose provider takes nothing right now: no attempt, no line in the audit.
        """
        ...

    async def sweep_deliveries(self, limit: int) -> list[Delivery]:
        """What time did to at most `limit` rows, each returned in its new state; one instance at a time is enough.

        Lease run out in LEASED → RETRY due now; in SENDING → RETRY due now, or PARKED on domain PARKING_CHANNELS,
        both with UNKNOWN_OUTCOME and an attempt in the audit; waiting and past expires_at_ms → EXPIRED; waiting or
        its lease run out after backoff.MAX_CLAIMS claims → FAILED with error_code "too_many_claims".
        """
        ...

    async def get_delivery(self, id: str) -> tuple[Delivery, list[Attempt]]:
        """A delivery with its audit, oldest first. Raises NotFound."""
        ...

    async def list_deliveries(self, where: DeliveryFilter, *, after: str = "", limit: int) -> list[Delivery]:
        """Matching deliveries by id (so by age) > `after`."""
        ...

    async def list_deliveries_of(
        self, notification_refs: Collection[str]
    ) -> Mapping[str, Sequence[tuple[Delivery, list[Attempt]]]]:
        """Deliveries with their audits by Notification.id, each in order of creation; ids without any are missing."""
        ...

    async def retry_delivery(self, id: str) -> Delivery:
        """FAILED, PARKED, EXPIRED or CANCELLED → PENDING, due now; failures, attempts and a past expiry become 0.

        Raises NotFound, or FailedPrecondition in another state.
        """
        ...

    async def report_delivery(self, report: Report) -> Delivery | None:
        """Apply a provider's report where TRANSITIONS allow it; the changed delivery, None if nothing changed."""
        ...

    async def due_stats(self) -> DueStats:
        """For metrics; an index search, never a scan."""
        ...


class Erased(NamedTuple):
    """Rows removed."""

    notifications: int
    deliveries: int
    devices: int


class Retention(Protocol):
    """Removal, in bounded batches that never block writers for long."""

    async def prune(self, created_before_ms: int, *, limit: int) -> int:
        """Delete up to `limit` older notifications without an OPEN delivery, and their deliveries; how many.

        Raises each inbox's pruned_seq to the highest change_seq deleted and lowers `unread` by the unread ones.
        """
        ...

    async def erase_user(self, user: UserKey) -> Erased:
        """Delete every row of the user, in batches, the inbox row last; the next notification starts a new epoch."""
        ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a driver can and cannot do; the conformance suite asserts what is declared."""

    name: str
    durable: bool
    many_processes: bool
    """Several instances may share it."""


class Store(InboxStore, DeviceStore, DeliveryStore, Retention, Protocol):
    """All of it, with a life cycle: open once, close once; close is idempotent and safe before open."""

    @property
    def capabilities(self) -> Capabilities:
        """What this driver can do."""
        ...

    async def open(self) -> None:
        """Connect and, where configured, migrate. Raises Unavailable, or FailedPrecondition that says what to run."""
        ...

    async def close(self) -> None:
        """Finish what runs, release everything."""
        ...

    async def ping(self) -> None:
        """Answer soon (≤ 2 s) whether reads and writes can work. Raises Unavailable."""
        ...
