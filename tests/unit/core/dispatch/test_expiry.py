"""A message that is no longer worth delivering is not sent, whatever this machine thinks the time is."""

from __future__ import annotations

import asyncio

import pytest

from notify_grpc.core.dispatch import Attempted
from notify_grpc.domain.deliveries import DeliveryState, ErrorClass
from notify_grpc.ports.provider import Receipt
from tests.support.clock import ManualClock
from tests.support.dispatching import World
from tests.support.scripted_provider import ScriptedProvider

S = DeliveryState


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


async def test_the_provider_is_told_how_long_it_is_worth_sending(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    await dispatcher.attempt(await world.leased(expires_in_s=90), 5.0)
    [message] = provider.sent
    assert message.ttl_s is not None
    assert 85 <= message.ttl_s <= 90


async def test_expired_while_it_waited_here(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    provider.hold()
    dispatcher.submit(await world.leased("a", "b", "c", "d"))
    await world.sent(provider, 4)
    [late] = await world.leased("alice", expires_in_s=10)
    waiting = asyncio.create_task(dispatcher.attempt([late], 60.0))
    await asyncio.sleep(0)
    await world.advance(10.5)
    provider.let_go()
    assert await waiting == {late.delivery.id: Attempted(S.EXPIRED, None)}
    assert len(provider.sent) == 4


async def test_expired_between_its_marking_and_its_sending(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    [job] = await world.leased(expires_in_s=10)

    async def dawdle() -> None:
        world.clock._elapsed_s += 12

    world.store.first["start_sending"] = dawdle
    assert await dispatcher.attempt([job], 5.0) == {job.delivery.id: Attempted(S.EXPIRED, None)}
    assert ((await world.delivery(job)).state, provider.sent) == (S.EXPIRED, [])


async def test_expired_while_waiting_in_the_store(world: World, provider: ScriptedProvider) -> None:
    provider.answers.append(Receipt(ErrorClass.TRANSIENT))
    dispatcher = await world.opened(provider)
    [job] = await world.leased(expires_in_s=8)
    await dispatcher.attempt([job], 5.0)
    assert (await world.delivery(job)).state is S.RETRY
    provider.answers.append(Receipt(ErrorClass.RATE_LIMITED, retry_after_s=500))
    [other] = await world.leased("bob")
    await dispatcher.attempt([other], 5.0)
    await world.advance(12)
    await world.until(S.EXPIRED, job)
    assert "delivery.expired" in world.recorder.types()


async def test_no_retry_is_planned_that_would_come_too_late(world: World, provider: ScriptedProvider) -> None:
    provider.answers.append(Receipt(ErrorClass.TRANSIENT, error_code="503"))
    dispatcher = await world.opened(provider)
    [job] = await world.leased(expires_in_s=3)
    assert await dispatcher.attempt([job], 5.0) == {job.delivery.id: Attempted(S.EXPIRED, ErrorClass.TRANSIENT)}
    assert (await world.delivery(job)).last_error_code == "503"


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_wrong_clock_here_changes_neither_leases_nor_expiry(
    world: World, provider: ScriptedProvider, hours: int
) -> None:
    wrong = ManualClock(world.database.now_ms() + hours * 3_600_000)
    dispatcher = world.dispatcher(provider, clock=wrong)
    await dispatcher.open()
    await wrong.until_sleeping(3)
    [short] = await world.notify("alice", expires_in_s=600)
    provider.hold()
    dispatcher.wake()
    await world.sent(provider)
    assert provider.sent[0].ttl_s is not None
    assert 590 <= provider.sent[0].ttl_s <= 600
    lease_until_ms = (await world.delivery(short)).lease_until_ms
    assert 15_000 <= lease_until_ms - world.database.now_ms() <= 20_000
    await world.database.advance(601)
    [late] = await world.notify("bob", expires_in_s=-1)
    provider.let_go()
    dispatcher.wake()
    await world.until(S.DELIVERED, short)
    await wrong.advance(3)
    await world.until(S.EXPIRED, late)
