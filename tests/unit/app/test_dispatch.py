"""What an operator sets is what the dispatcher does."""

from __future__ import annotations

import pytest

from notify_grpc.app.dispatch import make_dispatch_settings
from notify_grpc.core.dispatch import DispatchSettings
from notify_grpc.domain.backoff import MAX_CLAIMS
from notify_grpc.domain.models import EXTERNAL_CHANNELS, Channel
from tests.unit.app.conftest import settings


def test_by_default_everything_is_as_the_core_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_dispatch_settings(settings(monkeypatch)) == DispatchSettings()


def test_every_variable_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_dispatch_settings(
        settings(
            monkeypatch,
            DISPATCH_CONCURRENCY="4",
            DISPATCH_LEASE="2m",
            DISPATCH_POLL_INTERVAL="500ms",
            DISPATCH_BREAKER_FAILURES="3",
            DISPATCH_BREAKER_MAX_PAUSE="1m",
            SHUTDOWN_TIMEOUT="6s",
        )
    )

    assert (made.concurrency, made.lease_s, made.poll_s) == (4, 120, 0.5)
    assert (made.breaker_failures, made.breaker_max_open_s, made.drain_s) == (3, 60, 2)


@pytest.mark.parametrize("channel", EXTERNAL_CHANNELS)
def test_each_channel_has_waits_of_its_own(monkeypatch: pytest.MonkeyPatch, channel: Channel) -> None:
    variable = f"{channel.value.replace('_', '').upper()}_RETRY_WAITS"
    before = DispatchSettings().schedules

    made = make_dispatch_settings(settings(monkeypatch, **{variable: "2s, 1m"})).schedules

    assert (made[channel].waits_s, made[channel].max_failures) == ((2, 60), 3)
    assert made[channel].full_jitter == before[channel].full_jitter
    assert {c: s for c, s in made.items() if c is not channel} == {c: before[c] for c in before if c is not channel}


def test_none_means_one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_dispatch_settings(settings(monkeypatch, SMS_RETRY_WAITS="none"))

    assert made.schedules[Channel.SMS].max_failures == 1


def test_as_many_waits_as_there_may_be_end_before_a_row_is_buried(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_dispatch_settings(settings(monkeypatch, SMS_RETRY_WAITS=",".join(["1s"] * (MAX_CLAIMS - 2))))

    assert made.schedules[Channel.SMS].max_failures < MAX_CLAIMS
