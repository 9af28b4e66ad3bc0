"""What the core is asked to do, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from notify_grpc.domain.deliveries import Attempt, Delivery, ErrorClass
from notify_grpc.domain.models import Channel, Content, Notification, Status


class Dispatch(StrEnum):
    """When Notify answers: after the first attempts, or after the commit."""

    INLINE = "inline"
    QUEUED = "queued"


@dataclass(frozen=True, slots=True)
class NotifyCommand:
    """One Notify call, as the producer sent it."""

    tenant_id: str
    notification_id: str
    user_ids: Sequence[str]
    content: Content = field(default_factory=Content)
    channels: Sequence[Channel] = ()
    """Empty means every channel with a provider."""
    addresses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """user_id → channel name → address."""
    expires_at_ms: int = 0
    dispatch: Dispatch = Dispatch.INLINE
    return_results: bool = False


class Reason(StrEnum):
    """Why a channel stands where it does."""

    NO_PROVIDER = "no_provider"
    NO_ADDRESS = "no_address"
    QUEUED = "queued"
    NO_SESSION = "no_session"
    DUPLICATE = "duplicate"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class ChannelResult:
    """One channel of one recipient: DELIVERED, PENDING or FAILED, and why."""

    channel: Channel
    status: Status
    reason: Reason | None = None
    error_class: ErrorClass | None = None
    targets: int = 0


@dataclass(frozen=True, slots=True)
class RecipientResult:
    """One recipient of a Notify call."""

    user_id: str
    id: str
    duplicate: bool
    content_mismatch: bool
    channels: tuple[ChannelResult, ...]


@dataclass(slots=True)
class NotifyResult:
    """Counts of (recipient, channel) pairs of new notifications; `duplicates` counts recipients."""

    delivered: int = 0
    pending: int = 0
    failed: int = 0
    duplicates: int = 0
    recipients: list[RecipientResult] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """A recipient's notification with its deliveries and their audits."""

    notification: Notification
    deliveries: Sequence[tuple[Delivery, list[Attempt]]] = ()
