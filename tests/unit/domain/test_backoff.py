"""When a failed delivery is tried again."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify_grpc.domain.backoff import MAX_CLAIMS, SCHEDULES, Schedule
from notify_grpc.domain.models import EXTERNAL_CHANNELS, Channel

SCHEDULE = st.sampled_from(list(SCHEDULES.values()))


def test_every_external_channel_has_a_schedule() -> None:
    assert set(SCHEDULES) == set(EXTERNAL_CHANNELS)


def test_email_is_tried_for_most_of_a_day() -> None:
    assert SCHEDULES[Channel.EMAIL].waits_s == (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600)


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.WHATSAPP])
def test_a_text_message_is_tried_three_times_within_ten_minutes(channel: Channel) -> None:
    schedule = SCHEDULES[channel]
    assert schedule.max_failures == 3
    assert sum(schedule.waits_s) * 1.1 <= 600


@pytest.mark.parametrize("channel", [Channel.WEB_PUSH, Channel.MOBILE_PUSH])
def test_push_doubles_from_a_second_to_five_minutes(channel: Channel) -> None:
    waits = SCHEDULES[channel].waits_s
    assert waits[:3] == (1, 2, 4)
    assert max(waits) == waits[-1] == 300
    assert SCHEDULES[channel].full_jitter


@given(SCHEDULE, st.integers(1, 100), st.integers())
def test_failures_are_bounded(schedule: Schedule, failures: int, seed: int) -> None:
    wait = schedule.wait_s(failures, Random(seed))
    assert (wait is None) == (failures >= schedule.max_failures)


@given(SCHEDULE, st.data(), st.integers())
def test_a_wait_is_near_its_schedule(schedule: Schedule, data: st.DataObject, seed: int) -> None:
    failures = data.draw(st.integers(1, len(schedule.waits_s)))
    nominal = schedule.waits_s[failures - 1]
    wait = schedule.wait_s(failures, Random(seed))
    assert wait is not None
    low, high = (0.0, nominal) if schedule.full_jitter else (nominal * 0.9, nominal * 1.1)
    assert low <= wait <= high


@pytest.mark.parametrize("channel", EXTERNAL_CHANNELS)
def test_waits_are_spread(channel: Channel) -> None:
    random = Random(1)
    assert len({SCHEDULES[channel].wait_s(1, random) for _ in range(10)}) == 10


def test_the_cap_on_claims_is_above_every_schedule() -> None:
    assert max(schedule.max_failures for schedule in SCHEDULES.values()) < MAX_CLAIMS
