"""Faults 3 and 4: a worker is killed anywhere between claim and outcome. Nothing is lost or sent twice unawares."""

from __future__ import annotations

import random

import pytest

from notify_grpc.domain.deliveries import DeliveryState, ErrorClass
from notify_grpc.domain.models import Channel
from tests.faults.deliveries.scene import Scene, audited, states

S = DeliveryState
BEFORE_SENDING = ["after claim", "before start_sending"]
MARKED_NOT_SENT = ["after start_sending", "before send"]
SENT_NOT_WRITTEN = ["after send", "before finish"]


async def killed(scene: Scene, point: str, channel: Channel) -> str:
    """One delivery whose worker was killed at a point."""
    async with scene.store() as store:
        [id] = await scene.notify(store, channel=channel)
    worker = await scene.worker(point)
    await worker.killed()
    return id


@pytest.mark.parametrize("point", BEFORE_SENDING)
@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.SMS])
async def test_killed_after_a_claim_it_is_sent_once(scene: Scene, point: str, channel: Channel) -> None:
    id = await killed(scene, point, channel)
    async with scene.store() as store:
        assert await states(store, [id]) == [S.LEASED]
        async with scene.rescuer(store):
            await scene.until(store, S.DELIVERED, [id])
        delivery, _ = await audited(store, id)
        assert (delivery.attempts, delivery.failures, scene.accepts()) == (2, 0, {id: 1})
        await scene.check(store)


@pytest.mark.parametrize("point", MARKED_NOT_SENT)
async def test_killed_before_an_email_went_out_it_is_sent(scene: Scene, point: str) -> None:
    id = await killed(scene, point, Channel.EMAIL)
    async with scene.store() as store:
        assert await states(store, [id]) == [S.SENDING]
        async with scene.rescuer(store):
            await scene.until(store, S.DELIVERED, [id])
        assert scene.accepts() == {id: 1}
        await scene.check(store)


@pytest.mark.parametrize("point", SENT_NOT_WRITTEN)
async def test_killed_after_the_provider_took_an_email_it_may_be_taken_again_under_the_same_key(
    scene: Scene, point: str
) -> None:
    id = await killed(scene, point, Channel.EMAIL)
    assert scene.accepts() == {id: 1}
    async with scene.store() as store:
        async with scene.rescuer(store):
            await scene.until(store, S.DELIVERED, [id])
        _, audit = await audited(store, id)
        assert scene.accepts() == {id: 2}
        assert [attempt.error_class for attempt in audit] == [ErrorClass.UNKNOWN_OUTCOME, None]
        await scene.check(store)


@pytest.mark.parametrize("point", MARKED_NOT_SENT + SENT_NOT_WRITTEN)
async def test_a_text_message_that_may_be_out_is_parked(scene: Scene, point: str) -> None:
    id = await killed(scene, point, Channel.SMS)
    taken = scene.accepts()
    async with scene.store() as store:
        async with scene.rescuer(store):
            await scene.until(store, S.PARKED, [id])
        assert scene.accepts() == taken
        assert taken[id] == (point in SENT_NOT_WRITTEN)
        await scene.check(store)


async def test_killed_after_the_outcome_was_written_nothing_is_repeated(scene: Scene) -> None:
    id = await killed(scene, "after finish", Channel.SMS)
    async with scene.store() as store:
        assert await states(store, [id]) == [S.DELIVERED]
        async with scene.rescuer(store):
            other = await scene.notify(store, channel=Channel.SMS)
            await scene.until(store, S.DELIVERED, other)
        assert scene.accepts()[id] == 1
        await scene.check(store)


async def test_killed_again_and_again_everything_comes_to_an_end(scene: Scene) -> None:
    async with scene.store() as store:
        emails = await scene.notify(store, 20)
        texts = await scene.notify(store, 20, channel=Channel.SMS)
    order = BEFORE_SENDING + MARKED_NOT_SENT + SENT_NOT_WRITTEN
    random.Random(4).shuffle(order)
    for point in order:
        await (await scene.worker(point)).killed()
    async with scene.store() as store:
        async with scene.rescuer(store):
            await scene.until(store, S.DELIVERED, emails)
        assert set(await states(store, texts)) <= {S.DELIVERED, S.PARKED}
        await scene.check(store)
