"""A delivery, its states and the only ways between them.

    pending ─┬─> leased ──> sending ─┬─> delivered ──> acked
             │     │  ^        │     │       └───────> failed (bounced)
             │     v  │        │     ├─> retry ──> leased …
             │   retry┘        │     ├─> parked ──> pending (operator) | delivered | acked | failed (provider's report)
             │                 │     ├─> failed ──> pending (operator)
             └─> expired, cancelled  └─> expired ─> pending (operator)

A lease that runs out in ``leased`` goes back to retry; in ``sending`` the outcome is unknown: retry, or parked where a
repeat would reach the recipient twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from notify_grpc.domain.models import Channel, Content, Device, DeviceType


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    LEASED = "leased"
    SENDING = "sending"
    RETRY = "retry"
    DELIVERED = "delivered"
    ACKED = "acked"
    FAILED = "failed"
    PARKED = "parked"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class ErrorClass(StrEnum):
    """Why an attempt did not succeed: a closed set, decided from status and error codes, never from message text."""

    TRANSIENT = "transient"
    RATE_LIMITED = "rate_limited"
    PERMANENT = "permanent"
    TARGET_GONE = "target_gone"
    MISCONFIGURED = "misconfigured"
    UNKNOWN_OUTCOME = "unknown_outcome"


_S = DeliveryState
TRANSITIONS: Mapping[DeliveryState, frozenset[DeliveryState]] = MappingProxyType(
    {
        _S.PENDING: frozenset({_S.LEASED, _S.EXPIRED, _S.CANCELLED}),
        _S.LEASED: frozenset({_S.SENDING, _S.PENDING, _S.RETRY, _S.FAILED, _S.EXPIRED, _S.CANCELLED}),
        _S.SENDING: frozenset({_S.DELIVERED, _S.RETRY, _S.FAILED, _S.PARKED, _S.EXPIRED, _S.ACKED}),
        _S.RETRY: frozenset({_S.LEASED, _S.EXPIRED, _S.CANCELLED, _S.FAILED}),
        _S.DELIVERED: frozenset({_S.ACKED, _S.FAILED}),
        _S.ACKED: frozenset(),
        _S.FAILED: frozenset({_S.PENDING}),
        _S.PARKED: frozenset({_S.PENDING, _S.DELIVERED, _S.ACKED, _S.FAILED}),
        _S.EXPIRED: frozenset({_S.PENDING}),
        _S.CANCELLED: frozenset({_S.PENDING}),
    }
)
WAITING = frozenset({_S.PENDING, _S.RETRY})
HELD = frozenset({_S.LEASED, _S.SENDING})
OPEN = WAITING | HELD
RETRYABLE_BY_OPERATOR = frozenset({_S.FAILED, _S.PARKED, _S.EXPIRED, _S.CANCELLED})
NO_PROVIDER = "no_provider"
"""The error code where there is nobody to send it by."""
ABANDONED = (_S.EXPIRED, ErrorClass.MISCONFIGURED, NO_PROVIDER)
"""What becomes of a waiting delivery whose channel nobody serves any more: state, error class and code."""
PARKING_CHANNELS = frozenset({Channel.SMS, Channel.WHATSAPP})
"""Channels whose unknown outcomes wait for an operator: a repeat reaches a person twice and costs money."""


def may(before: DeliveryState, after: DeliveryState) -> bool:
    """Whether a delivery may go from one state to the other."""
    return after in TRANSITIONS[before]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a new delivery is to go."""

    channel: Channel
    address: str


def device_target(device: Device) -> Target:
    """The target of a registered device: a browser's token as it is, a phone's as ``android:<token>`` or
    ``ios:<token>``.
    """
    if device.device_type is DeviceType.BROWSER:
        return Target(Channel.WEB_PUSH, device.token)
    return Target(Channel.MOBILE_PUSH, f"{device.device_type.value}:{device.token}")


def token_of(target: Target) -> str:
    """The device token inside a push target."""
    if target.channel is Channel.MOBILE_PUSH:
        platform, colon, token = target.address.partition(":")
        if colon and platform in (DeviceType.ANDROID, DeviceType.IOS):
            return token
    return target.address


@dataclass(slots=True)
class Delivery:
    """One notification on one external channel to one target. Treat as immutable."""

    id: str
    tenant_id: str
    user_id: str
    notification_ref: str
    """The ``id`` of its Notification."""
    notification_id: str
    """The producer's idempotency key."""
    channel: Channel
    target: str
    state: DeliveryState
    created_at_ms: int
    updated_at_ms: int
    due_at_ms: int = 0
    expires_at_ms: int = 0
    attempts: int = 0
    """Claims, whatever came of them; bounds rows that crash their worker."""
    failures: int = 0
    """Attempts that failed; what backoff counts."""
    fence: int = 0
    """Rises with each lease; an outcome under an older fence changes nothing."""
    lease_owner: str = ""
    lease_until_ms: int = 0
    provider: str = ""
    provider_message_id: str = ""
    last_error_class: ErrorClass | None = None
    last_error_code: str = ""
    last_error: str = ""


class Lease(NamedTuple):
    """The right to work a delivery while no later fence exists."""

    delivery_id: str
    fence: int


@dataclass(slots=True)
class Job:
    """A leased delivery with all a provider needs."""

    delivery: Delivery
    content: Content
    traceparent: str = ""

    @property
    def lease(self) -> Lease:
        return Lease(self.delivery.id, self.delivery.fence)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of a delivery's append-only audit."""

    at_ms: int
    fence: int
    owner: str
    provider: str
    state: DeliveryState
    """The state taken, or that would have been taken had the lease held."""
    error_class: ErrorClass | None = None
    error_code: str = ""
    error: str = ""
    duration_ms: int = 0
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to: the state to take, under the lease it was made with."""

    lease: Lease
    state: DeliveryState
    """DELIVERED, RETRY, FAILED, PARKED or EXPIRED."""
    owner: str
    provider: str = ""
    provider_message_id: str = ""
    error_class: ErrorClass | None = None
    error_code: str = ""
    error: str = ""
    due_in_s: float = 0.0
    """For RETRY: seconds from now, by the store's clock."""
    counts_as_failure: bool = False
    duration_ms: int = 0
    attempts: tuple[Attempt, ...] = ()
    """Earlier tries of the same claim at other providers (failover), for the audit; ``at_ms`` 0 takes the store's
    time.
    """
