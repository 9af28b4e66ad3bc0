"""The states of a delivery, and targets."""

from __future__ import annotations

from itertools import product

import pytest

from notify_grpc.domain.deliveries import (
    HELD,
    OPEN,
    PARKING_CHANNELS,
    RETRYABLE_BY_OPERATOR,
    TRANSITIONS,
    WAITING,
    Delivery,
    DeliveryState,
    Job,
    Lease,
    Target,
    device_target,
    may,
    token_of,
)
from notify_grpc.domain.models import Channel, Content, Device, DeviceType

S = DeliveryState
WAYS = {
    S.PENDING: "leased expired cancelled",
    S.LEASED: "sending pending retry failed expired cancelled",
    S.SENDING: "delivered retry failed parked expired acked",
    S.RETRY: "leased expired cancelled failed",
    S.DELIVERED: "acked failed",
    S.ACKED: "",
    S.FAILED: "pending",
    S.PARKED: "pending delivered acked failed",
    S.EXPIRED: "pending",
    S.CANCELLED: "pending",
}
"""Written down a second time, so that a change of the table is a decision."""


@pytest.mark.parametrize(("before", "after"), list(product(S, S)))
def test_a_delivery_may_go_only_these_ways(before: S, after: S) -> None:
    assert may(before, after) == (after in WAYS[before].split())


def test_every_state_has_its_ways() -> None:
    assert set(TRANSITIONS) == set(S)


def test_only_acked_is_the_end_for_good() -> None:
    assert [state for state in S if not TRANSITIONS[state]] == [S.ACKED]


def test_what_an_operator_may_retry_becomes_pending() -> None:
    assert {state for state in S if may(state, S.PENDING)} == RETRYABLE_BY_OPERATOR | {S.LEASED}


def test_every_open_state_can_be_worked_to_an_end() -> None:
    for start in OPEN:
        reached, edge = {start}, {start}
        while edge:
            edge = {after for state in edge if state in OPEN for after in TRANSITIONS[state]} - reached
            reached |= edge
        assert {S.DELIVERED, S.FAILED, S.EXPIRED} <= reached


def test_states_are_waiting_held_or_at_rest() -> None:
    assert WAITING.isdisjoint(HELD)
    assert OPEN == WAITING | HELD
    assert OPEN.isdisjoint(RETRYABLE_BY_OPERATOR)
    assert set(S) - OPEN - RETRYABLE_BY_OPERATOR == {S.DELIVERED, S.ACKED}


def test_only_messages_that_cost_money_are_parked() -> None:
    assert {Channel.SMS, Channel.WHATSAPP} == PARKING_CHANNELS


@pytest.mark.parametrize(
    ("device_type", "target"),
    [
        (DeviceType.BROWSER, Target(Channel.WEB_PUSH, "t:1")),
        (DeviceType.ANDROID, Target(Channel.MOBILE_PUSH, "android:t:1")),
        (DeviceType.IOS, Target(Channel.MOBILE_PUSH, "ios:t:1")),
    ],
)
def test_a_devices_target_leads_back_to_its_token(device_type: DeviceType, target: Target) -> None:
    assert device_target(Device(device_type, "d", "t:1")) == target
    assert token_of(target) == "t:1"


@pytest.mark.parametrize(
    "target",
    [
        Target(Channel.MOBILE_PUSH, "bare"),
        Target(Channel.MOBILE_PUSH, "desktop:x"),
        Target(Channel.WEB_PUSH, "ios:x"),
        Target(Channel.EMAIL, "android:x"),
    ],
)
def test_a_target_without_a_platform_is_its_token(target: Target) -> None:
    assert token_of(target) == target.address


def test_a_job_is_held_under_its_deliverys_fence() -> None:
    delivery = Delivery("d", "t", "u", "r", "n", Channel.SMS, "+1", S.LEASED, 1, 1, fence=7)
    assert Job(delivery, Content()).lease == Lease("d", 7)
