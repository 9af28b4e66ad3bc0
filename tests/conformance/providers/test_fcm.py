"""Firebase passes the suite; its OAuth server is a route of the same scripted server."""

from __future__ import annotations

import asyncio
import json
from typing import ClassVar
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from notify_grpc.channels.fcm import FcmProvider, FcmSettings
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.provider import Provider
from tests.conformance.provider import HttpProviderSuite, Refusal, message
from tests.support.clock import ManualClock
from tests.support.keys import pem_of
from tests.support.scripted_http import Hang, Received, Reply, ScriptedServer, Step

KEY = rsa.generate_private_key(65537, 2048)
TOKEN_PATH = "/token"
DEVICE = "cJ-device:APA91bF_token"
UNAUTHENTICATED = Reply(401, b'{"error":{"code":401,"status":"UNAUTHENTICATED"}}')


def credentials(url: str) -> str:
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "shop",
            "private_key_id": "k1",
            "private_key": pem_of(KEY),
            "client_email": "push@shop.iam.example",
            "token_uri": url + TOKEN_PATH,
        }
    )


def issued(token: str, lifetime_s: int = 3600) -> Reply:
    return Reply(200, json.dumps({"access_token": token, "expires_in": lifetime_s}).encode())


def refused(status: int, code: str, error_class: ErrorClass, status_text: str = "INVALID_ARGUMENT") -> Refusal:
    detail = {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}
    error = {"code": status, "message": "free text", "status": status_text, "details": [{"@type": "x"}, detail]}
    return Refusal(Reply(status, json.dumps({"error": error}).encode()), error_class, code)


class TestFcm(HttpProviderSuite):
    channel = Channel.MOBILE_PUSH
    target = f"android:{DEVICE}"
    secret_values = ("ya29.s3cret", DEVICE, "BEGIN PRIVATE KEY")
    accepted = Reply(200, b'{"name":"projects/shop/messages/1"}')
    accepted_id = "projects/shop/messages/1"
    routes: ClassVar = {TOKEN_PATH: issued("ya29.s3cret")}
    refusals = (
        refused(404, "UNREGISTERED", ErrorClass.TARGET_GONE, "NOT_FOUND"),
        refused(400, "INVALID_ARGUMENT", ErrorClass.PERMANENT),
        refused(403, "SENDER_ID_MISMATCH", ErrorClass.PERMANENT, "PERMISSION_DENIED"),
        refused(401, "THIRD_PARTY_AUTH_ERROR", ErrorClass.MISCONFIGURED, "UNAUTHENTICATED"),
        refused(429, "QUOTA_EXCEEDED", ErrorClass.RATE_LIMITED, "RESOURCE_EXHAUSTED"),
        refused(503, "UNAVAILABLE", ErrorClass.TRANSIENT, "UNAVAILABLE"),
        refused(500, "INTERNAL", ErrorClass.TRANSIENT, "INTERNAL"),
        Refusal(Reply(403, b'{"error":{"status":"PERMISSION_DENIED"}}'), ErrorClass.MISCONFIGURED, "PERMISSION_DENIED"),
        Refusal(Reply(404, b'{"error":{"status":"NOT_FOUND"}}'), ErrorClass.MISCONFIGURED, "NOT_FOUND"),
    )

    def make(self, url: str, clock: ManualClock, timeout_s: float) -> Provider:
        return FcmProvider(FcmSettings(credentials(url), base_url=url, timeout_s=timeout_s), clock=clock)

    async def test_the_request(self, provider: Provider, server: ScriptedServer) -> None:
        content = Content("Hi", "Text", data={"from": "reserved", "google.x": "reserved", "room": "7"})
        await provider.send(message(self.channel, self.target, content, ttl_s=60))
        [request] = server.sends
        assert request.path == "/v1/projects/shop/messages:send"
        assert request.headers["authorization"] == "Bearer ya29.s3cret"
        sent = json.loads(request.body)["message"]
        assert sent["token"] == DEVICE
        assert sent["notification"] == {"title": "Hi", "body": "Text"}
        assert sent["data"] == {"notification_id": "order-1", "room": "7"}
        assert (sent["android"]["priority"], sent["android"]["ttl"]) == ("HIGH", "60s")
        assert sent["apns"]["headers"]["apns-collapse-id"] == sent["android"]["notification"]["tag"]

    async def test_a_long_body_is_cut_to_what_fcm_takes(self, provider: Provider, server: ScriptedServer) -> None:
        await provider.send(message(self.channel, self.target, Content("Hi", "ü" * 50_000)))
        assert 4000 < len(server.sends[0].body) <= 4096

    async def test_the_grant_is_a_signed_assertion(self, provider: Provider, server: ScriptedServer) -> None:
        await provider.send(message(self.channel, self.target))
        grant = parse_qs(token_requests(server)[0].body.decode())
        assert grant["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        claims = jwt.decode(
            grant["assertion"][0],
            KEY.public_key(),
            ["RS256"],
            audience=server.url + TOKEN_PATH,
            options={"verify_exp": False, "verify_iat": False},
        )
        assert claims["iss"] == "push@shop.iam.example"
        assert claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
        assert claims["exp"] - claims["iat"] == 3600

    async def test_many_at_once_fetch_one_token(self, provider: Provider, server: ScriptedServer) -> None:
        await asyncio.gather(*(provider.send(message(self.channel, self.target)) for _ in range(20)))
        assert (len(token_requests(server)), len(server.sends)) == (1, 20)

    async def test_a_token_is_renewed_a_minute_before_it_ends(
        self, provider: Provider, server: ScriptedServer, clock: ManualClock
    ) -> None:
        for wait_s, fetched in ((0, 1), (3600 - 61, 1), (1, 2)):
            await clock.advance(wait_s)
            await provider.send(message(self.channel, self.target))
            assert len(token_requests(server)) == fetched

    async def test_a_refused_token_is_fetched_again_once(self, provider: Provider, server: ScriptedServer) -> None:
        server.script(UNAUTHENTICATED, self.accepted)
        assert (await provider.send(message(self.channel, self.target))).accepted
        assert len(token_requests(server)) == 2
        server.script(UNAUTHENTICATED)
        receipt = await provider.send(message(self.channel, self.target))
        assert (receipt.error_class, len(token_requests(server))) == (ErrorClass.MISCONFIGURED, 3)

    @pytest.mark.parametrize(
        ("step", "error_class", "code"),
        [
            (Reply(400, b'{"error":"invalid_grant"}'), ErrorClass.MISCONFIGURED, "oauth_invalid_grant"),
            (Reply(401), ErrorClass.MISCONFIGURED, "oauth_http_401"),
            (Reply(429), ErrorClass.RATE_LIMITED, "oauth_http_429"),
            (Reply(503), ErrorClass.TRANSIENT, "oauth_http_503"),
            (Reply(504), ErrorClass.TRANSIENT, "oauth_http_504"),
            (Reply(200, b"{"), ErrorClass.TRANSIENT, "oauth_unreadable"),
        ],
    )
    async def test_without_a_token_nothing_is_sent(
        self, provider: Provider, server: ScriptedServer, step: Step, error_class: ErrorClass, code: str
    ) -> None:
        server.route(TOKEN_PATH, step)
        receipt = await provider.send(message(self.channel, self.target))
        assert (receipt.error_class, receipt.error_code) == (error_class, code)
        assert server.sends == []

    async def test_whoever_waits_for_a_token_gives_up_in_time(
        self, impatient: Provider, server: ScriptedServer
    ) -> None:
        server.route(TOKEN_PATH, Hang())
        receipts = await asyncio.gather(*(impatient.send(message(self.channel, self.target)) for _ in range(5)))
        assert {(receipt.error_class, receipt.error_code) for receipt in receipts} == {
            (ErrorClass.TRANSIENT, "oauth_timeout")
        }
        assert server.sends == []

    async def test_check_validates_only(self, provider: Provider, server: ScriptedServer) -> None:
        assert await provider.check() is None
        assert json.loads(server.sends[0].body)["validate_only"] is True


def token_requests(server: ScriptedServer) -> list[Received]:
    return [request for request in server.ledger if request.path == TOKEN_PATH]


def test_a_project_has_to_come_from_somewhere() -> None:
    text = json.dumps(json.loads(credentials("https://x")) | {"project_id": ""})
    FcmProvider(FcmSettings(text, "shop"))
    with pytest.raises(InvalidArgument, match="project"):
        FcmProvider(FcmSettings(text))


def test_it_leaves_apples_devices_to_apns_when_told() -> None:
    everything = FcmProvider(FcmSettings(credentials("https://x")))
    android = FcmProvider(FcmSettings(credentials("https://x"), takes_ios=False))
    targets = ("android:x", "ios:x", "x")
    assert [everything.accepts(target) for target in targets] == [True, True, True]
    assert [android.accepts(target) for target in targets] == [True, False, True]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"client_email":"x","private_key":"s3cret"}', "s3cret"])
def test_credentials_that_are_none_are_refused_unquoted(text: str) -> None:
    with pytest.raises(InvalidArgument) as refused_credentials:
        FcmProvider(FcmSettings(text))
    assert "s3cret" not in str(refused_credentials.value)
