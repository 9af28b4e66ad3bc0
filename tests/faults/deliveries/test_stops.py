"""Fault 6: a worker stands still past its lease and then goes on as if nothing had happened."""

from __future__ import annotations

import signal
import time

import pytest

from notify_grpc.domain.deliveries import DeliveryState
from notify_grpc.domain.models import Channel
from tests.faults.deliveries.scene import Scene, Worker, audited
from tests.faults.deliveries.worker import LEASE_S
from tests.support.waiting import eventually

S = DeliveryState
_STOP = int(signal.SIGSTOP)
UNSENT = ["after claim", "before start_sending", "after start_sending"]


async def stopped(scene: Scene, point: str, channel: Channel = Channel.EMAIL) -> tuple[str, Worker]:
    """One delivery, and the worker that stands still with it."""
    async with scene.store() as store:
        [id] = await scene.notify(store, channel=channel)
    worker = await scene.worker(point, signal=_STOP, owner="zombie")
    await worker.stopped()
    return id, worker


async def past_the_lease() -> None:
    """Until a lease taken before now has run out by the store's clock."""
    over = time.monotonic() + LEASE_S
    await eventually(lambda: time.monotonic() > over, 2 * LEASE_S)


@pytest.mark.parametrize("where", ["postgres"], indirect=True)
class TestSomebodyElseTakesOver:
    @pytest.mark.parametrize("point", UNSENT)
    async def test_a_zombie_that_had_not_sent_sends_nothing(self, scene: Scene, point: str) -> None:
        id, zombie = await stopped(scene, point)
        async with scene.store() as store:
            async with scene.rescuer(store):
                await scene.until(store, S.DELIVERED, [id])
            zombie.go_on()
            await zombie.finish()
            assert scene.accepts() == {id: 1}
            delivery, audit = await audited(store, id)
            assert delivery.state is S.DELIVERED
            assert [attempt.owner for attempt in audit if not attempt.stale][-1] == "rescuer"
            await scene.check(store)

    async def test_the_outcome_of_a_zombie_that_had_sent_changes_nothing_and_is_audited(self, scene: Scene) -> None:
        id, zombie = await stopped(scene, "after send")
        async with scene.store() as store:
            async with scene.rescuer(store):
                await scene.until(store, S.DELIVERED, [id])
            before, _ = await audited(store, id)
            zombie.go_on()
            await zombie.finish()
            after, audit = await audited(store, id)
            assert after == before
            stale = [attempt for attempt in audit if attempt.stale]
            assert [(one.owner, one.state, one.fence) for one in stale] == [("zombie", S.DELIVERED, 1)]
            assert scene.accepts() == {id: 2}
            await scene.check(store)

    async def test_a_text_message_stays_parked_for_an_operator_to_see_both(self, scene: Scene) -> None:
        id, zombie = await stopped(scene, "after send", Channel.SMS)
        async with scene.store() as store:
            async with scene.rescuer(store):
                await scene.until(store, S.PARKED, [id])
            zombie.go_on()
            await zombie.finish()
            delivery, audit = await audited(store, id)
            assert (delivery.state, [attempt.stale for attempt in audit]) == (S.PARKED, [False, True])
            assert scene.accepts() == {id: 1}
            await scene.check(store)


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
class TestNobodyElseCould:
    @pytest.mark.parametrize("point", UNSENT)
    async def test_it_wakes_up_and_sends_once_under_a_new_lease(self, scene: Scene, point: str) -> None:
        id, zombie = await stopped(scene, point)
        await past_the_lease()
        zombie.go_on()
        await eventually(lambda: scene.accepts() == {id: 1}, 30)
        await zombie.finish()
        async with scene.store() as store:
            delivery, _ = await audited(store, id)
            assert (delivery.state, scene.accepts()) == (S.DELIVERED, {id: 1})
            assert delivery.fence > 1
            await scene.check(store)

    async def test_it_wakes_up_with_an_answer_in_hand(self, scene: Scene) -> None:
        id, zombie = await stopped(scene, "after send")
        await past_the_lease()
        zombie.go_on()
        await zombie.finish()
        async with scene.store() as store:
            async with scene.rescuer(store):
                await scene.until(store, S.DELIVERED, [id])
            assert scene.accepts()[id] in (1, 2)
            await scene.check(store)
