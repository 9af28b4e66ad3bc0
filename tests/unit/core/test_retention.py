"""Old notifications go, in batches, and an outage only delays it."""

from __future__ import annotations

import pytest

from notify_grpc.core.retention import RetentionSweep
from notify_grpc.domain.deliveries import Target
from notify_grpc.domain.errors import ResourceExhausted, Unavailable
from notify_grpc.domain.models import Channel, Content, UserKey
from notify_grpc.ports.store import Notice, Recipient
from notify_grpc.stores.memory import MemoryStore
from tests.support.clock import ManualClock
from tests.support.dispatching import Recorder

DAY_S = 86_400.0
ADA = UserKey("acme", "ada")


async def fill(store: MemoryStore, clock: ManualClock, count: int) -> None:
    for i in range(count):
        await store.create(
            Notice("acme", f"n{clock.now_ms()}-{i}", Content(), (Channel.IN_APP,), (Recipient("ada"),), clock.now_ms())
        )


async def left(store: MemoryStore) -> int:
    return len((await store.list_notifications(ADA, before=None, limit=100)).notifications)


async def test_a_sweep_removes_what_is_too_old_whatever_the_batch(clock: ManualClock) -> None:
    store = MemoryStore(clock)
    await fill(store, clock, 25)
    await clock.advance(2 * DAY_S)
    await fill(store, clock, 3)

    removed = await RetentionSweep(store, DAY_S, batch=10, clock=clock).sweep()

    assert (removed, await left(store)) == (25, 3)


async def test_what_waits_for_a_provider_that_was_taken_away_does_not_stay_for_ever(clock: ManualClock) -> None:
    store, recorder = MemoryStore(clock), Recorder()
    targets = {channel: Target(channel, "somewhere") for channel in (Channel.EMAIL, Channel.SMS)}
    for number, channel in enumerate([Channel.SMS, Channel.EMAIL] * 3):
        recipient = Recipient("ada", (targets[channel],))
        await store.create(Notice("acme", f"n{number}", Content(), (channel,), (recipient,), clock.now_ms()))
    sweep = RetentionSweep(store, DAY_S, batch=2, served=[Channel.EMAIL], clock=clock, events=recorder)

    assert await sweep.sweep() == 0, "it may come back"
    await clock.advance(DAY_S + 1)

    assert (await sweep.sweep(), await left(store)) == (3, 3)
    assert recorder.types() == ["delivery.expired"] * 3
    assert {(event.data["error_code"], event.data["channel"]) for event in recorder.events} == {("no_provider", "sms")}


@pytest.mark.parametrize("error", [Unavailable("down"), ResourceExhausted("full"), RuntimeError("a defect")])
async def test_it_sweeps_at_every_interval_and_survives_an_outage(clock: ManualClock, error: Exception) -> None:
    store = MemoryStore(clock)
    await fill(store, clock, 2)
    prune, sweep = store.prune, RetentionSweep(store, DAY_S, interval_s=3_600, clock=clock)

    async def down(*_: object, **__: object) -> int:
        raise error

    store.prune = down  # type: ignore[method-assign]  # an outage
    await sweep.open()
    await clock.until_sleeping()
    await clock.advance(2 * DAY_S)
    assert await left(store) == 2

    store.prune = prune  # type: ignore[method-assign]  # the end of the outage
    await clock.advance(3_601)

    assert await left(store) == 0
    await sweep.close()
    await sweep.close()


@pytest.mark.parametrize("age_s", [0.0])
async def test_an_age_of_nothing_keeps_everything(clock: ManualClock, age_s: float) -> None:
    store = MemoryStore(clock)
    await fill(store, clock, 1)
    sweep = RetentionSweep(store, age_s, clock=clock)
    await sweep.open()
    await clock.advance(1_000 * DAY_S)

    assert await left(store) == 1
    assert clock.sleeping == 0
