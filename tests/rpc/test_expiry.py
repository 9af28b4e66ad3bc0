"""FAULTS 30: a token that ends while its stream is open."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import grpc
import jwt
import pytest
from notify.v1 import client_service_pb2 as pb

from notify_grpc.auth.jwt import JwtAuthenticator, SecretKey
from tests.rpc.service import Metadata, Service, bearer, end_of, read_until, refusal, running_service
from tests.support.clock import ManualClock

SECRET = "a secret of thirty-two bytes, at least"
LEEWAY_S = 30


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
