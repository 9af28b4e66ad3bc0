"""Any life of a delivery: claims, answers, crashes, reports and operators in any order."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from notify_grpc.core.dispatch.decision import decide
from notify_grpc.domain.backoff import MAX_CLAIMS, SCHEDULES
from notify_grpc.domain.deliveries import (
    HELD,
    OPEN,
    PARKING_CHANNELS,
    RETRYABLE_BY_OPERATOR,
    TRANSITIONS,
    WAITING,
    Delivery,
    DeliveryState,
    ErrorClass,
    may,
)
from notify_grpc.domain.models import EXTERNAL_CHANNELS, Channel
from notify_grpc.ports.provider import Receipt

S = DeliveryState
RECEIPTS = st.builds(
    Receipt,
    error_class=st.none() | st.sampled_from(ErrorClass),
    retry_after_s=st.none() | st.floats(allow_nan=True, allow_infinity=True),
)


class DeliveryLife(RuleBasedStateMachine):
    """A row as a store keeps it, and everything that may happen to it, in whole seconds."""

    @initialize(channel=st.sampled_from(EXTERNAL_CHANNELS), lives_s=st.sampled_from([0, 30, 3_600]), seed=st.integers())
    def born(self, channel: Channel, lives_s: int, seed: int) -> None:
        self.random = Random(seed)
        self.now = 0
        self.expires = lives_s
        self.sends = self.unknown = self.accepted = 0
        self.row = Delivery("d", "t", "u", "r", "n", channel, "target", S.PENDING, 0, 0)

    def take(self, state: S, **changes: Any) -> None:
        assert may(self.row.state, state), f"{self.row.state} → {state}"
        self.row = replace(self.row, state=state, **changes)

    def in_state(self, *states: S) -> bool:
        return self.row.state in states

    @rule(seconds=st.integers(1, 1_000))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @precondition(lambda self: self.row.state in WAITING)
    @rule()
    def claimed_or_swept(self) -> None:
        """What a store does with a waiting row when its time has come."""
        self.now = max(self.now, self.row.due_at_ms)
        if self.expires and self.now >= self.expires:
            self.take(S.EXPIRED)
        elif self.row.attempts >= MAX_CLAIMS:
            assert self.row.state is S.RETRY
            self.take(S.FAILED)
        else:
            self.take(S.LEASED, attempts=self.row.attempts + 1, fence=self.row.fence + 1)

    @precondition(lambda self: self.in_state(S.LEASED))
    @rule(wait_s=st.integers(0, 300))
    def given_back(self, wait_s: int) -> None:
        self.take(S.PENDING, attempts=self.row.attempts - 1, due_at_ms=self.now + wait_s)

    @precondition(lambda self: self.in_state(S.LEASED))
    @rule()
    def started(self) -> None:
        self.take(S.SENDING)
        self.sends += 1

    @precondition(lambda self: self.in_state(S.SENDING))
    @rule(receipt=RECEIPTS)
    def answered(self, receipt: Receipt) -> None:
        remaining_s = float(self.expires - self.now) if self.expires else None
        ruling = decide(self.row, receipt, SCHEDULES[self.row.channel], remaining_s, self.random)
        failures = self.row.failures + ruling.counts_as_failure
        self.take(ruling.state, failures=failures, due_at_ms=self.now + int(ruling.due_in_s))
        self.unknown += receipt.error_class is ErrorClass.UNKNOWN_OUTCOME
        self.accepted += receipt.accepted
        if ruling.state is S.RETRY and self.expires:
            assert self.now + ruling.due_in_s < self.expires

    @precondition(lambda self: self.in_state(*HELD))
    @rule()
    def lease_runs_out(self) -> None:
        sending = self.in_state(S.SENDING)
        self.unknown += sending
        if sending and self.row.channel in PARKING_CHANNELS:
            self.take(S.PARKED)
        elif self.row.attempts >= MAX_CLAIMS:
            self.take(S.FAILED)
        else:
            self.take(S.RETRY, due_at_ms=self.now)

    @precondition(lambda self: may(self.row.state, S.ACKED))
    @rule(state=st.sampled_from([S.ACKED, S.FAILED]))
    def reported(self, state: S) -> None:
        self.take(state)

    @precondition(lambda self: self.in_state(*RETRYABLE_BY_OPERATOR))
    @rule()
    def retried_by_an_operator(self) -> None:
        if self.expires and self.now >= self.expires:
            self.expires = 0
        self.sends = self.unknown = self.accepted = 0
        self.take(S.PENDING, failures=0, attempts=0, due_at_ms=self.now)

    @invariant()
    def bounded(self) -> None:
        assert 0 <= self.row.attempts <= MAX_CLAIMS
        assert self.row.failures <= SCHEDULES[self.row.channel].max_failures

    @invariant()
    def accepted_once_but_for_the_unknown(self) -> None:
        assert self.accepted <= 1

    @invariant()
    def a_parked_message_was_maybe_sent_once(self) -> None:
        if self.row.channel in PARKING_CHANNELS and self.row.state in OPEN:
            assert self.unknown == 0

    @invariant()
    def there_is_a_way_on(self) -> None:
        assert TRANSITIONS[self.row.state] or self.row.state is S.ACKED


TestDeliveryLife = DeliveryLife.TestCase
