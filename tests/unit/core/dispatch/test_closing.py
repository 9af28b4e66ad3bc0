"""Starting and stopping, in any order and however often."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from notify_grpc.domain.deliveries import DeliveryState, ErrorClass
from notify_grpc.domain.errors import Unavailable
from notify_grpc.domain.models import Channel
from tests.support.dispatching import SETTINGS, World
from tests.support.scripted_provider import ScriptedProvider
from tests.support.waiting import eventually

S = DeliveryState


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


async def test_sends_under_way_end_and_what_was_not_sent_is_given_back(
    world: World, provider: ScriptedProvider
) -> None:
    dispatcher = await world.opened(provider, settings=replace(SETTINGS, drain_s=5.0, queue=100))
    provider.hold()
    jobs = await world.leased("a", "b", "c", "d", "e")
    dispatcher.submit(jobs)
    await world.sent(provider, 4)
    closing = asyncio.create_task(dispatcher.close())
    await world.until(S.PENDING, jobs[4])
    assert not closing.done()
    provider.let_go()
    await closing
    assert await world.states(jobs) == [S.DELIVERED] * 4 + [S.PENDING]
    assert (await world.delivery(jobs[4])).attempts == 0


@pytest.mark.parametrize(("channel", "state"), [(Channel.EMAIL, S.RETRY), (Channel.SMS, S.PARKED)])
async def test_a_send_cut_off_at_the_end_is_an_unknown_outcome(
    world: World, channel: Channel, state: DeliveryState
) -> None:
    provider = ScriptedProvider(channel)
    dispatcher = await world.opened(provider)
    provider.hold()
    [job] = await world.leased(channel=channel, targets=["somewhere"])
    dispatcher.submit([job])
    await world.sent(provider)
    await dispatcher.close()
    delivery = await world.delivery(job)
    assert (delivery.state, delivery.last_error_class) == (state, ErrorClass.UNKNOWN_OUTCOME)
    assert (delivery.last_error_code, delivery.provider) == ("interrupted", "scripted")


async def test_nothing_is_claimed_or_taken_after_the_close(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    await dispatcher.close()
    [due] = await world.notify("alice")
    [leased] = await world.leased("bob")
    dispatcher.wake()
    dispatcher.submit([leased])
    assert await dispatcher.attempt(await world.leased("carol"), 5.0) == {}
    await world.until(S.PENDING, due, leased)
    assert provider.sent == []


async def test_an_inline_caller_is_not_kept_waiting_by_the_end(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    provider.hold()
    jobs = await world.leased("a", "b", "c", "d", "e")
    attempt = asyncio.create_task(dispatcher.attempt(jobs, 600.0))
    await world.sent(provider, 4)
    await dispatcher.close()
    result = await asyncio.wait_for(attempt, 5)
    assert {attempted.state for attempted in result.values()} == {S.RETRY}
    assert len(result) == 4


async def test_a_store_that_is_away_does_not_hold_up_the_end(
    world: World, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notify_grpc.core.dispatch.dispatcher._LAST_WRITES_S", 0.05)
    dispatcher = await world.opened(provider)
    attempt = asyncio.create_task(dispatcher.attempt(await world.leased("alice"), 600.0))
    world.store.down = Unavailable("gone")
    await eventually(lambda: world.store.calls["start_sending"] + world.store.calls["finish"] > 1)
    await asyncio.wait_for(dispatcher.close(), 5)
    assert await asyncio.wait_for(attempt, 5) == {}


async def test_close_before_open_and_twice(world: World, provider: ScriptedProvider) -> None:
    dispatcher = world.dispatcher(provider)
    await dispatcher.close()
    await dispatcher.open()
    await dispatcher.open()
    await asyncio.gather(dispatcher.close(), dispatcher.close())
    await dispatcher.close()


async def test_it_opens_and_closes_its_providers(world: World, provider: ScriptedProvider) -> None:
    dispatcher = world.dispatcher(provider, other := ScriptedProvider(Channel.SMS))
    await dispatcher.open()
    await dispatcher.open()
    assert [(one.opened, one.closed) for one in (provider, other)] == [(1, 0), (1, 0)]
    await dispatcher.close()
    await dispatcher.close()
    assert [(one.opened, one.closed) for one in (provider, other)] == [(1, 1), (1, 1)]


async def test_a_provider_that_does_not_open_leaves_nothing_open(world: World, provider: ScriptedProvider) -> None:
    broken = ScriptedProvider(Channel.SMS)
    broken.fails_to_open = OSError("no such certificate")
    dispatcher = world.dispatcher(provider, broken)
    [job] = await world.notify()
    with pytest.raises(OSError, match="certificate"):
        await dispatcher.open()
    assert (provider.opened, provider.closed) == (1, 1)
    assert (await world.states([job]), world.store.calls["claim"]) == ([S.PENDING], 0)


async def test_opened_again_it_works_again(world: World, provider: ScriptedProvider) -> None:
    dispatcher = world.dispatcher(provider)
    for round_ in range(3):
        await dispatcher.open()
        [job] = await world.notify(f"user-{round_}")
        dispatcher.wake()
        await world.until(S.DELIVERED, job)
        await dispatcher.close()
    assert len(provider.sent) == 3


@pytest.mark.parametrize("database", ["memory"], indirect=True)
@pytest.mark.parametrize("seed", range(20))
async def test_starts_and_stops_at_any_moment_lose_nothing(world: World, provider: ScriptedProvider, seed: int) -> None:
    moments = random.Random(seed)
    jobs = await world.notify(*(f"user-{n}" for n in range(50)))
    dispatcher = world.dispatcher(provider)
    for _ in range(10):
        await dispatcher.open()
        for _ in range(moments.randrange(30)):
            await asyncio.sleep(0)
        await dispatcher.close()
        assert {S.LEASED, S.SENDING}.isdisjoint(await world.states(jobs))
    await dispatcher.open()
    await world.until(S.DELIVERED, *jobs)
    assert len(provider.sent) == 50
