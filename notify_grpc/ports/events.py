"""Events for an operator's own systems (the webhook sink)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """Something that happened to a delivery or an inbox.

    ``type`` is delivery.delivered, .acked, .failed, .parked, .expired, .retrying, notification.read or inbox.read.
    """

    type: str
    at_ms: int
    tenant_id: str
    user_id: str
    notification_id: str = ""
    data: Mapping[str, str | int] = field(default_factory=dict)


class EventSink(Protocol):
    """Takes events without blocking or raising; what does not fit its bounded buffer is dropped and counted."""

    def publish(self, event: ServiceEvent) -> None: ...


class NoEvents:
    """Where no sink is configured."""

    def publish(self, event: ServiceEvent) -> None: ...
