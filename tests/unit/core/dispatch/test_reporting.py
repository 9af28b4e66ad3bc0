"""What operators see: metrics, events, spans and logs, without a body, a target or a token in any of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from notify_grpc.domain.deliveries import DeliveryState, ErrorClass
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Receipt
from notify_grpc.ports.telemetry import NO_ATTRIBUTES, Attributes
from tests.support.dispatching import CONTENT, TRACEPARENT, World
from tests.support.scripted_provider import ScriptedProvider
from tests.support.waiting import eventually

S = DeliveryState
E = ErrorClass
pytestmark = pytest.mark.parametrize("database", ["memory"], indirect=True)


class SpanRecorder:
    """A tracer that notes what was opened inside what."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, str, str, Attributes]] = []
        self._open: list[str] = []

    def span(
        self, name: str, *, kind: str = "internal", attributes: Attributes = NO_ATTRIBUTES
    ) -> AbstractContextManager[object]:
        return self._span(name, self._open[-1] if self._open else "", kind, attributes)

    def linked_span(
        self,
        name: str,
        traceparent: str,
        *,
        kind: str = "internal",
        attributes: Attributes = NO_ATTRIBUTES,
        remote_parent: bool = False,
    ) -> AbstractContextManager[object]:
        return self._span(name, traceparent if remote_parent else "", kind, attributes)

    def traceparent(self) -> str:
        return f"inside {self._open[-1]}" if self._open else ""

    @contextmanager
    def _span(self, name: str, parent: str, kind: str, attributes: Attributes) -> Iterator[None]:
        self.spans.append((name, parent, kind, attributes))
        self._open.append(name)
        yield
        self._open.pop()


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


async def test_every_provider_call_is_counted_and_timed(world: World) -> None:
    first, second = ScriptedProvider(name="first"), ScriptedProvider(name="second")
    first.answers.append(Receipt(E.TRANSIENT))
    dispatcher = await world.opened(first, second)
    await dispatcher.attempt(await world.leased(), 5.0)
    counted = world.recorder.counted
    assert counted("notify_send_total", channel="email", provider="first", status="transient") == 1
    assert counted("notify_send_total", channel="email", provider="second", status="accepted") == 1
    assert [(name, labels) for name, _, labels in world.recorder.observed] == [
        ("notify_send_duration_seconds", {"channel": "email", "provider": "first"}),
        ("notify_send_duration_seconds", {"channel": "email", "provider": "second"}),
    ]


async def test_the_backlog_is_shown(world: World) -> None:
    await world.notify("alice", "bob")
    await world.opened(ScriptedProvider(Channel.SMS))
    await world.advance(10)
    assert world.recorder.gauged("notify_deliveries_due") == 2
    age = world.recorder.gauged("notify_deliveries_oldest_due_age_seconds")
    assert age is not None
    assert age >= 7


async def test_breakers_are_shown_closed_from_the_start(world: World, provider: ScriptedProvider) -> None:
    world.dispatcher(provider)
    assert world.recorder.gauged("notify_breaker_open", provider="scripted") == 0


@pytest.mark.parametrize(
    ("receipt", "event"),
    [
        (Receipt(), "delivery.delivered"),
        (Receipt(E.TRANSIENT, error_code="503"), "delivery.retrying"),
        (Receipt(E.PERMANENT, error_code="550"), "delivery.failed"),
        (Receipt(E.UNKNOWN_OUTCOME), "delivery.parked"),
    ],
)
async def test_every_outcome_is_an_event(world: World, receipt: Receipt, event: str) -> None:
    provider = ScriptedProvider(Channel.SMS)
    provider.answers.append(receipt)
    dispatcher = await world.opened(provider)
    [job] = await world.leased(channel=Channel.SMS, targets=["+15550100"])
    await dispatcher.attempt([job], 5.0)
    [published] = world.recorder.events
    assert (published.type, published.tenant_id, published.user_id) == (event, "acme", "alice")
    assert published.notification_id == job.delivery.notification_id
    assert published.data == {
        "delivery_id": job.delivery.id,
        "channel": "sms",
        "provider": "scripted",
        "attempts": 1,
        "error_class": str(receipt.error_class or ""),
        "error_code": receipt.error_code,
    }


async def test_what_the_sweep_does_is_an_event(world: World) -> None:
    await world.notify("alice", lease_to="dead")
    await world.notify("bob", expires_in_s=5)
    await world.opened(ScriptedProvider(Channel.SMS))
    await world.advance(25)
    await eventually(lambda: sorted(world.recorder.types()) == ["delivery.expired", "delivery.retrying"])


async def test_an_attempt_is_a_span_of_the_producers_trace(world: World, provider: ScriptedProvider) -> None:
    tracer = SpanRecorder()
    dispatcher = await world.opened(provider, tracer=tracer)
    [job] = await world.leased()
    await dispatcher.attempt([job], 5.0)
    assert [(name, parent, kind) for name, parent, kind, _ in tracer.spans] == [
        ("dispatch attempt", TRACEPARENT, "consumer"),
        ("send email", "dispatch attempt", "client"),
    ]
    assert tracer.spans[0][3]["messaging.message.id"] == job.delivery.id
    assert tracer.spans[1][3]["messaging.system"] == "scripted"
    assert provider.sent[0].traceparent == "inside send email"


async def test_logs_and_events_hold_nothing_private(
    world: World, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    provider.answers.extend(
        [
            Receipt(),
            Receipt(E.PERMANENT, error_code="550"),
            Receipt(E.MISCONFIGURED),
            ValueError("alice@acme.test: a body nobody logs"),
        ]
    )
    dispatcher = await world.opened(provider)
    for _ in range(4):
        await dispatcher.attempt(await world.leased(), 5.0)
        await world.advance(6)
    caplog.set_level(logging.DEBUG)
    assert {"delivery delivered", "delivery failed", "breaker changed", "a provider raised"} <= set(caplog.messages)
    told: list[Any] = [vars(record) for record in caplog.records if record.name.startswith("notify_grpc")]
    told += world.recorder.events
    for secret in (CONTENT.body, CONTENT.title, "alice@acme.test"):
        assert secret not in repr(told)
