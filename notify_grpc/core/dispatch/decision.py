"""What becomes of a delivery, given the provider's answer: the rules, without time, store or network."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from notify_grpc.domain.backoff import MAX_CLAIMS, Schedule
from notify_grpc.domain.deliveries import PARKING_CHANNELS, Delivery, DeliveryState, ErrorClass
from notify_grpc.ports.provider import Receipt

MIN_RETRY_AFTER_S = 1.0
MAX_RETRY_AFTER_S = 3_600.0
TOO_MANY_CLAIMS = "too_many_claims"
_MISCONFIGURED_WAIT_S = 60.0
_MAX_RATE_LIMIT_WAIT_S = 300.0


class Ruling(NamedTuple):
    """The state to take; for RETRY, after how many seconds; whether backoff counts it; a code of the rules' own."""

    state: DeliveryState
    due_in_s: float = 0.0
    counts_as_failure: bool = False
    error_code: str = ""


def decide(
    delivery: Delivery, receipt: Receipt, schedule: Schedule, remaining_s: float | None, random: Random
) -> Ruling:
    """Judge one claim's last answer. ``remaining_s`` is what is left until the delivery expires, None for ever."""
    match receipt.error_class:
        case None:
            return Ruling(DeliveryState.DELIVERED)
        case ErrorClass.PERMANENT | ErrorClass.TARGET_GONE:
            return Ruling(DeliveryState.FAILED, counts_as_failure=True)
        case ErrorClass.UNKNOWN_OUTCOME if delivery.channel in PARKING_CHANNELS:
            return Ruling(DeliveryState.PARKED, counts_as_failure=True)
        case ErrorClass.RATE_LIMITED:
            return _retry(delivery, _rate_limit_s(delivery, receipt), remaining_s, failed=False)
        case ErrorClass.MISCONFIGURED:
            return _retry(delivery, _MISCONFIGURED_WAIT_S * random.uniform(1, 1.5), remaining_s, failed=False)
        case ErrorClass.TRANSIENT | ErrorClass.UNKNOWN_OUTCOME:
            wait_s = schedule.wait_s(delivery.failures + 1, random)
            if wait_s is None:
                return Ruling(DeliveryState.FAILED, counts_as_failure=True)
            asked_s = 0.0 if receipt.retry_after_s is None else clamp_retry_after(receipt.retry_after_s)
            return _retry(delivery, max(wait_s, asked_s), remaining_s, failed=True)


def clamp_retry_after(seconds: float) -> float:
    """A provider's Retry-After within [1 s, 1 h]; what is not a number counts as 1 s."""
    if not seconds > MIN_RETRY_AFTER_S:
        return MIN_RETRY_AFTER_S
    return min(seconds, MAX_RETRY_AFTER_S)


def _rate_limit_s(delivery: Delivery, receipt: Receipt) -> float:
    """What the provider asked for; else longer with each claim, so that MAX_CLAIMS of them span hours."""
    if receipt.retry_after_s is not None:
        return clamp_retry_after(receipt.retry_after_s)
    return min(2.0 ** min(delivery.attempts, 16), _MAX_RATE_LIMIT_WAIT_S)


def _retry(delivery: Delivery, wait_s: float, remaining_s: float | None, *, failed: bool) -> Ruling:
    if remaining_s is not None and wait_s >= remaining_s:
        return Ruling(DeliveryState.EXPIRED, counts_as_failure=failed)
    if delivery.attempts >= MAX_CLAIMS:
        return Ruling(DeliveryState.FAILED, counts_as_failure=failed, error_code=TOO_MANY_CLAIMS)
    return Ruling(DeliveryState.RETRY, wait_s, failed)
