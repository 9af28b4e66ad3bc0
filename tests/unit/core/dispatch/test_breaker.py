"""A breaker closes off a provider that fails, and lets one message try it later."""

from __future__ import annotations

import pytest

from notify_grpc.core.dispatch.breaker import Breaker, BreakerState
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.ports.provider import Receipt
from tests.support.clock import ManualClock

ACCEPTED = Receipt()
TRANSIENT = Receipt(ErrorClass.TRANSIENT, error_code="503")
MISCONFIGURED = Receipt(ErrorClass.MISCONFIGURED, error_code="401")


@pytest.fixture
def breaker(clock: ManualClock) -> Breaker:
    return Breaker(clock, failures=3, open_s=5, max_open_s=15)


def fail(breaker: Breaker, times: int, receipt: Receipt = TRANSIENT) -> None:
    for _ in range(times):
        breaker.record(receipt)


def test_it_begins_closed(breaker: Breaker) -> None:
    assert (breaker.state, breaker.blocked_s(), breaker.explain()) == (BreakerState.CLOSED, 0, "closed")


@pytest.mark.parametrize("error", [ErrorClass.TRANSIENT, ErrorClass.UNKNOWN_OUTCOME])
def test_a_run_of_failures_opens_it(breaker: Breaker, error: ErrorClass) -> None:
    fail(breaker, 2, Receipt(error))
    assert breaker.state is BreakerState.CLOSED
    fail(breaker, 1, Receipt(error))
    assert (breaker.state, breaker.blocked_s()) == (BreakerState.OPEN, 5)


@pytest.mark.parametrize("alive", [None, ErrorClass.PERMANENT, ErrorClass.TARGET_GONE])
def test_any_sign_of_life_ends_the_run(breaker: Breaker, alive: ErrorClass | None) -> None:
    fail(breaker, 2)
    breaker.record(Receipt(alive))
    fail(breaker, 2)
    assert breaker.state is BreakerState.CLOSED


def test_misconfigured_opens_it_at_once_and_says_why(breaker: Breaker) -> None:
    breaker.record(MISCONFIGURED)
    assert breaker.explain() == "open: misconfigured 401"


async def test_after_a_while_it_is_half_open(breaker: Breaker, clock: ManualClock) -> None:
    breaker.record(MISCONFIGURED)
    await clock.advance(4.9)
    assert breaker.state is BreakerState.OPEN
    await clock.advance(0.1)
    assert (breaker.state, breaker.blocked_s()) == (BreakerState.HALF_OPEN, 0)
    assert breaker.explain() == "half-open: misconfigured 401"


async def test_a_good_probe_closes_it(breaker: Breaker, clock: ManualClock) -> None:
    breaker.record(MISCONFIGURED)
    await clock.advance(5)
    breaker.record(ACCEPTED)
    assert breaker.explain() == "closed"


async def test_each_bad_probe_doubles_the_wait_up_to_a_bound(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker, 3)
    for wait_s in (5, 10, 15, 15):
        assert breaker.blocked_s() == wait_s
        await clock.advance(wait_s)
        fail(breaker, 1)


async def test_closing_forgets_the_doubling_and_the_run(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker, 3)
    await clock.advance(5)
    fail(breaker, 1)
    await clock.advance(10)
    breaker.record(ACCEPTED)
    fail(breaker, 2)
    assert breaker.state is BreakerState.CLOSED
    fail(breaker, 1)
    assert breaker.blocked_s() == 5


def test_answers_that_were_under_way_change_nothing_while_open(breaker: Breaker) -> None:
    fail(breaker, 10)
    assert breaker.blocked_s() == 5
    breaker.record(ACCEPTED)
    assert breaker.state is BreakerState.OPEN


@pytest.mark.parametrize(("asked_s", "paused_s"), [(30.0, 30), (None, 1), (0.0, 1), (1e9, 3_600)])
def test_a_rate_limit_pauses_without_opening(breaker: Breaker, asked_s: float | None, paused_s: float) -> None:
    breaker.record(Receipt(ErrorClass.RATE_LIMITED, retry_after_s=asked_s))
    assert (breaker.state, breaker.blocked_s()) == (BreakerState.CLOSED, paused_s)
    assert breaker.explain() == "paused: rate limited"


def test_a_shorter_pause_does_not_cut_a_longer_one(breaker: Breaker) -> None:
    breaker.record(Receipt(ErrorClass.RATE_LIMITED, retry_after_s=60))
    breaker.record(Receipt(ErrorClass.RATE_LIMITED, retry_after_s=2))
    assert breaker.blocked_s() == 60
