"""One attempt at one delivery: the provider calls, and what they come to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from random import Random
from traceback import extract_tb

from notify_grpc.core.dispatch.decision import decide
from notify_grpc.core.dispatch.held import Held
from notify_grpc.core.dispatch.lane import Lane
from notify_grpc.core.dispatch.reporting import Reporter
from notify_grpc.core.dispatch.routes import Route
from notify_grpc.domain.backoff import Schedule
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import Attempt, DeliveryState, ErrorClass, Outcome
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Message, Provider, Receipt
from notify_grpc.ports.telemetry import Tracer

log = logging.getLogger(__name__)
PATIENCE = 1.1
"""A provider gets this much more than its own deadline, so that its own, better informed answer comes first."""
_MAX_ERROR = 500
_MAX_CODE = 100
_NOT_OUR_MESSAGE = frozenset({ErrorClass.TRANSIENT, ErrorClass.RATE_LIMITED, ErrorClass.MISCONFIGURED})
"""Certainly not accepted, and not for a reason another provider would share."""


@dataclass(frozen=True, slots=True)
class Try:
    """One provider call of an attempt."""

    lane: Lane
    receipt: Receipt
    duration_ms: int


class Sender:
    """Sends a delivery marked SENDING by the lane already entered for it, and on by the next when that one fails."""

    def __init__(
        self,
        owner: str,
        schedules: Mapping[Channel, Schedule],
        clock: Clock,
        tracer: Tracer,
        reporter: Reporter,
        random: Random,
    ) -> None:
        self._owner = owner
        self._schedules = schedules
        self._clock = clock
        self._tracer = tracer
        self._reporter = reporter
        self._random = random

    async def attempt(self, held: Held, route: Route, lane: Lane) -> Outcome:
        """Call the provider(s). Leaves every lane it was in, also when cancelled."""
        delivery = held.delivery
        attributes = {"notify.channel": str(delivery.channel), "messaging.message.id": delivery.id}
        with self._tracer.linked_span(
            "dispatch attempt", held.job.traceparent, kind="consumer", attributes=attributes, remote_parent=True
        ):
            if spoiled := self._spoiled(held, lane):
                lane.leave()
                return spoiled
            tries = [await self._try(held, lane)]
            while (after := self._failover(held, route, tries[-1])) is not None:
                after.enter()
                tries.append(await self._try(held, after))
            return self._judge(held, tries)

    def _judge(self, held: Held, tries: Sequence[Try]) -> Outcome:
        """The outcome of an attempt by its last try; the earlier ones go to the audit."""
        *earlier, last = tries
        audit = tuple(self._audit(held, one) for one in earlier)
        return self._outcome(held, last.lane.provider.name, last.receipt, last.duration_ms, audit)

    def _outcome(
        self, held: Held, provider: str, receipt: Receipt, duration_ms: int, attempts: tuple[Attempt, ...] = ()
    ) -> Outcome:
        schedule = self._schedules[held.delivery.channel]
        ruling = decide(held.delivery, receipt, schedule, held.remaining_s(self._clock.monotonic()), self._random)
        return Outcome(
            held.lease,
            ruling.state,
            self._owner,
            provider=provider,
            provider_message_id=_clean(receipt.message_id, _MAX_ERROR),
            error_class=receipt.error_class,
            error_code=ruling.error_code or _clean(receipt.error_code, _MAX_CODE),
            error=_clean(receipt.error, _MAX_ERROR),
            due_in_s=ruling.due_in_s,
            counts_as_failure=ruling.counts_as_failure,
            duration_ms=duration_ms,
            attempts=attempts,
        )

    def unsent(self, held: Held, state: DeliveryState, error_code: str, error: ErrorClass | None = None) -> Outcome:
        """The outcome of an attempt that reached no provider."""
        return Outcome(held.lease, state, self._owner, error_class=error, error_code=error_code)

    def interrupted(self, held: Held) -> Outcome:
        """The outcome of an attempt that was cut off: a provider may have the message, if one was called."""
        if not held.provider:
            return self.unsent(held, DeliveryState.RETRY, "interrupted")
        return self._outcome(held, held.provider, Receipt(ErrorClass.UNKNOWN_OUTCOME, error_code="interrupted"), 0)

    def _spoiled(self, held: Held, lane: Lane) -> Outcome | None:
        """What to do instead of sending if this process slept through the message's life or most of the lease."""
        now = self._clock.monotonic()
        remaining_s = held.remaining_s(now)
        if remaining_s is not None and remaining_s <= 0:
            return self.unsent(held, DeliveryState.EXPIRED, "expired")
        if held.lease_until - now < lane.provider.timeout_s * PATIENCE:
            return self.unsent(held, DeliveryState.RETRY, "lease_too_short")
        return None

    def _failover(self, held: Held, route: Route, tried: Try) -> Lane | None:
        if tried.receipt.error_class not in _NOT_OUR_MESSAGE:
            return None
        after = route.next_lane(tried.lane)
        return None if after is None or self._spoiled(held, after) else after

    async def _try(self, held: Held, lane: Lane) -> Try:
        receipt: Receipt | None = None
        started = self._clock.monotonic()
        try:
            receipt = await self._call(held, lane.provider)
        finally:
            lane.leave(receipt)
        seconds = self._clock.monotonic() - started
        self._reporter.sent(lane.provider, receipt, seconds)
        return Try(lane, receipt, round(seconds * 1000))

    async def _call(self, held: Held, provider: Provider) -> Receipt:
        held.provider = provider.name
        attributes = {"messaging.system": provider.name, "messaging.operation.type": "send"}
        with self._tracer.span(f"send {provider.channel}", kind="client", attributes=attributes):
            deadline = asyncio.timeout(provider.timeout_s * PATIENCE)
            try:
                async with deadline:
                    return await provider.send(self._message(held))
            except Exception as exc:  # noqa: BLE001 - whatever a provider raises is about this row; the queue moves on
                if deadline.expired():
                    return Receipt(ErrorClass.UNKNOWN_OUTCOME, error_code="timeout")
                _log_raised(provider, held, exc)
                return Receipt(ErrorClass.PERMANENT, error_code=type(exc).__name__, error="the provider raised")

    def _message(self, held: Held) -> Message:
        delivery = held.delivery
        remaining_s = held.remaining_s(self._clock.monotonic())
        return Message(
            delivery_id=delivery.id,
            notification_id=delivery.notification_id,
            tenant_id=delivery.tenant_id,
            user_id=delivery.user_id,
            channel=delivery.channel,
            target=delivery.target,
            content=held.job.content,
            created_at_ms=delivery.created_at_ms,
            ttl_s=None if remaining_s is None else max(1, int(remaining_s)),
            traceparent=self._tracer.traceparent() or held.job.traceparent,
        )

    def _audit(self, held: Held, one: Try) -> Attempt:
        """A try that another provider's made up for."""
        return Attempt(
            at_ms=0,
            fence=held.lease.fence,
            owner=self._owner,
            provider=one.lane.provider.name,
            state=DeliveryState.RETRY,
            error_class=one.receipt.error_class,
            error_code=_clean(one.receipt.error_code, _MAX_CODE),
            error=_clean(one.receipt.error, _MAX_ERROR),
            duration_ms=one.duration_ms,
        )


def _clean(text: str, limit: int) -> str:
    """A provider's words as a store takes them: no NUL, not endless."""
    return text.replace("\0", "")[:limit]


def _log_raised(provider: Provider, held: Held, exc: Exception) -> None:
    """Where it was raised, not its text: that may hold what was to be sent."""
    frames = extract_tb(exc.__traceback__)
    place = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    extra = {"provider": provider.name, "delivery_id": held.delivery.id, "error": type(exc).__name__, "place": place}
    log.error("a provider raised", extra=extra)
