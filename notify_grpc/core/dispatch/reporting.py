"""What the dispatcher tells operators: metrics, logs and events. Never a body, a target or a token."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from notify_grpc.core.dispatch.held import Held
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import Delivery, DeliveryState, ErrorClass, Outcome
from notify_grpc.ports.events import EventSink, ServiceEvent
from notify_grpc.ports.provider import Provider, Receipt
from notify_grpc.ports.store import DueStats
from notify_grpc.ports.telemetry import Metrics

log = logging.getLogger(__name__)
_EVENTS: Mapping[DeliveryState, str] = {
    DeliveryState.DELIVERED: "delivery.delivered",
    DeliveryState.RETRY: "delivery.retrying",
    DeliveryState.FAILED: "delivery.failed",
    DeliveryState.PARKED: "delivery.parked",
    DeliveryState.EXPIRED: "delivery.expired",
}
_LEVELS: Mapping[DeliveryState, int] = {
    DeliveryState.DELIVERED: logging.DEBUG,
    DeliveryState.RETRY: logging.INFO,
}


class Reporter:
    """The one place that knows the names of what is reported."""

    def __init__(self, metrics: Metrics, events: EventSink, clock: Clock) -> None:
        self._metrics = metrics
        self._events = events
        self._clock = clock

    def sent(self, provider: Provider, receipt: Receipt, seconds: float) -> None:
        """A provider answered, or did not in time."""
        channel, name, status = str(provider.channel), provider.name, str(receipt.error_class or "accepted")
        self._metrics.count("notify_send_total", channel=channel, provider=name, status=status)
        self._metrics.observe("notify_send_duration_seconds", seconds, channel=channel, provider=name)

    def finished(self, held: Held, outcome: Outcome) -> None:
        """An outcome is stored."""
        delivery = held.delivery
        level = _LEVELS.get(outcome.state, logging.WARNING)
        if log.isEnabledFor(level):
            log.log(level, "delivery %s", outcome.state, extra=_logged(delivery, outcome))
        self._publish(delivery, outcome.state, outcome.provider, outcome.error_class, outcome.error_code)

    def stale(self, held: Held, outcome: Outcome) -> None:
        """Somebody else has the delivery by now; the outcome is only in the audit."""
        log.warning("an outcome came too late", extra=_logged(held.delivery, outcome))

    def swept(self, delivery: Delivery) -> None:
        """Time changed a delivery, or retention did; it comes in its new state."""
        if delivery.state in (DeliveryState.RETRY, DeliveryState.PARKED):
            self._metrics.count("notify_lease_expiries_total")
        extra = {"delivery_id": delivery.id, "tenant_id": delivery.tenant_id, "state": str(delivery.state)}
        log.warning("delivery swept", extra=extra)
        self._publish(delivery, delivery.state, delivery.provider, delivery.last_error_class, delivery.last_error_code)

    def due(self, stats: DueStats) -> None:
        """The backlog."""
        self._metrics.gauge("notify_deliveries_due", stats.due)
        self._metrics.gauge("notify_deliveries_oldest_due_age_seconds", stats.oldest_age_s)

    def _publish(
        self, delivery: Delivery, state: DeliveryState, provider: str, error: ErrorClass | None, error_code: str
    ) -> None:
        self._events.publish(
            ServiceEvent(
                _EVENTS[state],
                self._clock.now_ms(),
                delivery.tenant_id,
                delivery.user_id,
                delivery.notification_id,
                {
                    "delivery_id": delivery.id,
                    "channel": str(delivery.channel),
                    "provider": provider,
                    "attempts": delivery.attempts,
                    "error_class": str(error or ""),
                    "error_code": error_code,
                },
            )
        )


def _logged(delivery: Delivery, outcome: Outcome) -> dict[str, object]:
    return {
        "delivery_id": delivery.id,
        "tenant_id": delivery.tenant_id,
        "notification_id": delivery.notification_id,
        "channel": str(delivery.channel),
        "provider": outcome.provider,
        "state": str(outcome.state),
        "attempts": delivery.attempts,
        "error_class": str(outcome.error_class or ""),
        "error_code": outcome.error_code,
    }
