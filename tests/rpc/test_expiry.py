"""FAULTS 30: a token that ends while its stream is open."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import jwt
import pytest
from notify.v1 import client_service_pb2 as pb
from notify.v1 import internal_service_pb2 as internal_pb

from notify_grpc.auth.jwt import JwtAuthenticator, SecretKey
from notify_grpc.core.realtime.registry import RealtimeSettings
from notify_grpc.domain.models import UserKey
from tests.rpc.service import PRODUCER, Metadata, Service, Stream, bearer, end_of, read_until, refusal, running_service
from tests.support.clock import ManualClock
from tests.support.waiting import eventually

SECRET = "a secret of thirty-two bytes, at least"
LEEWAY_S = 30
ANN = UserKey("acme", "ann")


@pytest.fixture
def clock() -> ManualClock:
    """Begins now, so that tokens checked by the machine's clock are good, and moves only when told."""
    return ManualClock(time.time_ns() // 1_000_000)


@pytest.fixture
async def service(clock: ManualClock) -> AsyncIterator[Service]:
    """A running service that takes JWTs."""
    async with running_service(clock=clock, client_auth=JwtAuthenticator(SecretKey(SECRET))) as service:
        yield service


def token(ends_in_s: float, user: str = "ann") -> Metadata:
    claims = {"sub": user, "tenant": "acme", "exp": int(time.time() + ends_in_s)}
    return bearer(jwt.encode(claims, SECRET, algorithm="HS256"))


async def test_the_stream_is_warned_and_then_ends_as_unauthenticated(service: Service, clock: ManualClock) -> None:
    stream, _ = await service.listen(token(600))
    await clock.advance(600 + LEEWAY_S - 60 + 2)
    warning = (await read_until(stream, "auth_expiring"))[-1]
    assert warning.auth_expiring.expires_at_ms == pytest.approx(clock.now_ms() + 58_000, abs=3_000)
    assert len(service.notifier.sessions) == 1
    await clock.advance(60)
    code, details = await end_of(stream)
    assert (code, details) == (grpc.StatusCode.UNAUTHENTICATED, "the token has expired")


async def test_a_refreshed_stream_stays_open(service: Service, clock: ManualClock) -> None:
    stream, [hello, _] = await service.listen(token(600))
    await clock.advance(600)
    await read_until(stream, "auth_expiring")
    fresh = token(1_800)
    request = pb.RefreshStreamRequest(session_id=hello.session_id)
    refreshed = await service.client.RefreshStream(request, metadata=fresh)
    assert refreshed.expires_at_ms == pytest.approx(clock.now_ms() + (1_200 + LEEWAY_S) * 1_000, abs=3_000)
    await clock.advance(600)
    await service.notify("n", "ann")
    assert await read_until(stream, "notification")
    await clock.advance(600 + LEEWAY_S + 2)
    assert (await end_of(stream))[0] is grpc.StatusCode.UNAUTHENTICATED


async def test_a_fresh_token_resumes_where_the_old_one_ended(service: Service, clock: ManualClock) -> None:
    stream, events = await service.listen(token(600))
    await clock.advance(600 + LEEWAY_S + 2)
    await end_of(stream)
    await service.notify("missed", "ann")
    again, events = await service.listen(token(3_600), resume_after=events[-1].cursor)
    assert [e.notification.notification.notification_id for e in events if e.HasField("notification")] == ["missed"]
    again.cancel()


@asynccontextmanager
async def with_a_stalled_reader(
    clock: ManualClock, realtime: RealtimeSettings
) -> AsyncIterator[tuple[Service, Stream]]:
    """A service, and ann's only stream, whose reader stopped reading while much was sent to it."""
    keys = JwtAuthenticator(SecretKey(SECRET))
    async with running_service(clock=clock, client_auth=keys, realtime=realtime) as service:
        stalled, _ = await service.listen(token(600))
        for i in range(600):
            await service.notify(f"n{i}", "ann", body="x" * 20_000)
        [session] = service.notifier.sessions.sessions_of(ANN)
        assert session.behind, "its writer waits for the reader"
        yield service, stalled
        stalled.cancel()


async def test_a_reader_that_stalled_keeps_no_slot_beyond_its_token(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with with_a_stalled_reader(clock, RealtimeSettings(max_sessions_per_user=1)) as (service, stalled):
        await clock.advance(600 + LEEWAY_S + 2)

        assert len(service.notifier.sessions) == 0
        asked = internal_pb.GetPresenceRequest(tenant_id="acme", user_ids=["ann"])
        [presence] = (await service.internal.GetPresence(asked, metadata=PRODUCER)).users
        assert presence.sessions == 0
        another, _ = await service.listen(token(3_600))

        assert await end_of(stalled) == (grpc.StatusCode.UNAUTHENTICATED, "the token has expired")
        await service.notify("live", "ann")
        assert await read_until(another, "notification")
        another.cancel()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_nor_beyond_the_life_of_its_stream(clock: ManualClock) -> None:
    async with with_a_stalled_reader(clock, RealtimeSettings(max_lifetime_s=100)) as (service, stalled):
        [session] = service.notifier.sessions.sessions_of(ANN)
        await clock.advance(session.reconnect_at - clock.monotonic() + 2)
        assert len(service.notifier.sessions) == 1, "it may be slow, and is given a while"
        await clock.advance(10)

        assert len(service.notifier.sessions) == 0
        assert await end_of(stalled) == (grpc.StatusCode.UNAVAILABLE, "reconnect")


async def test_a_stalled_reader_that_goes_before_it_is_told_the_end_is_no_error(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with with_a_stalled_reader(clock, RealtimeSettings()) as (service, stalled):
        [session] = service.notifier.sessions.sessions_of(ANN)
        await clock.advance(600 + LEEWAY_S + 2)
        await eventually(lambda: session.interrupt is None)
        stalled.cancel()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_another_users_token_refreshes_nothing(service: Service, clock: ManualClock) -> None:
    stream, [hello, _] = await service.listen(token(600))
    request = pb.RefreshStreamRequest(session_id=hello.session_id)
    error = await refusal(service.client.RefreshStream(request, metadata=token(9_999, user="ben")))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    await clock.advance(600 + LEEWAY_S + 2)
    assert (await end_of(stream))[0] is grpc.StatusCode.UNAUTHENTICATED


async def test_an_expired_token_opens_nothing(service: Service) -> None:
    error = await refusal(service.client.GetNotifications(pb.GetNotificationsRequest(), metadata=token(-60)))
    assert (error.code(), error.details()) == (grpc.StatusCode.UNAUTHENTICATED, "the token has expired")
