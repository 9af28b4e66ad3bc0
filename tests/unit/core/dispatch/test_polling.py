"""Due deliveries are found when due, as many as there is room for, whoever else has a backlog."""

from __future__ import annotations

import pytest

from notify_grpc.domain.deliveries import DeliveryState, ErrorClass
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Receipt
from tests.support.dispatching import SETTINGS, World, turns
from tests.support.scripted_provider import ScriptedProvider
from tests.support.waiting import eventually

S = DeliveryState


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


async def test_what_waits_at_the_start_is_sent(world: World, provider: ScriptedProvider) -> None:
    jobs = await world.notify("alice", "bob")
    await world.opened(provider)
    assert (await world.until(S.DELIVERED, *jobs)).attempts == 1


async def test_a_wake_up_is_enough(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    [job] = await world.notify()
    await turns()
    assert provider.sent == []
    dispatcher.wake()
    await world.until(S.DELIVERED, job)


async def test_a_lost_wake_up_costs_a_second(world: World, provider: ScriptedProvider) -> None:
    await world.opened(provider)
    [job] = await world.notify()
    await world.advance(1.1 * SETTINGS.poll_s)
    await world.until(S.DELIVERED, job)


async def test_a_retry_is_made_when_due_and_not_before(world: World, provider: ScriptedProvider) -> None:
    provider.answers.append(Receipt(ErrorClass.TRANSIENT))
    dispatcher = await world.opened(provider)
    [job] = await world.leased()
    await dispatcher.attempt([job], 5.0)
    wait_s = ((await world.delivery(job)).due_at_ms - world.database.now_ms()) / 1000
    assert 4 <= wait_s <= 5.6
    await world.advance(3.5)
    dispatcher.wake()
    await world.idle()
    assert len(provider.sent) == 1
    await world.advance(3.5)
    delivery = await world.until(S.DELIVERED, job)
    assert (delivery.attempts, delivery.failures) == (2, 1)


async def test_no_more_is_claimed_than_there_is_room_for(world: World, provider: ScriptedProvider) -> None:
    provider.hold()
    jobs = await world.notify(*(f"user-{n}" for n in range(40)))
    await world.opened(provider)
    await world.sent(provider, SETTINGS.concurrency)
    await world.advance(5)
    states = await world.states(jobs)
    assert states.count(S.SENDING) == provider.most_at_once == SETTINGS.concurrency
    assert states.count(S.LEASED) <= SETTINGS.concurrency
    provider.let_go()
    await world.until(S.DELIVERED, *jobs)
    assert len(provider.sent) == 40


async def test_a_backlog_is_worked_off_without_waiting_for_the_poll(world: World, provider: ScriptedProvider) -> None:
    jobs = await world.notify(*(f"user-{n}" for n in range(100)))
    await world.opened(provider)
    await world.until(S.DELIVERED, *jobs)
    assert world.clock.monotonic() == 0


async def test_one_channels_backlog_does_not_hold_up_another(world: World, provider: ScriptedProvider) -> None:
    texts = ScriptedProvider(Channel.SMS, "texts")
    provider.hold()
    backlog = await world.notify(*(f"user-{n}" for n in range(40)))
    dispatcher = await world.opened(provider, texts)
    await world.sent(provider, SETTINGS.concurrency)
    [otp] = await world.notify(channel=Channel.SMS, targets=["+15550100"])
    dispatcher.wake()
    await world.until(S.DELIVERED, otp)
    assert (await world.states(backlog)).count(S.PENDING) >= len(backlog) - 2 * SETTINGS.concurrency


async def test_one_tenants_backlog_does_not_hold_up_another(world: World, provider: ScriptedProvider) -> None:
    for tenant in ("acme", "initech", "hooli"):
        await world.notify(*(f"user-{n}" for n in range(200)), tenant=tenant)
    dispatcher = await world.opened(provider)
    provider.hold()
    await eventually(lambda: provider.at_once == SETTINGS.concurrency)
    [otp] = await world.notify("bob", tenant="umbrella")
    before = len(provider.sent)
    dispatcher.wake()
    provider.let_go()
    await world.until(S.DELIVERED, otp)
    place = [message.delivery_id for message in provider.sent].index(otp.delivery.id) - before
    assert place <= 4 * SETTINGS.concurrency


async def test_only_channels_with_a_provider_are_claimed(world: World, provider: ScriptedProvider) -> None:
    [job] = await world.notify(channel=Channel.SMS, targets=["+15550100"])
    dispatcher = await world.opened(provider)
    assert dispatcher.channels == {Channel.EMAIL}
    await world.advance(2)
    assert (await world.delivery(job)).state is S.PENDING


async def test_without_providers_nothing_is_claimed_but_time_still_passes(world: World) -> None:
    [job] = await world.notify(expires_in_s=5)
    dispatcher = await world.opened()
    assert dispatcher.channels == frozenset()
    await world.advance(10)
    await world.until(S.EXPIRED, job)
