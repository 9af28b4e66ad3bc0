"""What comes while a session reads the store: an end, an erasure, a gap of the bus, a store that refuses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from notify_grpc.core.realtime.events import EventKind
from notify_grpc.core.realtime.session import Session
from notify_grpc.domain.cursor import Cursor
from notify_grpc.domain.errors import ResourceExhausted, Unavailable
from notify_grpc.domain.models import Status
from tests.unit.core.realtime.conftest import ADA, World
from tests.unit.core.realtime.test_session import read_until, titles


class Read:
    """One read of a user's changes, held up: ``begun`` is set when the store has its answer, given on ``go``."""

    def __init__(self, world: World, error: Exception | None = None) -> None:
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        real: Any = world.store.list_changes

        async def held(*args: object, **kwargs: object) -> object:
            world.store.list_changes = real  # type: ignore[method-assign]  # only this one
            answer = await real(*args, **kwargs)
            self.begun.set()
            await self.go.wait()
            if error is not None:
                raise error
            return answer

        world.store.list_changes = held  # type: ignore[assignment,method-assign]  # a slow answer


async def settled(world: World) -> Session:
    session = await world.registry.connect(ADA)
    await read_until(session, EventKind.CAUGHT_UP)
    return session


async def test_an_end_during_a_read_that_fails_ends_the_stream(world: World) -> None:
    session = await settled(world)
    read = Read(world, Unavailable("the store is down"))
    session.fall_behind()
    reading = asyncio.create_task(session.next_events())
    await read.begun.wait()

    world.registry.drain(0)
    read.go.set()

    async with asyncio.timeout(5):
        assert [event.kind for event in await reading] == [EventKind.RECONNECT]
        with pytest.raises(Unavailable):
            await session.next_events()


async def test_an_erasure_during_a_read_is_not_forgotten(world: World) -> None:
    await world.store_only("n1")
    session = await settled(world)
    read = Read(world)
    session.fall_behind()
    reading = asyncio.create_task(session.next_events())
    await read.begun.wait()

    await world.store.erase_user(ADA)
    world.registry.reached(ADA, 0, 0)
    read.go.set()

    async with asyncio.timeout(5):
        assert [event.kind for event in await reading] == [EventKind.RESYNC]


async def test_a_gap_of_the_bus_during_a_read_makes_it_read_once_more(world: World) -> None:
    session = await settled(world)
    read = Read(world)
    session.fall_behind()
    reading = asyncio.create_task(session.next_events())
    await read.begun.wait()

    await world.store_only("unheard")
    world.registry.on_gap()
    read.go.set()

    async with asyncio.timeout(5):
        assert titles(await reading) == ["unheard"]


async def test_an_erasure_nobody_heard_of_is_found_by_the_check(world: World) -> None:
    await world.store_only("n1")
    session = await settled(world)
    await world.store.erase_user(ADA)

    await world.registry.check()

    async with asyncio.timeout(5):
        assert [event.kind for event in await session.next_events()] == [EventKind.RESYNC]


async def test_the_check_leaves_a_user_without_an_inbox_alone(world: World) -> None:
    session = await settled(world)

    await world.registry.check()

    assert not session.behind


async def test_a_store_with_no_room_for_a_read_holds_the_stream_up_and_does_not_end_it(world: World) -> None:
    session = await settled(world)
    await world.store_only("n1")
    read = Read(world, ResourceExhausted("too many calls wait"))
    session.fall_behind()
    reading = asyncio.create_task(session.next_events())
    await read.begun.wait()

    read.go.set()
    await asyncio.sleep(0)
    world.registry.tick()

    async with asyncio.timeout(5):
        assert titles(await reading) == ["n1"]


@pytest.mark.parametrize("error", [ResourceExhausted("too many calls wait"), RuntimeError("a defect")])
async def test_one_failed_look_at_the_store_is_not_the_last(world: World, error: Exception) -> None:
    real: Any = world.store.get_inboxes

    async def refuse_once(*_: object) -> object:
        world.store.get_inboxes = real  # type: ignore[method-assign]  # only this time
        raise error

    await world.open()
    session = await settled(world)
    world.store.get_inboxes = refuse_once  # type: ignore[assignment,method-assign]  # an exhausted pool
    await world.store_only("unheard")

    await world.clock.advance(15)
    await world.clock.advance(15)

    async with asyncio.timeout(5):
        assert titles(await read_until(session, EventKind.NOTIFICATION)) == ["unheard"]


@pytest.mark.parametrize("error", [ResourceExhausted("too many calls wait"), RuntimeError("a defect")])
async def test_delivered_marks_go_on_after_the_store_refused_some(world: World, error: Exception) -> None:
    real: Any = world.store.mark_delivered

    async def refuse_once(*_: object) -> object:
        world.store.mark_delivered = real  # type: ignore[method-assign]  # only this time
        raise error

    await world.open()
    first = await world.store_only("n1")
    world.store.mark_delivered = refuse_once  # type: ignore[assignment,method-assign]  # an exhausted pool
    session = await world.registry.connect(ADA, resume_after=Cursor(0, 0))
    await read_until(session, EventKind.CAUGHT_UP)
    await world.clock.advance(5)
    second = await world.store_only("n2")
    world.registry.reached(ADA, second.epoch, second.change_seq)
    await session.next_events()

    await world.clock.advance(5)

    statuses = [(await world.store.get_notification(ADA, one.id)).status for one in (first, second)]
    assert statuses[1] is Status.DELIVERED
    assert (statuses[0] is Status.DELIVERED) is isinstance(error, ResourceExhausted)
