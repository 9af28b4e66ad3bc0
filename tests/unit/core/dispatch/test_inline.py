"""INLINE: the first attempts of leased jobs, within the caller's time."""

from __future__ import annotations

import asyncio

import pytest

from notify_grpc.core.dispatch import Attempted
from notify_grpc.domain.deliveries import DeliveryState, ErrorClass
from notify_grpc.ports.provider import Receipt
from tests.support.dispatching import CONTENT, OWNER, TRACEPARENT, World
from tests.support.scripted_provider import ScriptedProvider

S = DeliveryState


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


async def test_the_answer_has_the_state_each_delivery_took(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    jobs = await world.leased("alice", "bob", "carol")
    answers = {
        jobs[0].delivery.target: Receipt(message_id="m"),
        jobs[1].delivery.target: Receipt(ErrorClass.PERMANENT, error_code="550", error="no such box"),
        jobs[2].delivery.target: Receipt(ErrorClass.TRANSIENT),
    }
    provider.always = lambda message: answers[message.target]
    result = await dispatcher.attempt(jobs, 5.0)
    assert [result[job.delivery.id] for job in jobs] == [
        Attempted(S.DELIVERED, None),
        Attempted(S.FAILED, ErrorClass.PERMANENT),
        Attempted(S.RETRY, ErrorClass.TRANSIENT),
    ]
    assert await world.states(jobs) == [S.DELIVERED, S.FAILED, S.RETRY]


async def test_a_message_has_all_a_provider_needs(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    [job] = await world.leased("alice")
    await dispatcher.attempt([job], 5.0)
    [message] = provider.sent
    assert message.delivery_id == job.delivery.id
    assert (message.tenant_id, message.user_id, message.target) == ("acme", "alice", "alice@acme.test")
    assert (message.content, message.traceparent, message.ttl_s) == (CONTENT, TRACEPARENT, None)
    assert (message.notification_id, message.created_at_ms) == (
        job.delivery.notification_id,
        job.delivery.created_at_ms,
    )


async def test_the_attempt_is_in_the_audit(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    [job] = await world.leased()
    await dispatcher.attempt([job], 5.0)
    delivery, [attempt] = await world.audited(job)
    assert (delivery.provider, delivery.provider_message_id) == ("scripted", f"scripted-{delivery.id}")
    assert (attempt.state, attempt.owner, attempt.provider, attempt.fence) == (S.DELIVERED, OWNER, "scripted", 1)
    assert (delivery.attempts, delivery.failures, delivery.lease_owner) == (1, 0, "")


async def test_attempts_run_side_by_side(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    provider.hold()
    attempt = asyncio.create_task(dispatcher.attempt(await world.leased("a", "b", "c"), 5.0))
    await world.sent(provider, 3)
    assert provider.at_once == 3
    provider.let_go()
    assert len(await attempt) == 3


async def test_what_is_not_done_in_time_is_missing_and_goes_on(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    provider.hold()
    [job] = await world.leased()
    assert await dispatcher.attempt([job], 0.01) == {}
    provider.let_go()
    await world.until(S.DELIVERED, job)
    assert len(provider.sent) == 1


async def test_no_time_at_all_is_no_error(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    [job] = await world.leased()
    assert await dispatcher.attempt([job], -1.0) == {}
    await world.until(S.DELIVERED, job)


async def test_a_caller_that_leaves_does_not_stop_the_attempt(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    provider.hold()
    [job] = await world.leased()
    attempt = asyncio.create_task(dispatcher.attempt([job], 5.0))
    await world.sent(provider)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    provider.let_go()
    await world.until(S.DELIVERED, job)


@pytest.mark.parametrize("database", ["memory"], indirect=True)
async def test_nothing_to_attempt(world: World, provider: ScriptedProvider) -> None:
    assert await (await world.opened(provider)).attempt([], 5.0) == {}


async def test_jobs_of_a_closed_dispatcher_are_given_back(world: World, provider: ScriptedProvider) -> None:
    dispatcher = world.dispatcher(provider)
    [job] = await world.leased()
    assert await dispatcher.attempt([job], 5.0) == {}
    delivery = await world.until(S.PENDING, job)
    assert (delivery.attempts, provider.sent) == (0, [])


async def test_a_delivery_without_a_provider_fails_at_once(world: World) -> None:
    dispatcher = await world.opened(ScriptedProvider(takes="ios:"))
    [job] = await world.leased(targets=["android:x"])
    assert await dispatcher.attempt([job], 5.0) == {job.delivery.id: Attempted(S.FAILED, ErrorClass.PERMANENT)}
    assert (await world.delivery(job)).last_error_code == "no_provider"


async def test_two_targets_of_one_user_are_two_deliveries(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    jobs = await world.leased(targets=["one@acme.test", "two@acme.test"])
    assert len(await dispatcher.attempt(jobs, 5.0)) == 2
    assert {message.target for message in provider.sent} == {"one@acme.test", "two@acme.test"}
