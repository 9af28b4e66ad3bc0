"""The rules: given a delivery, an answer and the time left, what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import inf, nan
from random import Random

import pytest

from notify_grpc.core.dispatch.decision import TOO_MANY_CLAIMS, Ruling, clamp_retry_after, decide
from notify_grpc.domain.backoff import MAX_CLAIMS, SCHEDULES
from notify_grpc.domain.deliveries import PARKING_CHANNELS, Delivery, DeliveryState, ErrorClass
from notify_grpc.domain.models import EXTERNAL_CHANNELS, Channel
from notify_grpc.ports.provider import Receipt

S = DeliveryState
E = ErrorClass
DELIVERY = Delivery("d", "t", "u", "r", "n", Channel.EMAIL, "a@b.test", S.SENDING, 0, 0, attempts=1)


def on(channel: Channel, *, attempts: int = 1, failures: int = 0) -> Delivery:
    return replace(DELIVERY, channel=channel, attempts=attempts, failures=failures)


def ruling(delivery: Delivery, receipt: Receipt, remaining_s: float | None = None, seed: int = 1) -> Ruling:
    return decide(delivery, receipt, SCHEDULES[delivery.channel], remaining_s, Random(seed))


@pytest.mark.parametrize("channel", EXTERNAL_CHANNELS)
def test_accepted_is_delivered_however_late(channel: Channel) -> None:
    assert ruling(on(channel, attempts=MAX_CLAIMS, failures=99), Receipt(), -1.0) == Ruling(S.DELIVERED)


@pytest.mark.parametrize(("channel", "error"), list(product(EXTERNAL_CHANNELS, [E.PERMANENT, E.TARGET_GONE])))
def test_refused_is_failed(channel: Channel, error: ErrorClass) -> None:
    assert ruling(on(channel), Receipt(error, retry_after_s=5)) == Ruling(S.FAILED, counts_as_failure=True)


@pytest.mark.parametrize("channel", sorted(PARKING_CHANNELS))
def test_an_unknown_outcome_of_a_text_message_waits_for_an_operator(channel: Channel) -> None:
    assert ruling(on(channel), Receipt(E.UNKNOWN_OUTCOME)).state is S.PARKED


@pytest.mark.parametrize(
    ("channel", "error"),
    [(c, E.TRANSIENT) for c in EXTERNAL_CHANNELS]
    + [(c, E.UNKNOWN_OUTCOME) for c in EXTERNAL_CHANNELS if c not in PARKING_CHANNELS],
)
def test_a_failure_follows_the_channels_schedule_to_its_end(channel: Channel, error: ErrorClass) -> None:
    schedule = SCHEDULES[channel]
    for failures in range(schedule.max_failures - 1):
        expected = schedule.wait_s(failures + 1, Random(failures))
        assert ruling(on(channel, failures=failures), Receipt(error), seed=failures) == (S.RETRY, expected, True, "")
    assert ruling(on(channel, failures=schedule.max_failures - 1), Receipt(error)) == Ruling(S.FAILED, 0.0, True)


def test_a_failing_provider_that_asks_for_more_time_gets_it() -> None:
    assert ruling(on(Channel.WEB_PUSH), Receipt(E.TRANSIENT, retry_after_s=120)).due_in_s == 120
    assert ruling(on(Channel.EMAIL, failures=3), Receipt(E.TRANSIENT, retry_after_s=1)).due_in_s > 6_000


@pytest.mark.parametrize(
    ("asked_s", "wait_s"),
    [(30, 30), (1, 1), (3_600, 3_600), (0.2, 1), (0, 1), (-5, 1), (10**9, 3_600), (inf, 3_600), (-inf, 1), (nan, 1)],
)
@pytest.mark.parametrize("channel", EXTERNAL_CHANNELS)
def test_a_rate_limit_is_honoured_within_bounds_and_no_failure(channel: Channel, asked_s: float, wait_s: float) -> None:
    assert clamp_retry_after(asked_s) == wait_s
    assert ruling(on(channel), Receipt(E.RATE_LIMITED, retry_after_s=asked_s)) == Ruling(S.RETRY, wait_s)


def test_rate_limits_without_a_time_wait_longer_and_longer() -> None:
    waits = [ruling(on(Channel.SMS, attempts=n), Receipt(E.RATE_LIMITED)).due_in_s for n in (1, 2, 3, 8, 9, 49)]
    assert waits == [2, 4, 8, 256, 300, 300]


@pytest.mark.parametrize("channel", EXTERNAL_CHANNELS)
def test_our_own_misconfiguration_is_no_failure_of_the_delivery(channel: Channel) -> None:
    answer = ruling(on(channel, failures=2), Receipt(E.MISCONFIGURED))
    assert (answer.state, answer.counts_as_failure) == (S.RETRY, False)
    assert 60 <= answer.due_in_s <= 90


RETRIED = [E.TRANSIENT, E.RATE_LIMITED, E.MISCONFIGURED]


@pytest.mark.parametrize(("channel", "error"), list(product(EXTERNAL_CHANNELS, RETRIED)))
def test_no_retry_is_planned_for_after_the_expiry(channel: Channel, error: ErrorClass) -> None:
    receipt = Receipt(error, retry_after_s=100)
    wait_s = ruling(on(channel), receipt).due_in_s
    assert ruling(on(channel), receipt, wait_s + 0.001).state is S.RETRY
    expired = ruling(on(channel), receipt, wait_s)
    assert expired == Ruling(S.EXPIRED, counts_as_failure=error is E.TRANSIENT)


@pytest.mark.parametrize(("channel", "error"), list(product(EXTERNAL_CHANNELS, RETRIED)))
def test_a_row_claimed_too_often_is_buried(channel: Channel, error: ErrorClass) -> None:
    assert ruling(on(channel, attempts=MAX_CLAIMS - 1), Receipt(error)).state is S.RETRY
    buried = ruling(on(channel, attempts=MAX_CLAIMS), Receipt(error))
    assert (buried.state, buried.error_code) == (S.FAILED, TOO_MANY_CLAIMS)


@pytest.mark.parametrize(("channel", "error"), list(product(EXTERNAL_CHANNELS, [None, *E])))
def test_every_answer_leads_to_a_state_a_sending_row_may_take(channel: Channel, error: ErrorClass | None) -> None:
    for failures, attempts, remaining_s in product(range(20), (1, 49, 50), (None, 0.0, 1.0, 1e9)):
        answer = ruling(on(channel, attempts=attempts, failures=failures), Receipt(error), remaining_s)
        assert answer.state in {S.DELIVERED, S.RETRY, S.FAILED, S.PARKED, S.EXPIRED}
        assert (answer.due_in_s > 0) <= (answer.state is S.RETRY)
