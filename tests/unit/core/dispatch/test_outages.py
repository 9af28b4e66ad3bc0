"""The store goes and comes back: nothing is lost, nothing sent twice, and the log is not flooded."""

from __future__ import annotations

import asyncio
import logging

import pytest

from notify_grpc.domain.deliveries import DeliveryState, ErrorClass
from notify_grpc.domain.errors import NotifyError, OutcomeUnknown, ResourceExhausted, Unavailable
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Receipt
from tests.support.dispatching import SETTINGS, World
from tests.support.scripted_provider import ScriptedProvider
from tests.support.waiting import eventually

S = DeliveryState
DOWN = Unavailable("the store is down")


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


def messages(caplog: pytest.LogCaptureFixture, task: str, text: str) -> int:
    return sum(
        record.message == text and getattr(record, "task", "") == f"notify-dispatch-{task}" for record in caplog.records
    )


async def test_loops_outlive_an_outage_and_log_it_once(
    world: World, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await world.opened(provider)
    [job] = await world.notify()
    world.store.down = DOWN
    await world.advance(60)
    assert messages(caplog, "poll", "the store is unavailable") == 1
    assert messages(caplog, "sweep", "the store is unavailable") == 1
    world.store.down = None
    await world.advance(10)
    await world.until(S.DELIVERED, job)
    assert messages(caplog, "poll", "the store is available again") == 1
    assert messages(caplog, "sweep", "the store is available again") == 1


async def test_an_outage_is_not_hammered(world: World, provider: ScriptedProvider) -> None:
    await world.opened(provider)
    world.store.down = DOWN
    before = world.store.calls["claim"]
    await world.advance(60)
    assert world.store.calls["claim"] - before <= 15


@pytest.mark.parametrize("method", ["claim", "sweep_deliveries", "due_stats", "renew"])
async def test_a_defect_in_a_side_task_is_loud_and_survived(
    world: World, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    dispatcher = await world.opened(provider)
    provider.hold()
    dispatcher.submit(await world.leased())
    world.store.before[method].append(RuntimeError("a bug"))
    await world.advance(10)
    assert any(
        record.levelno == logging.ERROR and record.message == "a side task failed and is begun again"
        for record in caplog.records
    )
    provider.let_go()
    [job] = await world.notify("bob")
    await world.advance(20)
    await world.until(S.DELIVERED, job)


@pytest.mark.parametrize("error", [DOWN, ResourceExhausted("too many calls wait")])
async def test_an_outcome_waits_for_the_store(world: World, provider: ScriptedProvider, error: NotifyError) -> None:
    dispatcher = await world.opened(provider)
    [job] = await world.leased()
    world.store.before["finish"].extend([error] * 3)
    attempt = asyncio.create_task(dispatcher.attempt([job], 30.0))
    await eventually(lambda: world.store.calls["finish"] == 1)
    for _ in range(3):
        await world.advance(1)
    assert (await attempt)[job.delivery.id].state is S.DELIVERED
    assert len(provider.sent) == 1


async def test_an_outcome_whose_commit_was_answered_by_silence_is_written_again(
    world: World, provider: ScriptedProvider
) -> None:
    dispatcher = await world.opened(provider)
    [job] = await world.leased()
    world.store.after["finish"].append(OutcomeUnknown("no answer"))
    dispatcher.submit([job])

    async def written_again() -> bool:
        await world.clock.advance(0.25)
        return world.store.calls["finish"] == 2

    await eventually(written_again)
    await world.until(S.DELIVERED, job)
    assert len(provider.sent) == 1


@pytest.mark.parametrize("committed", [False, True])
async def test_a_delivery_that_could_not_be_marked_is_sent_later(
    world: World, provider: ScriptedProvider, committed: bool
) -> None:
    dispatcher = await world.opened(provider)
    [job] = await world.leased()
    errors = world.store.after if committed else world.store.before
    errors["start_sending"].append(OutcomeUnknown("no answer") if committed else DOWN)
    result = await dispatcher.attempt([job], 5.0)
    assert (result[job.delivery.id].state, provider.sent) == (S.RETRY, [])
    dispatcher.wake()
    delivery = await world.until(S.DELIVERED, job)
    assert (delivery.failures, len(provider.sent)) == (0, 1)


async def test_one_outcome_the_store_chokes_on_does_not_hold_up_the_others(
    world: World, provider: ScriptedProvider
) -> None:
    dispatcher = await world.opened(provider)
    jobs = await world.leased("alice", "bob", "carol")
    world.store.before["finish"].extend([ValueError("a group"), ValueError("the first of it")])
    result = await dispatcher.attempt(jobs, 5.0)
    states = await world.states(jobs)
    assert sorted(states) == [S.DELIVERED, S.DELIVERED, S.SENDING]
    assert len(result) == 2


async def test_leases_that_cannot_be_given_back_run_out(world: World, provider: ScriptedProvider) -> None:
    dispatcher = world.dispatcher(provider)
    [job] = await world.leased()
    world.store.before["release"].append(DOWN)
    dispatcher.submit([job])
    await eventually(lambda: world.store.calls["release"] == 1)
    assert (await world.delivery(job)).state is S.LEASED


async def test_a_dead_device_that_cannot_be_removed_is_no_trouble(
    world: World, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    push = ScriptedProvider(Channel.WEB_PUSH)
    push.answers.append(Receipt(ErrorClass.TARGET_GONE))
    dispatcher = await world.opened(push)
    world.store.before["remove_token"].append(DOWN)
    [job] = await world.leased(channel=Channel.WEB_PUSH, targets=["https://push.test/1"])
    assert (await dispatcher.attempt([job], 5.0))[job.delivery.id].state is S.FAILED
    await eventually(lambda: "a dead device stays for now" in caplog.messages)


@pytest.mark.parametrize("database", ["memory"], indirect=True)
async def test_a_store_that_takes_no_outcomes_stops_the_claims(world: World, provider: ScriptedProvider) -> None:
    await world.notify(*(f"user-{n}" for n in range(100)))
    world.store.before["finish"].extend([DOWN] * 1_000)
    await world.opened(provider)
    await world.advance(30)
    assert len(provider.sent) <= 2 * SETTINGS.concurrency
    world.store.before["finish"].clear()
