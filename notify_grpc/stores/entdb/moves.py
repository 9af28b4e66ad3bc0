"""What may become of a delivery: pure functions from its stored state to the next, None where nothing changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from notify_grpc.domain.backoff import MAX_CLAIMS
from notify_grpc.domain.deliveries import (
    ABANDONED,
    HELD,
    PARKING_CHANNELS,
    RETRYABLE_BY_OPERATOR,
    WAITING,
    Attempt,
    Delivery,
    DeliveryState,
    ErrorClass,
    Lease,
    Outcome,
    may,
)
from notify_grpc.domain.errors import FailedPrecondition
from notify_grpc.ports.store import Report

TOO_MANY_CLAIMS = "too_many_claims"


@dataclass(frozen=True, slots=True)
class Move:
    """A delivery's next state, and what its audit gains. `held`: the lease it was asked under was good."""

    delivery: Delivery
    attempts: tuple[Attempt, ...] = ()
    held: bool = True


def moved(delivery: Delivery, now_ms: int, **changes: Any) -> Move:
    """A move without audit."""
    return Move(replace(delivery, updated_at_ms=now_ms, **changes))


def freed(delivery: Delivery, now_ms: int, **changes: Any) -> Move:
    """A move out of its lease."""
    return moved(delivery, now_ms, lease_owner="", lease_until_ms=0, **changes)


def is_held(delivery: Delivery, lease: Lease) -> bool:
    """Whether a lease is the delivery's latest and not given back."""
    return delivery.state in HELD and delivery.fence == lease.fence


def is_expired(delivery: Delivery, now_ms: int) -> bool:
    """Whether nobody wants it any more."""
    return 0 < delivery.expires_at_ms <= now_ms


def is_claimable(delivery: Delivery, now_ms: int) -> bool:
    """Whether it is due and fit to be leased; the rest is the sweep's."""
    return (
        delivery.state in WAITING
        and delivery.due_at_ms <= now_ms
        and delivery.attempts < MAX_CLAIMS
        and not is_expired(delivery, now_ms)
    )


def claim(delivery: Delivery, now_ms: int, owner: str, lease_s: float) -> Move:
    """Lease it."""
    return moved(
        delivery,
        now_ms,
        state=DeliveryState.LEASED,
        fence=delivery.fence + 1,
        attempts=delivery.attempts + 1,
        lease_owner=owner,
        lease_until_ms=now_ms + round(lease_s * 1000),
    )


def start(delivery: Delivery, now_ms: int, lease: Lease) -> Move | None:
    """Send it, if the lease has not run out."""
    if not is_held(delivery, lease) or delivery.state is not DeliveryState.LEASED or delivery.lease_until_ms <= now_ms:
        return None
    return moved(delivery, now_ms, state=DeliveryState.SENDING)


def renew(delivery: Delivery, now_ms: int, lease: Lease, lease_s: float) -> Move | None:
    """Lengthen its lease."""
    if not is_held(delivery, lease):
        return None
    return moved(delivery, now_ms, lease_until_ms=now_ms + round(lease_s * 1000))


def release(delivery: Delivery, now_ms: int, lease: Lease, due_in_s: float) -> Move | None:
    """Give its lease back as if it had not been claimed."""
    if not is_held(delivery, lease) or delivery.state is not DeliveryState.LEASED:
        return None
    due_at_ms = now_ms + round(due_in_s * 1000)
    return freed(delivery, now_ms, state=DeliveryState.PENDING, due_at_ms=due_at_ms, attempts=delivery.attempts - 1)


def finish(delivery: Delivery, now_ms: int, outcome: Outcome) -> Move:
    """Take an outcome; under a stale lease only the audit learns of it."""
    held = is_held(delivery, outcome.lease) and may(delivery.state, outcome.state)
    audit = _audit(outcome, now_ms, stale=not held)
    if not held:
        return Move(delivery, audit, held=False)
    after = freed(
        delivery,
        now_ms,
        state=outcome.state,
        due_at_ms=now_ms + round(outcome.due_in_s * 1000),
        failures=delivery.failures + outcome.counts_as_failure,
        provider=outcome.provider,
        provider_message_id=outcome.provider_message_id,
        last_error_class=outcome.error_class,
        last_error_code=outcome.error_code,
        last_error=outcome.error,
    )
    return replace(after, attempts=audit)


def sweep(delivery: Delivery, now_ms: int) -> Move | None:
    """What time did to it."""
    if delivery.state in HELD:
        return _run_out(delivery, now_ms) if delivery.lease_until_ms <= now_ms else None
    if delivery.state not in WAITING:
        return None
    if is_expired(delivery, now_ms):
        return moved(delivery, now_ms, state=DeliveryState.EXPIRED)
    return _buried(delivery, now_ms) if delivery.attempts >= MAX_CLAIMS else None


def retry(delivery: Delivery, now_ms: int) -> Move:
    """Start over. Raises FailedPrecondition where it has not ended."""
    if delivery.state not in RETRYABLE_BY_OPERATOR:
        raise FailedPrecondition(f"a delivery that is {delivery.state} cannot be retried")
    expires_at_ms = 0 if is_expired(delivery, now_ms) else delivery.expires_at_ms
    return moved(
        delivery,
        now_ms,
        state=DeliveryState.PENDING,
        due_at_ms=now_ms,
        failures=0,
        attempts=0,
        expires_at_ms=expires_at_ms,
    )


def report(delivery: Delivery, now_ms: int, told: Report) -> Move | None:
    """Take a provider's word."""
    if not may(delivery.state, told.state):
        return None
    return freed(
        delivery,
        now_ms,
        state=told.state,
        provider=delivery.provider or told.provider,
        provider_message_id=delivery.provider_message_id or told.provider_message_id,
        last_error_class=told.error_class,
        last_error_code=told.error_code,
        last_error=told.error,
    )


def cancel(delivery: Delivery, now_ms: int) -> Move | None:
    """Nobody holds its target any more."""
    if not may(delivery.state, DeliveryState.CANCELLED):
        return None
    return freed(delivery, now_ms, state=DeliveryState.CANCELLED)


def abandon(delivery: Delivery, now_ms: int) -> Move | None:
    """Nobody serves its channel any more."""
    if delivery.state not in WAITING:
        return None
    state, error, code = ABANDONED
    after = moved(delivery, now_ms, state=state, last_error_class=error, last_error_code=code, last_error="")
    return replace(after, attempts=(Attempt(now_ms, delivery.fence, "", "", state, error, code),))


def _run_out(delivery: Delivery, now_ms: int) -> Move:
    sending = delivery.state is DeliveryState.SENDING
    parks = sending and delivery.channel in PARKING_CHANNELS
    state = DeliveryState.PARKED if parks else DeliveryState.RETRY
    audit = (_unknown(delivery, now_ms, state),) if sending else ()
    if delivery.attempts >= MAX_CLAIMS and not parks:
        return replace(_buried(delivery, now_ms), attempts=audit)
    error_class = ErrorClass.UNKNOWN_OUTCOME if sending else delivery.last_error_class
    due_at_ms = delivery.due_at_ms if parks else now_ms
    return replace(
        freed(delivery, now_ms, state=state, due_at_ms=due_at_ms, last_error_class=error_class), attempts=audit
    )


def _buried(delivery: Delivery, now_ms: int) -> Move:
    return freed(delivery, now_ms, state=DeliveryState.FAILED, last_error_code=TOO_MANY_CLAIMS)


def _unknown(delivery: Delivery, now_ms: int, state: DeliveryState) -> Attempt:
    return Attempt(
        at_ms=now_ms,
        fence=delivery.fence,
        owner=delivery.lease_owner,
        provider=delivery.provider,
        state=state,
        error_class=ErrorClass.UNKNOWN_OUTCOME,
    )


def _audit(outcome: Outcome, now_ms: int, *, stale: bool) -> tuple[Attempt, ...]:
    last = Attempt(
        at_ms=now_ms,
        fence=outcome.lease.fence,
        owner=outcome.owner,
        provider=outcome.provider,
        state=outcome.state,
        error_class=outcome.error_class,
        error_code=outcome.error_code,
        error=outcome.error,
        duration_ms=outcome.duration_ms,
        stale=stale,
    )
    earlier = (replace(attempt, at_ms=attempt.at_ms or now_ms, stale=stale) for attempt in outcome.attempts)
    return (*earlier, last)
