"""APNs passes the suite over HTTP/2, in clear with prior knowledge; over TLS it is tried below."""

from __future__ import annotations

import json
from pathlib import Path

import jwt
import pytest

from notify_grpc.channels.apns import ApnsProvider, ApnsSettings
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.provider import Provider
from tests.conformance.provider import HttpProviderSuite, Refusal, message
from tests.conformance.provider.making import DELIVERY_ID
from tests.support.clock import ManualClock
from tests.support.keys import loopback_tls, p256, pem_of
from tests.support.scripted_http import Received, Reply, ScriptedServer

KEY = p256()
TOKEN = "0123456789abcdef" * 4


def settings(url: str, timeout_s: float = 20.0) -> ApnsSettings:
    return ApnsSettings(
        pem_of(KEY), "KEY1", "TEAM1", "org.example.app", sandbox=True, base_url=url, timeout_s=timeout_s
    )


def refused(status: int, reason: str, error_class: ErrorClass) -> Refusal:
    return Refusal(Reply(status, json.dumps({"reason": reason}).encode()), error_class, reason)


def token_of(request: Received) -> str:
    return request.headers["authorization"].removeprefix("bearer ")


class TestApns(HttpProviderSuite):
    channel = Channel.MOBILE_PUSH
    target = f"ios:{TOKEN}"
    secret_values = (TOKEN, pem_of(KEY), "bearer")
    accepted = Reply(200, headers={"apns-id": DELIVERY_ID})
    accepted_id = DELIVERY_ID
    reads_body = False
    check_passed_with = Reply(400, b'{"reason":"BadDeviceToken"}')
    refusals = (
        refused(400, "BadDeviceToken", ErrorClass.PERMANENT),
        refused(400, "DeviceTokenNotForTopic", ErrorClass.PERMANENT),
        refused(400, "TopicDisallowed", ErrorClass.MISCONFIGURED),
        refused(403, "InvalidProviderToken", ErrorClass.MISCONFIGURED),
        refused(403, "ExpiredProviderToken", ErrorClass.MISCONFIGURED),
        refused(410, "Unregistered", ErrorClass.TARGET_GONE),
        refused(413, "PayloadTooLarge", ErrorClass.PERMANENT),
        refused(429, "TooManyRequests", ErrorClass.RATE_LIMITED),
        refused(503, "Shutdown", ErrorClass.TRANSIENT),
    )

    def make(self, url: str, clock: ManualClock, timeout_s: float) -> Provider:
        return ApnsProvider(settings(url, timeout_s), clock=clock)

    async def test_the_request(self, provider: Provider, server: ScriptedServer, clock: ManualClock) -> None:
        await provider.send(message(self.channel, self.target, Content("Hi", "Text", data={"aps": "x"}), ttl_s=60))
        [request] = server.sends
        assert (request.http_version, request.path) == ("HTTP/2", f"/3/device/{TOKEN}")
        assert request.headers["apns-id"] == DELIVERY_ID
        assert request.headers["apns-topic"] == "org.example.app"
        assert request.headers["apns-expiration"] == str(clock.now_ms() // 1000 + 60)
        assert len(request.headers["apns-collapse-id"]) == 32
        assert json.loads(request.body) == {
            "aps": {"alert": {"title": "Hi", "body": "Text"}, "sound": "default"},
            "notification_id": "order-1",
        }

    async def test_a_repeat_replaces_its_first_copy_and_a_collapse_key_an_older_message(
        self, provider: Provider, server: ScriptedServer
    ) -> None:
        other = "0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c"
        collapsing = Content("Hi", data={"collapse_key": "score"})
        for delivery_id, content in (
            (DELIVERY_ID, Content("Hi")),
            (DELIVERY_ID, Content("Hi")),
            (other, Content("Hi")),
            (DELIVERY_ID, collapsing),
            (other, collapsing),
        ):
            await provider.send(message(self.channel, self.target, content, delivery_id=delivery_id))
        first, repeat, second, *scores = (request.headers["apns-collapse-id"] for request in server.sends)
        assert first == repeat != second
        assert len(set(scores)) == 1

    async def test_one_token_for_45_minutes_then_another(
        self, provider: Provider, server: ScriptedServer, clock: ManualClock
    ) -> None:
        for wait_s in (0, 44 * 60, 2 * 60):
            await clock.advance(wait_s)
            await provider.send(message(self.channel, self.target))
        first, same, renewed = (token_of(request) for request in server.sends)
        assert first == same != renewed
        claims = jwt.decode(renewed, KEY.public_key(), ["ES256"], options={"verify_iat": False})
        assert claims == {"iss": "TEAM1", "iat": clock.now_ms() // 1000}
        assert jwt.get_unverified_header(renewed)["kid"] == "KEY1"

    async def test_an_expired_token_is_renewed_at_once_unless_it_is_young(
        self, provider: Provider, server: ScriptedServer, clock: ManualClock
    ) -> None:
        expired = Reply(403, b'{"reason":"ExpiredProviderToken"}')
        server.script(self.accepted, expired, expired, self.accepted)
        await provider.send(message(self.channel, self.target))
        receipt = await provider.send(message(self.channel, self.target))
        assert receipt.error_class is ErrorClass.MISCONFIGURED
        await clock.advance(21 * 60)
        assert (await provider.send(message(self.channel, self.target))).accepted
        assert len({token_of(request) for request in server.sends}) == 2

    async def test_a_bad_token_names_the_environment_it_was_tried_in(
        self, provider: Provider, server: ScriptedServer
    ) -> None:
        server.script(Reply(400, b'{"reason":"BadDeviceToken"}'))
        assert "sandbox" in (await provider.send(message(self.channel, self.target))).error

    def test_it_takes_only_apples_devices(self, unopened: Provider) -> None:
        assert not unopened.accepts(f"android:{TOKEN}")
        assert not unopened.accepts(TOKEN)


async def test_http2_is_agreed_on_over_tls(tmp_path: Path, clock: ManualClock) -> None:
    tls = loopback_tls(tmp_path, "h2", "http/1.1")
    async with ScriptedServer(tls=tls.server) as server:
        provider = ApnsProvider(settings(server.url), clock=clock, tls=tls.client)
        await provider.open()
        assert (await provider.send(message(Channel.MOBILE_PUSH, f"ios:{TOKEN}"))).accepted
        await provider.close()
        assert [request.http_version for request in server.sends] == ["HTTP/2"]


@pytest.mark.parametrize("key", ["", "not pem", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"])
def test_a_key_that_is_none_is_refused_unquoted(key: str) -> None:
    with pytest.raises(InvalidArgument) as refused_key:
        ApnsProvider(ApnsSettings(key))
    assert "MIIB" not in str(refused_key.value)
