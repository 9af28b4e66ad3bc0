"""A session loses nothing, repeats nothing and keeps the order, however slow its reader is."""

from __future__ import annotations

import asyncio

import pytest

from notify_grpc.core.realtime.events import Event, EventKind, ResyncReason
from notify_grpc.core.realtime.session import Session
from notify_grpc.domain.cursor import Cursor
from notify_grpc.domain.errors import Unauthenticated, Unavailable
from notify_grpc.domain.models import Status
from tests.support.waiting import eventually
from tests.unit.core.realtime.conftest import ADA, World


async def read_until(session: Session, kind: EventKind) -> list[Event]:
    """Everything up to and with the first event of a kind."""
    events: list[Event] = []
    while not events or events[-1].kind is not kind:
        events += await session.next_events()
    return events


def titles(events: list[Event]) -> list[str]:
    return [e.notification.content.title for e in events if e.notification]


async def test_first_event_is_a_heartbeat_with_the_unread_count(world: World) -> None:
    await world.store_only("n1")
    session = await world.registry.connect(ADA)

    first, *_ = await session.next_events()

    assert first.kind is EventKind.HEARTBEAT
    assert first.unread == 1


async def test_without_a_cursor_the_stream_starts_live_and_says_where(world: World) -> None:
    await world.store_only("before")
    session = await world.registry.connect(ADA)

    events = await read_until(session, EventKind.CAUGHT_UP)

    assert titles(events) == []
    assert events[-1].cursor is not None
    assert events[-1].cursor.seq == 1


async def test_a_cursor_brings_the_backlog_then_caught_up_then_live_without_a_seam(world: World) -> None:
    first = await world.store_only("n1")
    for i in range(2, 121):
        await world.store_only(f"n{i}")
    session = await world.registry.connect(ADA, resume_after=Cursor(first.epoch, first.change_seq))
    backlog = [*await session.next_events(), *await session.next_events()]
    await world.notify("during")

    events = backlog + await read_until(session, EventKind.CAUGHT_UP)
    await world.notify("after")
    live = await session.next_events()

    assert titles(events) == [f"n{i}" for i in range(2, 121)] + ["during"]
    assert titles(live) == ["after"]


async def test_live_events_are_handed_over_together(world: World) -> None:
    session = await world.registry.connect(ADA)
    await read_until(session, EventKind.CAUGHT_UP)

    assert await world.notify("n1")
    assert await world.notify("n2")

    events = await session.next_events()
    assert titles(events) == ["n1", "n2"]
    assert [e.unread for e in events] == [1, 2]


async def test_a_full_queue_is_made_up_for_from_the_store(world: World) -> None:
    session = await world.registry.connect(ADA)
    await read_until(session, EventKind.CAUGHT_UP)

    taken = [await world.notify(f"n{i}") for i in range(30)]

    assert taken == [True] * 8 + [False] * 22
    assert session.queued == 8
    events: list[Event] = []
    while len(events) < 30:
        events += await session.next_events()
    assert titles(events) == [f"n{i}" for i in range(30)]
    assert not session.behind


async def test_the_queue_is_bounded_in_bytes_but_takes_one_event_of_any_size(world: World) -> None:
    session = await world.registry.connect(ADA)
    await read_until(session, EventKind.CAUGHT_UP)

    assert await world.notify("huge", body="x" * (2 << 20))
    assert not await world.notify("next", body="y" * 1_000)

    events = [*await session.next_events(), *await session.next_events()]
    assert titles(events) == ["huge", "next"]


async def test_a_change_that_no_wake_up_announced_is_read_before_the_next_one(world: World) -> None:
    session = await world.registry.connect(ADA)
    await read_until(session, EventKind.CAUGHT_UP)
    await world.store_only("unannounced")

    assert not await world.notify("announced")

    assert titles(await session.next_events()) == ["unannounced", "announced"]


async def test_an_event_seen_already_is_not_repeated(world: World) -> None:
    session = await world.registry.connect(ADA)
    await read_until(session, EventKind.CAUGHT_UP)
    await world.notify("n1")
    [event] = await session.next_events()
    assert event.cursor is not None

    assert not session.offer(event, *event.cursor)
    session.notice(*event.cursor)

    assert session.queued == 0
    assert not session.behind


async def test_a_change_while_the_backlog_is_read_is_not_lost(world: World) -> None:
    """The offer comes after the read's snapshot and before the session is live again."""
    session = await world.registry.connect(ADA, resume_after=Cursor(0, 0))
    await session.next_events()
    read = world.store.list_changes

    async def read_then_commit_another(*args: object, **kwargs: object) -> object:
        world.store.list_changes = read  # type: ignore[method-assign]  # the race happens once
        changes = await read(*args, **kwargs)  # type: ignore[arg-type]  # passed on
        await world.notify("late")
        return changes

    world.store.list_changes = read_then_commit_another  # type: ignore[assignment,method-assign]  # the race, by hand

    assert titles(await read_until(session, EventKind.CAUGHT_UP)) == ["late"]


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [
        (Cursor(12345, 1), ResyncReason.FOREIGN_EPOCH),
        (Cursor(0, 3), ResyncReason.FOREIGN_EPOCH),
        (None, ResyncReason.FUTURE),
    ],
)
async def test_a_cursor_that_cannot_be_continued_gets_resync_and_goes_on_live(
    world: World, cursor: Cursor | None, reason: ResyncReason
) -> None:
    created = await world.store_only("n1")
    session = await world.registry.connect(ADA, resume_after=cursor or Cursor(created.epoch, 99))

    events = await read_until(session, EventKind.CAUGHT_UP)
    await world.notify("n2")

    resync = next(e for e in events if e.kind is EventKind.RESYNC)
    assert resync.reason is reason
    assert resync.cursor == Cursor(created.epoch, 1)
    assert resync.unread == 1
    assert titles(await session.next_events()) == ["n2"]


async def test_a_cursor_older_than_what_is_kept_gets_resync(world: World) -> None:
    created = await world.store_only("n1")
    await world.store_only("n2")
    await world.clock.advance(10)
    await world.store.prune(world.clock.now_ms(), limit=10)
    session = await world.registry.connect(ADA, resume_after=Cursor(created.epoch, 1))

    events = await read_until(session, EventKind.CAUGHT_UP)

    assert [e.reason for e in events if e.kind is EventKind.RESYNC] == [ResyncReason.EXPIRED]


async def test_erasing_the_user_makes_a_live_session_start_anew(world: World) -> None:
    await world.store_only("n1")
    session = await world.registry.connect(ADA)
    await read_until(session, EventKind.CAUGHT_UP)

    await world.store.erase_user(ADA)
    world.registry.reached(ADA, 0, 0)
    [resync] = await session.next_events()
    await world.notify("again")

    assert resync.kind is EventKind.RESYNC
    assert titles(await session.next_events()) == ["again"]


async def test_what_a_session_took_is_recorded_as_delivered(world: World) -> None:
    await world.open()
    created = await world.store_only("n1")
    session = await world.registry.connect(ADA, resume_after=Cursor(0, 0))
    await read_until(session, EventKind.CAUGHT_UP)
    await world.clock.until_sleeping(3)

    await world.clock.advance(1)

    assert (await world.store.get_notification(ADA, created.id)).status is Status.DELIVERED


async def test_a_store_that_is_down_holds_the_stream_up_and_does_not_end_it(world: World) -> None:
    session = await world.registry.connect(ADA, resume_after=Cursor(0, 0))
    await session.next_events()
    await world.store_only("n1")
    read = world.store.list_changes

    async def down(*_: object, **__: object) -> object:
        raise Unavailable("the store is down")

    world.store.list_changes = down  # type: ignore[assignment,method-assign]  # an outage
    reading = asyncio.create_task(session.next_events())
    await asyncio.sleep(0)
    assert not reading.done()

    world.store.list_changes = read  # type: ignore[method-assign]  # the outage is over
    world.registry.tick()

    assert titles(await reading) == ["n1"]


async def test_an_ended_stream_hands_over_what_is_queued_then_raises(world: World) -> None:
    session = await world.registry.connect(ADA)
    await read_until(session, EventKind.CAUGHT_UP)
    await world.notify("n1")

    session.end(Unauthenticated("expired"))
    session.end(Unavailable("later"))

    assert titles(await session.next_events()) == ["n1"]
    with pytest.raises(Unauthenticated):
        await session.next_events()


async def test_a_waiting_reader_is_woken_by_the_end(world: World) -> None:
    session = await world.registry.connect(ADA)
    await read_until(session, EventKind.CAUGHT_UP)
    reading = asyncio.create_task(session.next_events())
    await eventually(lambda: session._waiter is not None)

    world.registry.disconnect(session)

    with pytest.raises(Unavailable):
        await reading


async def test_a_backlog_of_large_bodies_is_read_in_small_pages(world: World) -> None:
    for i in range(40):
        await world.store_only(f"n{i}", body="x" * 400_000)
    session = await world.registry.connect(ADA, resume_after=Cursor(0, 0))
    await session.next_events()

    pages: list[list[str]] = []
    while sum(map(len, pages)) < 40:
        pages.append(titles(await session.next_events()))

    assert [key for page in pages for key in page] == [f"n{i}" for i in range(40)]
    assert [len(page) for page in pages][:3] == [16, 2, 2]
