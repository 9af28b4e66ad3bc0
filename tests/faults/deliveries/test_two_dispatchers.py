"""Faults 26 and 35: workers share the work, whatever they think the time is."""

from __future__ import annotations

import pytest

from notify_grpc.core.dispatch import Dispatcher, DispatchSettings
from notify_grpc.domain.deliveries import DeliveryState
from tests.faults.deliveries.scene import Scene, audited
from tests.support.scripted_provider import ScriptedProvider
from tests.support.waiting import eventually

S = DeliveryState
TENANTS = {"acme": 3_000, "umbrella": 900, "initech": 99, "hooli": 1}
"""4,000 deliveries, most of them one tenant's."""


@pytest.mark.timeout(180)
async def test_two_dispatchers_claim_each_of_4000_deliveries_once(scene: Scene) -> None:
    async with scene.store() as store:
        ids = [id for tenant, users in TENANTS.items() for id in await scene.notify(store, users, tenant=tenant)]
        settings = DispatchSettings(poll_s=0.1)
        providers = [ScriptedProvider(name=name, timeout_s=30) for name in ("one", "two")]
        for provider in providers:
            provider.hold()
        dispatchers = [Dispatcher(store, [one], owner=one.name, settings=settings) for one in providers]
        for dispatcher in dispatchers:
            await dispatcher.open()
        # None starves the other: both have as many under way as they may, before either goes on.
        await eventually(lambda: all(one.at_once == settings.concurrency for one in providers), 30)
        first = {message.tenant_id for one in providers for message in one.sent}
        assert first == set(TENANTS)
        for provider in providers:
            provider.let_go()
        await eventually(lambda: sum(len(one.sent) for one in providers) >= len(ids), 120)
        for dispatcher in dispatchers:
            await dispatcher.close()
        sent = [message.delivery_id for one in providers for message in one.sent]
        assert sorted(sent) == sorted(ids)
        assert {(await audited(store, id))[0].attempts for id in ids} == {1}


@pytest.mark.parametrize("where", ["postgres"], indirect=True)
@pytest.mark.timeout(120)
async def test_two_processes_an_hour_early_and_late_share_the_work(scene: Scene) -> None:
    async with scene.store() as store:
        workers = [
            await scene.worker(owner=f"ahead {hours} h", clock_ahead_s=hours * 3_600.0, lease_s=30.0)
            for hours in (-1, 1)
        ]
        ids = await scene.notify(store, 200)
        await scene.until(store, S.DELIVERED, ids)
        for worker in workers:
            await worker.finish()
        owners = {(await audited(store, id))[1][0].owner for id in ids}
        assert owners == {"ahead -1 h", "ahead 1 h"}
        assert scene.accepts() == dict.fromkeys(ids, 1)
        await scene.check(store)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_dead_workers_rows_are_taken_over_on_time_by_one_with_a_wrong_clock(scene: Scene, hours: int) -> None:
    async with scene.store() as store:
        [id] = await scene.notify(store)
    await (await scene.worker("after claim")).killed()
    worker = await scene.worker(clock_ahead_s=hours * 3_600.0)
    await eventually(lambda: scene.accepts() == {id: 1}, 30)
    await worker.finish()
    async with scene.store() as store:
        delivery, audit = await audited(store, id)
        assert (delivery.state, delivery.attempts, [one.stale for one in audit]) == (S.DELIVERED, 2, [False])
        await scene.check(store)
