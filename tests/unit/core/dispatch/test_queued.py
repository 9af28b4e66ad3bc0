"""QUEUED: leased jobs go straight to work, as far as there is room for them here."""

from __future__ import annotations

import pytest

from notify_grpc.domain.deliveries import DeliveryState
from tests.support.dispatching import SETTINGS, World
from tests.support.scripted_provider import ScriptedProvider
from tests.support.waiting import eventually

S = DeliveryState


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


async def test_submitted_jobs_are_sent_without_a_claim(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    jobs = await world.leased("alice", "bob")
    claims = world.store.calls["claim"]
    dispatcher.submit(jobs)
    delivery = await world.until(S.DELIVERED, *jobs)
    assert (delivery.attempts, delivery.fence) == (1, 1)
    assert world.store.calls["claim"] == claims


async def test_what_does_not_fit_is_given_back_and_found_by_the_poll(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    provider.hold()
    jobs = await world.leased(*(f"user-{n}" for n in range(20)))
    dispatcher.submit(jobs)

    async def given_back() -> int:
        return (await world.states(jobs)).count(S.PENDING)

    # One tenant gets half of the queue.
    await eventually(lambda: len(provider.sent) == SETTINGS.concurrency)
    await eventually(given_back)
    assert await given_back() == len(jobs) - SETTINGS.queue // 2
    provider.let_go()
    dispatcher.wake()
    await world.until(S.DELIVERED, *jobs)
    assert len(provider.sent) == len(jobs)


async def test_a_tenant_that_fills_its_share_leaves_room_for_another(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    provider.hold()
    dispatcher.submit(await world.leased(*(f"user-{n}" for n in range(20))))
    [otp] = await world.leased("bob", tenant="umbrella")
    dispatcher.submit([otp])
    await world.sent(provider, SETTINGS.concurrency)
    provider.let_go()
    await world.until(S.DELIVERED, otp)
    place = [message.delivery_id for message in provider.sent].index(otp.delivery.id)
    assert place <= SETTINGS.concurrency + 1


async def test_who_waits_for_an_answer_goes_first(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    provider.hold()
    dispatcher.submit(await world.leased(*(f"user-{n}" for n in range(4))))
    await world.sent(provider, 4)
    queued = await world.leased("x", "y", "z")
    dispatcher.submit(queued)
    [urgent] = await world.leased("alice")
    assert await dispatcher.attempt([urgent], 0.01) == {}
    provider.let_go()
    await world.until(S.DELIVERED, urgent, *queued)
    assert provider.sent[4].delivery_id == urgent.delivery.id


async def test_a_job_leased_to_us_is_not_claimed_a_second_time(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    provider.hold()
    jobs = await world.leased("alice", "bob")
    dispatcher.submit(jobs)
    await world.sent(provider, 2)
    dispatcher.wake()
    await world.advance(2)
    provider.let_go()
    await world.until(S.DELIVERED, *jobs)
    assert len(provider.sent) == 2
