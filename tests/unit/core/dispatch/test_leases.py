"""A lease is the right to send: kept alive while it is used, respected once it is lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from notify_grpc.domain.deliveries import DeliveryState, ErrorClass, Job, Lease
from notify_grpc.domain.models import Channel
from tests.support.dispatching import LEASE_S, OWNER, SETTINGS, World
from tests.support.scripted_provider import ScriptedProvider
from tests.support.waiting import eventually

S = DeliveryState
E = ErrorClass


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider(timeout_s=5.0)


async def claimed_by(world: World, owner: str) -> list[Job]:
    """Somebody else's claim of all that is due."""
    channels = [Channel.EMAIL, Channel.SMS]
    jobs: list[Job] = await world.store.claim(owner, limit=100, lease_s=LEASE_S, channels=channels, per_tenant=100)
    return jobs


async def test_leases_are_renewed_while_they_wait_and_while_they_send(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    provider.hold()
    jobs = await world.leased("a", "b", "c", "d", "e")
    dispatcher.submit(jobs)
    await world.sent(provider, 4)
    await world.advance(3 * LEASE_S)
    assert await world.states(jobs) == [S.SENDING] * 4 + [S.LEASED]
    provider.let_go()
    await world.until(S.DELIVERED, *jobs)
    assert len(provider.sent) == 5


async def test_a_lease_that_was_lost_is_not_sent(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    [job] = await world.leased()
    await world.store.release([job.lease])
    [taken] = await claimed_by(world, "other")
    assert await dispatcher.attempt([job], 5.0) == {}
    assert provider.sent == []
    assert (await world.delivery(job)).lease_owner == "other"
    assert taken.lease.fence == job.lease.fence + 1


async def test_a_lease_that_ran_out_is_not_sent(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    [job] = await world.leased()
    await world.database.advance(LEASE_S + 1)
    assert await dispatcher.attempt([job], 5.0) == {}
    assert provider.sent == []


async def test_a_cancelled_delivery_is_not_sent(world: World) -> None:
    provider = ScriptedProvider(Channel.MOBILE_PUSH)
    dispatcher = await world.opened(provider)
    [job] = await world.leased(channel=Channel.MOBILE_PUSH, targets=["android:x"])
    await world.store.release([job.lease])
    assert await dispatcher.attempt([job], 5.0) == {}
    assert provider.sent == []


async def test_whoever_slept_through_most_of_a_lease_does_not_send(world: World, provider: ScriptedProvider) -> None:
    dispatcher = await world.opened(provider)
    [job] = await world.leased()

    async def sleep_long() -> None:
        world.store.first.pop("start_sending")
        world.clock._elapsed_s += LEASE_S - provider.timeout_s

    world.store.first["start_sending"] = sleep_long
    result = await dispatcher.attempt([job], 5.0)
    assert result[job.delivery.id].state is S.RETRY
    delivery = await world.delivery(job)
    assert (delivery.last_error_code, delivery.failures, provider.sent) == ("lease_too_short", 0, [])


async def test_an_outcome_that_comes_too_late_changes_nothing_and_is_audited(
    world: World, provider: ScriptedProvider
) -> None:
    dispatcher = world.dispatcher(provider)
    await dispatcher.open()
    provider.hold()
    [job] = await world.leased()
    attempt = asyncio.create_task(dispatcher.attempt([job], 5.0))
    await world.sent(provider)
    # This process is stopped; the world goes on.
    await world.database.advance(LEASE_S + 1)
    await world.store.sweep_deliveries(100)
    [taken] = await claimed_by(world, "other")
    provider.let_go()
    assert await attempt == {}
    delivery, audit = await world.audited(job)
    assert (delivery.state, delivery.lease_owner, delivery.fence) == (S.LEASED, "other", taken.lease.fence)
    stale = [one for one in audit if one.stale]
    assert [(one.owner, one.state, one.fence) for one in stale] == [(OWNER, S.DELIVERED, job.lease.fence)]
    assert "delivery.delivered" not in world.recorder.types()


@pytest.mark.parametrize(
    ("channel", "state"), [(Channel.EMAIL, S.RETRY), (Channel.SMS, S.PARKED)], ids=lambda value: str(value)
)
async def test_a_dead_owners_sends_are_unknown(world: World, channel: Channel, state: DeliveryState) -> None:
    [sending] = await world.notify("alice", channel=channel, targets=["somewhere"], lease_to="dead")
    await world.store.start_sending([sending.lease])
    await world.opened(ScriptedProvider(Channel.WEB_PUSH))
    await world.advance(LEASE_S + 3)
    delivery = await world.until(state, sending)
    assert delivery.last_error_class is E.UNKNOWN_OUTCOME
    assert world.recorder.counted("notify_lease_expiries_total") == 1


async def test_a_dead_owners_unsent_claims_are_sent_once(world: World, provider: ScriptedProvider) -> None:
    [claimed] = await world.notify("alice", lease_to="dead")
    await world.opened(provider)
    await world.advance(LEASE_S + 5)
    delivery = await world.until(S.DELIVERED, claimed)
    assert (delivery.attempts, delivery.failures, len(provider.sent)) == (2, 0, 1)


async def test_what_the_sweep_frees_is_claimed_at_once(world: World, provider: ScriptedProvider) -> None:
    jobs = await world.notify("a", "b", "c", lease_to="dead")
    await world.opened(provider, settings=replace(SETTINGS, poll_s=3_600))
    await world.advance(LEASE_S + 3)
    await world.until(S.DELIVERED, *jobs)


async def test_a_sweep_goes_on_until_nothing_is_left(
    world: World, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notify_grpc.core.dispatch.dispatcher._SWEEP_BATCH", 2)
    jobs = await world.notify(*"abcde", lease_to="dead")
    await world.database.advance(LEASE_S + 1)
    dispatcher = world.dispatcher(provider)
    await dispatcher.open()
    await world.until(S.DELIVERED, *jobs)
    assert world.clock.monotonic() == 0


async def test_two_dispatchers_send_each_delivery_once(world: World) -> None:
    one, other = ScriptedProvider(name="one"), ScriptedProvider(name="other")
    jobs = await world.notify(*(f"user-{n}" for n in range(200)))
    await world.dispatcher(one, owner="one").open()
    await world.dispatcher(other, owner="other").open()

    async def all_sent() -> bool:
        # One that finds the rows locked by the other looks again a little later.
        await world.clock.advance(0.2)
        return set(await world.states(jobs)) == {S.DELIVERED}

    await eventually(all_sent, timeout=20)
    sent = [message.delivery_id for message in one.sent + other.sent]
    assert sorted(sent) == sorted(job.delivery.id for job in jobs)
    assert one.sent
    assert other.sent


async def test_a_row_that_kills_its_worker_is_buried(world: World, provider: ScriptedProvider) -> None:
    [job] = await world.notify("alice", lease_to="dead")
    dispatcher = world.dispatcher(provider)
    for fence in range(1, 50):
        await world.database.advance(LEASE_S + 1)
        await world.store.sweep_deliveries(10)
        await claimed_by(world, "dead")
        assert fence
    await world.database.advance(LEASE_S + 1)
    await dispatcher.open()
    delivery = await world.until(S.FAILED, job)
    assert (delivery.attempts, delivery.last_error_code, provider.sent) == (50, "too_many_claims", [])
    await eventually(lambda: world.recorder.types() == ["delivery.failed"])


async def test_the_lease_of_a_job_is_its_deliverys(world: World) -> None:
    [job] = await world.leased()
    assert job.lease == Lease(job.delivery.id, 1)
