"""The webhook sink: Standard Webhooks signatures, retries, a bound, and a short drain at the end."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator

import pytest

from notify_grpc.channels.webhook import RETRIES, WebhookSettings, WebhookSink, signatures, signing_key
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.ports.events import ServiceEvent
from tests.support.clock import ManualClock
from tests.support.scripted_http import Hang, Received, Reply, Reset, ScriptedServer
from tests.support.waiting import eventually

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEXT_SECRET = "whsec_bmV4dC1zZWNyZXQtb2YtMjQtYnl0ZXM="
EVENT = ServiceEvent(
    "delivery.failed", 1_750_000_000_123, "acme", "alice", "order-1", {"error_code": "550", "failures": 2}
)

WAITS_S = [wait_s * 1.1 for wait_s in RETRIES.waits_s]
"""The longest each wait can get by its jitter."""


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        yield server


@pytest.fixture
async def sink(server: ScriptedServer, clock: ManualClock) -> AsyncIterator[WebhookSink]:
    settings = WebhookSettings(f"{server.url}/hook", (SECRET, NEXT_SECRET), timeout_s=0.3, drain_s=0.2)
    sink = WebhookSink(settings, clock=clock)
    await sink.open()
    yield sink
    await sink.close()


def verifies(request: Received, secret: str) -> bool:
    """As a receiver does it, by the scheme's text."""
    key = b64decode(secret.removeprefix("whsec_"))
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    expected = "v1," + b64encode(hmac.new(key, signed, "sha256").digest()).decode()
    return expected in request.headers["webhook-signature"].split(" ")


def test_the_schemes_published_example() -> None:
    signed = signatures([signing_key(SECRET)], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_an_event_arrives_signed_with_every_secret(sink: WebhookSink, server: ScriptedServer) -> None:
    sink.publish(EVENT)
    await server.received()
    [request] = server.ledger
    assert (request.method, request.path) == ("POST", "/hook")
    assert verifies(request, SECRET)
    assert verifies(request, NEXT_SECRET)
    assert not verifies(request, "whsec_c29tZWJvZHkgZWxzZSdz")
    body = json.loads(request.body)
    assert body.pop("id") == request.headers["webhook-id"]
    assert body == {
        "type": "delivery.failed",
        "timestamp": "2025-06-15T15:06:40.123Z",
        "data": {
            "tenant_id": "acme",
            "user_id": "alice",
            "notification_id": "order-1",
            "error_code": "550",
            "failures": 2,
        },
    }


async def test_a_failed_event_is_sent_again_under_the_same_id(
    sink: WebhookSink, server: ScriptedServer, clock: ManualClock
) -> None:
    server.script(Reply(500), Reset(), Reply(200))
    sink.publish(EVENT)
    for count, wait_s in enumerate(WAITS_S[:2], 1):
        await server.received(count)
        await clock.until_sleeping()
        await clock.advance(wait_s)
    await server.received(3)
    assert len({request.headers["webhook-id"] for request in server.ledger}) == 1
    assert sink.dropped == 0


async def test_retry_after_is_kept_to(sink: WebhookSink, server: ScriptedServer, clock: ManualClock) -> None:
    server.script(Reply(429, headers={"retry-after": "100"}), Reply(200))
    sink.publish(EVENT)
    await server.received()
    await clock.until_sleeping()
    await clock.advance(99)
    assert (len(server.ledger), clock.sleeping) == (1, 1)
    await clock.advance(1)
    await server.received(2)


async def test_after_its_last_retry_an_event_is_dropped_and_counted(
    sink: WebhookSink, server: ScriptedServer, clock: ManualClock
) -> None:
    server.script(Reply(500))
    sink.publish(EVENT)
    for wait_s in WAITS_S:
        await clock.until_sleeping()
        await clock.advance(wait_s)
    await eventually(lambda: sink.dropped == 1)
    assert len(server.ledger) == 6


async def test_one_slow_answer_does_not_stop_the_others(sink: WebhookSink, server: ScriptedServer) -> None:
    server.script(Hang(), Reply(200))
    for _ in range(3):
        sink.publish(EVENT)
    await server.received(3)


async def test_what_does_not_fit_is_dropped_and_counted(server: ScriptedServer) -> None:
    sink = WebhookSink(WebhookSettings(server.url, (SECRET,)))
    for _ in range(10_003):
        sink.publish(EVENT)
    assert sink.dropped == 3


async def test_close_sends_what_waits(server: ScriptedServer) -> None:
    sink = WebhookSink(WebhookSettings(server.url, (SECRET,)))
    await sink.open()
    for _ in range(20):
        sink.publish(EVENT)
    await sink.close()
    await sink.close()
    assert (len(server.ledger), sink.dropped) == (20, 0)


async def test_close_does_not_wait_for_ever(sink: WebhookSink, server: ScriptedServer) -> None:
    server.script(Reply(500))
    for _ in range(3):
        sink.publish(EVENT)
    await server.received(3)
    await sink.close()
    assert sink.dropped == 3


async def test_close_before_open(server: ScriptedServer) -> None:
    await WebhookSink(WebhookSettings(server.url, (SECRET,))).close()


async def test_one_attempt_has_a_receipt(sink: WebhookSink, server: ScriptedServer) -> None:
    assert (await sink.send({"id": "evt-1"})).message_id == "evt-1"
    server.script(Reply(410))
    assert (await sink.send({"id": "evt-1"})).error_class is ErrorClass.PERMANENT
    server.script(Hang())
    assert (await sink.send({"id": "evt-1"})).error_class is ErrorClass.UNKNOWN_OUTCOME


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!s3cret", "plain s3cret"])
def test_a_secret_that_is_none_is_refused_unquoted(secret: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        signing_key(secret)
    assert "s3cret" not in str(refused.value)


def test_settings_do_not_show_their_secrets() -> None:
    assert SECRET not in repr(WebhookSettings("https://x", (SECRET,)))
