"""A provider: a concrete backend of one external channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.models import Channel, Content


@dataclass(frozen=True, slots=True)
class Message:
    """One attempt to send one delivery."""

    delivery_id: str
    """Also the idempotency key towards the provider: the same on every attempt."""
    notification_id: str
    tenant_id: str
    user_id: str
    channel: Channel
    target: str
    content: Content
    created_at_ms: int
    ttl_s: int | None = None
    """Seconds the message is still worth delivering; None: as long as the provider likes."""
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider's answer. ``error_class`` None means accepted."""

    error_class: ErrorClass | None = None
    message_id: str = ""
    error_code: str = ""
    error: str = ""
    """For operators; never a credential, a token or a body."""
    retry_after_s: float | None = None
    """What the provider asked for (Retry-After in seconds or as a date), already a duration, not yet clamped."""

    @property
    def accepted(self) -> bool:
        return self.error_class is None


class Provider(Protocol):
    """Sends messages of one channel.

    ``send`` answers with a Receipt for everything the provider can say, with TRANSIENT for what certainly was not
    accepted (connection refused, 5xx) and with UNKNOWN_OUTCOME when the request went out and no readable answer came.
    It keeps its own total deadline (``timeout_s``, for the whole attempt, however slowly bytes drip). It may raise:
    the dispatcher takes any exception as PERMANENT for that row. Cancellation is never swallowed.
    """

    @property
    def name(self) -> str:
        """As in configuration: smtp, twilio, fcm …"""
        ...

    @property
    def channel(self) -> Channel: ...

    @property
    def timeout_s(self) -> float:
        """Upper bound of one send, shorter than a lease."""
        ...

    def accepts(self, target: str) -> bool:
        """Whether this provider is the one for the target (fcm and apns share a channel)."""
        ...

    def validate(self, target: str) -> str | None:
        """What is wrong with the address, for the producer; None if nothing. Pure, no I/O."""
        ...

    async def send(self, message: Message) -> Receipt: ...

    async def check(self) -> str | None:
        """Ask the provider whether our credentials hold, without sending; None if they do, else what is wrong.

        Raises Unimplemented where the provider cannot be asked.
        """
        ...

    async def open(self) -> None: ...

    async def close(self) -> None:
        """Idempotent, safe before open."""
        ...
