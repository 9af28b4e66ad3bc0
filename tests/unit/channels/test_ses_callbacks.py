"""SES events through SNS: signed by a certificate of SNS, for a topic of ours."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from notify_grpc.channels.callbacks.ses import SesCallbacks
from notify_grpc.channels.callbacks.sns_messages import is_sns_url
from notify_grpc.channels.http import HttpClient
from notify_grpc.domain.deliveries import DeliveryState, ErrorClass
from notify_grpc.domain.errors import Unauthenticated, Unavailable
from notify_grpc.ports.store import Report
from tests.support.keys import certificate_for, p256
from tests.support.scripted_http import Reply, ScriptedServer

KEY = rsa.generate_private_key(65537, 2048)
CERTIFICATE = certificate_for(KEY).public_bytes(Encoding.PEM)
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"
SUBSCRIBE_URL = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
TOPIC = "arn:aws:sns:eu-west-1:1:mail-events"
DELIVERY_ID = "0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"


class _ToLoopback(httpx.AsyncHTTPTransport):
    """Amazon's hosts cannot be had on loopback: every request goes to one server there."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port)
        return await super().handle_async_request(request)


class Sns:
    """What the callbacks fetch from SNS, and what SNS sends them."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.server.script(Reply(200, CERTIFICATE))
        self.transport = _ToLoopback(server.port)

    @property
    def fetched(self) -> list[str]:
        return self.transport.asked

    def body(self, event: object = None, *, version: str = "2", **changed: str) -> bytes:
        message = {
            "Type": "Notification",
            "MessageId": "1",
            "TopicArn": TOPIC,
            "Message": event if isinstance(event, str) else json.dumps(event),
            "Timestamp": "2026-11-29T00:00:00Z",
            "SignatureVersion": version,
            "SigningCertURL": CERTIFICATE_URL,
            **changed,
        }
        names: tuple[str, ...] = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
        if message["Type"] != "Notification":
            names = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
        signed = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
        algorithm = SHA256() if version == "2" else SHA1()
        message["Signature"] = b64encode(KEY.sign(signed.encode(), PKCS1v15(), algorithm)).decode()
        return json.dumps(message).encode()


@pytest.fixture
async def sns() -> AsyncIterator[Sns]:
    async with ScriptedServer() as server:
        yield Sns(server)


@pytest.fixture
async def callbacks(sns: Sns) -> AsyncIterator[SesCallbacks]:
    callbacks = SesCallbacks(frozenset({TOPIC}), HttpClient(make_transport=lambda: sns.transport))
    await callbacks.open()
    yield callbacks
    await callbacks.close()


def event(kind: str, **more: object) -> dict[str, object]:
    return {"eventType": kind, "mail": {"messageId": "m-1", "tags": {"delivery_id": [DELIVERY_ID]}}, **more}


async def test_the_reports(callbacks: SesCallbacks, sns: Sns) -> None:
    error = "ses reported: not delivered"
    acked = Report(DeliveryState.ACKED, "ses", "m-1", DELIVERY_ID)
    failed = Report(DeliveryState.FAILED, "ses", "m-1", DELIVERY_ID, ErrorClass.PERMANENT, "Permanent", error)
    for sent, reports in (
        (event("Send"), []),
        (event("Delivery"), [acked]),
        (event("Open"), [acked]),
        (event("Bounce", bounce={"bounceType": "Permanent"}), [failed]),
        (
            event("Bounce", bounce={"bounceType": "Transient"}),
            [failed._replace(error_class=ErrorClass.TRANSIENT, error_code="Transient")],
        ),
        (event("Reject"), [failed._replace(error_code="Reject")]),
        ({"eventType": "Delivery"}, []),
        ([], []),
        ("no json", []),
    ):
        for version in ("1", "2"):
            assert await callbacks.verify_and_parse({}, "", sns.body(sent, version=version)) == reports, sent


async def test_a_certificate_is_fetched_once(callbacks: SesCallbacks, sns: Sns) -> None:
    for _ in range(3):
        await callbacks.verify_and_parse({}, "", sns.body(event("Delivery")))
    assert sns.fetched == [CERTIFICATE_URL]


async def test_a_subscription_to_our_topic_is_confirmed(callbacks: SesCallbacks, sns: Sns) -> None:
    confirmation = {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": SUBSCRIBE_URL}
    assert await callbacks.verify_and_parse({}, "", sns.body("Confirm?", **confirmation)) == []
    assert sns.fetched == [CERTIFICATE_URL, SUBSCRIBE_URL]


@pytest.mark.parametrize(
    "changed",
    [
        {"SigningCertURL": "https://evil.example/SimpleNotificationService-1.pem"},
        {"SigningCertURL": "http://sns.eu-west-1.amazonaws.com/x.pem"},
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com/x.txt"},
        {"TopicArn": "arn:aws:sns:eu-west-1:666:mail-events"},
        {"Type": "Other"},
        {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": "https://10.0.0.1/"},
    ],
)
async def test_what_sns_did_not_send_us_is_refused(callbacks: SesCallbacks, sns: Sns, changed: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated):
        await callbacks.verify_and_parse({}, "", sns.body(event("Delivery"), **changed))
    assert set(sns.fetched) <= {CERTIFICATE_URL}


async def test_a_changed_message_is_refused(callbacks: SesCallbacks, sns: Sns) -> None:
    body = sns.body(event("Delivery")).replace(b"Delivery", b"Open")
    with pytest.raises(Unauthenticated):
        await callbacks.verify_and_parse({}, "", body)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"TopicArn":"%s","Type":[]}' % TOPIC.encode()])
async def test_nonsense_is_refused(callbacks: SesCallbacks, sns: Sns, body: bytes) -> None:
    with pytest.raises(Unauthenticated):
        await callbacks.verify_and_parse({}, "", body)
    assert sns.fetched == []


async def test_a_certificate_that_cannot_be_had_is_no_verdict(callbacks: SesCallbacks, sns: Sns) -> None:
    sns.server.script(Reply(503))
    with pytest.raises(Unavailable):
        await callbacks.verify_and_parse({}, "", sns.body(event("Delivery")))
    elliptic = certificate_for(p256()).public_bytes(Encoding.PEM)
    for content in (b"no certificate", elliptic):
        sns.server.script(Reply(200, content))
        with pytest.raises(Unauthenticated):
            await callbacks.verify_and_parse({}, "", sns.body(event("Delivery")))


@pytest.mark.parametrize(
    ("url", "of_sns"),
    [
        ("https://sns.eu-west-1.amazonaws.com/x", True),
        ("https://sns.cn-north-1.amazonaws.com.cn/x", True),
        ("https://sns.eu-west-1.amazonaws.com.evil.example/x", False),
        ("https://sns.eu-west-1.amazonaws.com@evil.example/x", False),
        ("https://sns.eu-west-1.amazonaws.com:8443/x", False),
        ("https://sns..amazonaws.com/x", False),
        ("https://bucket.s3.amazonaws.com/sns.pem", False),
        ("https://[", False),
    ],
)
def test_addresses_of_sns(url: str, of_sns: bool) -> None:
    assert is_sns_url(url) is of_sns
