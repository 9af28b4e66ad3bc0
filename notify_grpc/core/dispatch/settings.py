"""What can be set on the dispatcher, and what it answers an inline caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from notify_grpc.domain.backoff import SCHEDULES, Schedule
from notify_grpc.domain.deliveries import DeliveryState, ErrorClass
from notify_grpc.domain.models import Channel


class Attempted(NamedTuple):
    """What a first attempt came to, as it is stored."""

    state: DeliveryState
    error_class: ErrorClass | None


@dataclass(frozen=True, slots=True)
class DispatchSettings:
    """Times in seconds. A provider's ``timeout_s`` must be at most half of ``lease_s``."""

    lease_s: float = 60.0
    poll_s: float = 1.0
    """The longest pause between two looks at the store."""
    sweep_s: float = 5.0
    drain_s: float = 10.0
    """How long ``close`` lets sends in flight go on."""
    concurrency: int = 32
    """Sends at once, per provider."""
    queue: int = 1_000
    """Jobs of Notify calls waiting in memory, per route and urgency; one tenant gets at most half."""
    breaker_failures: int = 10
    """Failures in a row that open a provider's breaker."""
    breaker_open_s: float = 5.0
    """How long it stays open the first time; doubled by each failed probe up to ``breaker_max_open_s``."""
    breaker_max_open_s: float = 300.0
    schedules: Mapping[Channel, Schedule] = field(default_factory=lambda: SCHEDULES)
    """When a delivery that failed is tried again, of every external channel."""
