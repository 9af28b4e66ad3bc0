"""Faults 21, 22, 23 and 25: what a provider may do to us over HTTP, on a clock that is turned by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from notify_grpc.channels.http import Request
from notify_grpc.channels.sendgrid import SendGridProvider, SendGridSettings
from notify_grpc.channels.twilio import TwilioProvider
from notify_grpc.core.dispatch import Dispatcher
from notify_grpc.domain.deliveries import DeliveryState, ErrorClass, Job
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Message
from tests.conformance.store import Clocked, Database
from tests.conformance.test_postgres import PostgresDatabase
from tests.faults.deliveries.scene import ACCEPTS
from tests.faults.deliveries.worker import open_store, sms
from tests.support.dispatching import SETTINGS, World
from tests.support.scripted_http import Drip, Hang, Reply, Reset, ScriptedServer, Step

S = DeliveryState
E = ErrorClass
_TIMEOUT_S = 0.5


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        yield server


@pytest.fixture
async def world(where: str) -> AsyncIterator[World]:
    world = World(_database(where))
    await world.store.open()
    yield world
    await world.close()


def _database(where: str) -> Database:
    if where.startswith("sqlite:"):
        return Clocked(lambda clock: open_store(where, clock))
    return PostgresDatabase(where)


class RaisesFor(SendGridProvider):
    """A provider with a defect that one user's message brings out."""

    def _request(self, message: Message) -> Request:
        if message.user_id == "mallory":
            raise KeyError(message.content.body)
        return super()._request(message)


@pytest.fixture
def email(server: ScriptedServer, world: World) -> SendGridProvider:
    settings = SendGridSettings("key", "shop@example.com", base_url=server.url, timeout_s=_TIMEOUT_S)
    return RaisesFor(settings, clock=world.clock)


@pytest.fixture
def texts(server: ScriptedServer) -> TwilioProvider:
    return sms(server.url, _TIMEOUT_S)


async def first_attempt(dispatcher: Dispatcher, job: Job) -> tuple[DeliveryState, ErrorClass | None]:
    return (await dispatcher.attempt([job], 30.0))[job.delivery.id]


def date_in(world: World, seconds: float) -> str:
    """An HTTP date, by the clock the provider goes by."""
    return format_datetime(datetime.fromtimestamp(world.clock.now_ms() / 1000 + seconds, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("asked", "wait_s"),
    [("30", 30), ("in 40 s", 40), ("0", 1), ("in -5000 s", 1), ("999999999999", 3_600), ("in 90000 s", 3_600)],
)
async def test_a_rate_limit_is_honoured_clamped_and_no_failure(
    world: World, server: ScriptedServer, email: SendGridProvider, asked: str, wait_s: int
) -> None:
    value = date_in(world, float(asked.split()[1])) if asked.startswith("in") else asked
    server.script(Reply(429, b"{}", {"retry-after": value}), ACCEPTS)
    dispatcher = await world.opened(email)
    [job] = await world.leased()
    assert await first_attempt(dispatcher, job) == (S.RETRY, E.RATE_LIMITED)
    delivery = await world.delivery(job)
    waits_s = (delivery.due_at_ms - world.database.now_ms()) / 1000
    assert wait_s - 2 <= waits_s <= wait_s
    assert (delivery.failures, dispatcher.breakers()) == (0, {"sendgrid": "paused: rate limited"})
    await world.advance(min(wait_s, 40) + 2)
    if wait_s <= 40:
        delivery = await world.until(S.DELIVERED, job)
    assert (delivery.failures, len(server.accepted)) == (0, int(wait_s <= 40))


async def test_a_mail_taken_without_an_answer_is_sent_again_and_the_audit_says_why(
    world: World, server: ScriptedServer, email: SendGridProvider
) -> None:
    server.script(Hang(), ACCEPTS)
    dispatcher = await world.opened(email)
    [job] = await world.leased()
    assert await first_attempt(dispatcher, job) == (S.RETRY, E.UNKNOWN_OUTCOME)
    await world.advance(8)
    await world.until(S.DELIVERED, job)
    _, audit = await world.audited(job)
    unknown = [attempt for attempt in audit if attempt.error_class is E.UNKNOWN_OUTCOME]
    assert (len(server.accepted), len(unknown)) == (2, 1)


@pytest.mark.parametrize("silence", [Hang(), Reset(), Drip(), Drip(200)])
async def test_a_text_message_taken_without_a_readable_answer_is_parked(
    world: World, server: ScriptedServer, texts: TwilioProvider, silence: Step
) -> None:
    server.script(silence, ACCEPTS)
    dispatcher = await world.opened(texts)
    [job] = await world.leased(channel=Channel.SMS, targets=["+15550100"])
    assert await first_attempt(dispatcher, job) == (S.PARKED, E.UNKNOWN_OUTCOME)
    await world.advance(60)
    assert len(server.accepted) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Reply(500), E.TRANSIENT),
        (Reply(503, b"<html>"), E.TRANSIENT),
        (Reset(), E.UNKNOWN_OUTCOME),
        (Drip(), E.UNKNOWN_OUTCOME),
    ],
    ids=["500", "503", "reset", "drip"],
)
async def test_a_provider_in_trouble_is_tried_again(
    world: World, server: ScriptedServer, email: SendGridProvider, fault: Step, error: ErrorClass
) -> None:
    server.script(fault, ACCEPTS)
    dispatcher = await world.opened(email)
    [job] = await world.leased()
    assert await first_attempt(dispatcher, job) == (S.RETRY, error)
    await world.advance(8)
    delivery = await world.until(S.DELIVERED, job)
    assert (delivery.attempts, delivery.failures) == (2, 1)


async def test_an_answer_that_is_no_json_is_an_unknown_outcome(
    world: World, server: ScriptedServer, texts: TwilioProvider
) -> None:
    server.script(Reply(201, b"{not json"))
    dispatcher = await world.opened(texts)
    [job] = await world.leased(channel=Channel.SMS, targets=["+15550100"])
    assert await first_attempt(dispatcher, job) == (S.PARKED, E.UNKNOWN_OUTCOME)


async def test_a_provider_that_is_not_there_is_tried_until_the_breaker_opens(
    world: World, server: ScriptedServer, email: SendGridProvider
) -> None:
    await server.stop()
    dispatcher = await world.opened(email, settings=replace(SETTINGS, breaker_failures=3))
    jobs = await world.leased("a", "b", "c")
    result = await dispatcher.attempt(jobs, 30.0)
    assert {attempted.error_class for attempted in result.values()} == {E.TRANSIENT}
    assert dispatcher.breakers()["sendgrid"].startswith("open: transient")


async def test_a_payload_that_raises_fails_and_the_queue_moves(
    world: World, server: ScriptedServer, email: SendGridProvider
) -> None:
    server.script(ACCEPTS)
    bad = await world.notify("mallory")
    good = await world.notify("alice", "bob", "carol")
    await world.opened(email)
    await world.until(S.DELIVERED, *good)
    delivery = await world.until(S.FAILED, *bad)
    assert (delivery.last_error_class, delivery.last_error_code) == (E.PERMANENT, "KeyError")
    assert len(server.accepted) == 3
