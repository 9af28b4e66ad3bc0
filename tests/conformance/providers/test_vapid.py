"""Web push passes the suite, and the test reads it as a browser would: it checks the VAPID token and decrypts."""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import dataclass

import http_ece
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

from notify_grpc.channels.subscriptions import parse_subscription
from notify_grpc.channels.vapid import VapidProvider, VapidSettings
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.provider import Message, Provider
from tests.conformance.provider import HttpProviderSuite, Refusal, message
from tests.conformance.provider.backend import Backend
from tests.support.clock import ManualClock
from tests.support.keys import base64url, p256, point_of
from tests.support.scripted_http import Received, Reply, ScriptedServer

SERVER_KEY = p256()
PRIVATE = base64url(SERVER_KEY.private_numbers().private_value.to_bytes(32, "big"))
PUBLIC = base64url(point_of(SERVER_KEY))
PATH = "/push/a-capability"


@dataclass(frozen=True)
class Browser:
    """A user agent with one subscription."""

    key = p256()
    auth = b"sixteen bytes ok"

    def subscription(self, endpoint: str) -> str:
        keys = {"p256dh": base64url(point_of(self.key)), "auth": base64url(self.auth)}
        return json.dumps({"endpoint": endpoint, "expirationTime": None, "keys": keys})

    def read(self, request: Received) -> dict[str, object]:
        """RFC 8291 §4."""
        assert request.headers["content-encoding"] == "aes128gcm"
        plain = http_ece.decrypt(request.body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        value: dict[str, object] = json.loads(plain)
        return value


BROWSER = Browser()


def vapid_claims(request: Received, audience: str) -> dict[str, object]:
    """RFC 8292 §3: the token verifies with the key sent beside it, which is the one the browser subscribed with."""
    scheme, _, parameters = request.headers["authorization"].partition(" ")
    values = dict(part.strip().split("=", 1) for part in parameters.split(","))
    assert (scheme, values["k"]) == ("vapid", PUBLIC)
    key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point_of(SERVER_KEY))
    claims: dict[str, object] = jwt.decode(
        values["t"], key, ["ES256"], audience=audience, options={"verify_exp": False}
    )
    return claims


class TestVapid(HttpProviderSuite):
    channel = Channel.WEB_PUSH
    target = ""
    secret_values = (PRIVATE, PATH, base64url(Browser.auth))
    accepted = Reply(201, headers={"location": "https://push.example/m/1"})
    accepted_id = "https://push.example/m/1"
    reads_body = False
    credentials_refused_as = ErrorClass.PERMANENT
    check_passed_with = None
    refusals = (
        Refusal(Reply(404), ErrorClass.TARGET_GONE, "http_404"),
        Refusal(Reply(410), ErrorClass.TARGET_GONE, "http_410"),
        Refusal(Reply(413), ErrorClass.PERMANENT, "http_413"),
        Refusal(Reply(429), ErrorClass.RATE_LIMITED, "http_429"),
    )

    def make(self, url: str, clock: ManualClock, timeout_s: float) -> Provider:
        settings = VapidSettings(PUBLIC, PRIVATE, "mailto:ops@example.com", timeout_s=timeout_s)
        return VapidProvider(settings, clock=clock, allow_loopback=True)

    @pytest.fixture
    def sent(self, server: ScriptedServer) -> Message:
        return message(self.channel, BROWSER.subscription(server.url + PATH))

    async def test_a_browser_can_read_it(
        self, provider: Provider, sent: Message, server: ScriptedServer, clock: ManualClock
    ) -> None:
        await provider.send(sent)
        [request] = server.sends
        assert (request.method, request.path) == ("POST", PATH)
        assert BROWSER.read(request) == {
            "title": "Your order",
            "body": "It is on its way.",
            "data": {"notification_id": "order-1", "subject_ref": "orders/1", "subject_type": "order"},
        }
        assert vapid_claims(request, server.url) == {
            "aud": server.url,
            "exp": clock.now_ms() // 1000 + 12 * 3600,
            "sub": "mailto:ops@example.com",
        }

    async def test_ttl_urgency_and_topic(self, provider: Provider, server: ScriptedServer) -> None:
        target = BROWSER.subscription(server.url + PATH)
        await provider.send(message(self.channel, target, ttl_s=60))
        await provider.send(message(self.channel, target, Content("Hi", data={"urgency": "high"})))
        await provider.send(message(self.channel, target, Content("Hi", data={"urgency": "no\r\nsuch"})))
        headers = [request.headers for request in server.sends]
        assert [values["ttl"] for values in headers] == ["60", "2419200", "2419200"]
        assert [values["urgency"] for values in headers] == ["normal", "high", "normal"]
        assert {len(values["topic"]) for values in headers} == {32}
        assert len({values["topic"] for values in headers}) == 1

    async def test_no_two_messages_share_a_key_or_a_salt(
        self, provider: Provider, sent: Message, server: ScriptedServer
    ) -> None:
        await provider.send(sent)
        await provider.send(sent)
        assert len({request.body[:16] for request in server.sends}) == 2
        assert len({request.body[21:86] for request in server.sends}) == 2

    async def test_a_long_body_is_cut_to_what_a_push_service_takes(
        self, provider: Provider, server: ScriptedServer
    ) -> None:
        target = BROWSER.subscription(server.url + PATH)
        await provider.send(message(self.channel, target, Content("Hi", '"ü' * 50_000)))
        [request] = server.sends
        assert 4090 < len(request.body) <= 4096
        assert str(BROWSER.read(request)["body"]).endswith("…")

    async def test_data_that_cannot_fit_is_permanent_and_unsent(
        self, provider: Provider, server: ScriptedServer
    ) -> None:
        target = BROWSER.subscription(server.url + PATH)
        receipt = await provider.send(message(self.channel, target, Content("Hi", data={"blob": "x" * 5000})))
        assert (receipt.error_class, receipt.error_code) == (ErrorClass.PERMANENT, "payload_too_large")
        assert server.sends == []

    async def test_a_private_address_is_refused_when_connecting(
        self, sent: Message, backend: Backend, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The name is public, what it resolves to is not: DNS rebinding."""
        provider = VapidProvider(VapidSettings(PUBLIC, PRIVATE, timeout_s=5), clock=clock)
        await provider.open()
        for address in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00::1"):
            resolve_to(monkeypatch, "203.0.114.7", address)
            target = BROWSER.subscription("https://push.example.org/x")
            receipt = await provider.send(message(self.channel, target))
            assert (receipt.error_class, receipt.error_code) == (ErrorClass.PERMANENT, "forbidden_address"), address
        await provider.close()


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    async def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.org/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://10.1.2.3/x",
        "https://169.254.169.254/latest",
        "https://[::ffff:192.168.0.1]/x",
        "https://[64:ff9b::a00:1]/x",
        "https://[2002:a00:1::]/x",
        "https://localhost/x",
        "https://metadata.internal/x",
        "https://push.localhost./x",
        "https://user:secret@push.example.org/x",
        "https://push.example.org\r\nx: y/",
        "https://push.example.org:notaport/",
        "ftp://push.example.org/x",
        "https:///x",
        "",
        7,
    ],
)
def test_endpoints_that_are_refused(endpoint: object) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        parse_subscription(json.dumps(json.loads(BROWSER.subscription("")) | {"endpoint": endpoint}))


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"p256dh": base64url(point_of(BROWSER.key)), "auth": "short"},
        {"p256dh": base64url(b"\4" + b"\1" * 64), "auth": base64url(Browser.auth)},
        {"p256dh": "!", "auth": base64url(Browser.auth)},
        {"p256dh": 1, "auth": None},
        [],
    ],
)
def test_keys_that_are_refused(keys: object) -> None:
    with pytest.raises(ValueError, match=r"is not a push subscription|no P-256 point"):
        parse_subscription(json.dumps({"endpoint": "https://push.example.org/x", "keys": keys}))


def test_a_browsers_subscription_is_taken() -> None:
    subscription = parse_subscription(BROWSER.subscription("https://push.example.org/x?y=z"))
    assert subscription.origin == "https://push.example.org"
    assert "push.example.org" not in repr(subscription)


@pytest.mark.parametrize(
    ("public", "private"),
    [(PUBLIC, "AAAA"), (PUBLIC, "!"), (base64url(point_of(p256())), PRIVATE)],
    ids=["short", "no base64", "other"],
)
def test_keys_that_do_not_belong_together(public: str, private: str) -> None:
    with pytest.raises(InvalidArgument, match="vapid"):
        VapidProvider(VapidSettings(public, private))
