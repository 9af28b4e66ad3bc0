"""Admission, fan-out, and what time does to sessions."""

from __future__ import annotations

from functools import partial

import pytest

from notify_grpc.core.realtime.events import Event, EventKind
from notify_grpc.core.realtime.session import Session
from notify_grpc.domain.errors import NotifyError, ResourceExhausted, Unauthenticated, Unavailable
from notify_grpc.domain.models import UserKey
from notify_grpc.ports.bus import DataChange, SessionSignal, Wake
from tests.unit.core.realtime.conftest import ADA, BOB, World


async def settled(world: World, user: UserKey = ADA, *, expires_in_s: float = 0) -> Session:
    """A session that has caught up and whose queue is empty."""
    expires = world.clock.now_ms() + round(expires_in_s * 1000) if expires_in_s else 0
    session = await world.registry.connect(user, expires_at_ms=expires)
    while (await session.next_events())[-1].kind is not EventKind.CAUGHT_UP:
        pass
    return session


async def read_to_the_end(session: Session) -> tuple[list[Event], NotifyError]:
    """Everything, and what the stream ended with."""
    events: list[Event] = []
    while True:
        try:
            events += await session.next_events()
        except NotifyError as end:
            return events, end


async def kinds(session: Session) -> list[EventKind]:
    return [e.kind for e in await session.next_events()] if session.queued else []


async def test_every_session_of_the_user_shares_one_event_and_others_hear_nothing(world: World) -> None:
    ada1, ada2, bob = await settled(world), await settled(world), await settled(world, BOB)

    assert await world.notify("n1")

    [event1], [event2] = await ada1.next_events(), await ada2.next_events()
    assert event1 is event2
    assert bob.queued == 0


async def test_nobody_listening_is_not_delivered(world: World) -> None:
    assert not await world.notify("n1")


async def test_same_user_id_of_another_tenant_hears_nothing(world: World) -> None:
    other = await settled(world, UserKey("other", "ada"))

    await world.notify("n1")

    assert other.queued == 0


async def test_a_user_has_a_cap_of_sessions_and_a_closed_one_makes_room(world: World) -> None:
    sessions = [await world.registry.connect(ADA) for _ in range(3)]
    with pytest.raises(ResourceExhausted, match="3 live streams"):
        await world.registry.connect(ADA)

    world.registry.disconnect(sessions[0])
    world.registry.disconnect(sessions[0])

    await world.registry.connect(ADA)
    assert len(world.registry) == 3


async def test_the_process_has_a_cap(world: World) -> None:
    for i in range(5):
        await world.registry.connect(UserKey("acme", f"u{i}"))

    with pytest.raises(ResourceExhausted, match="this instance"):
        await world.registry.connect(BOB)


async def test_a_connect_that_fails_leaves_nothing_behind(world: World) -> None:
    async def down(*_: object) -> object:
        raise Unavailable("the store is down")

    world.store.get_inboxes = down  # type: ignore[assignment,method-assign]  # an outage

    with pytest.raises(Unavailable):
        await world.registry.connect(ADA)

    assert len(world.registry) == 0
    assert not world.registry.sessions_of(ADA)


async def test_heartbeats_come_at_the_interval_and_never_pile_up(world: World) -> None:
    await world.open()
    session = await settled(world)

    await world.clock.advance(31)
    assert session.queued == 1
    await world.clock.advance(95)

    assert session.queued == 1


async def test_a_token_about_to_end_is_announced_once_and_its_end_ends_the_stream(world: World) -> None:
    await world.open()
    session = await settled(world, expires_in_s=120)

    await world.clock.advance(61)
    announced = [e for e in await session.next_events() if e.kind is EventKind.AUTH_EXPIRING]
    await world.clock.advance(5)

    assert [e.at_ms for e in announced] == [session.expires_at_ms]
    assert EventKind.AUTH_EXPIRING not in await kinds(session)
    await world.clock.advance(60)
    assert isinstance((await read_to_the_end(session))[1], Unauthenticated)


async def test_a_refreshed_stream_outlives_its_first_token(world: World) -> None:
    await world.open()
    session = await settled(world, expires_in_s=120)
    await world.clock.advance(100)

    world.registry.refresh(session, world.clock.now_ms() + 600_000)
    await world.clock.advance(300)

    assert not session.ended


async def test_a_stream_at_its_longest_life_is_asked_to_reconnect(world: World) -> None:
    await world.open()
    session = await settled(world)

    await world.clock.advance(session.reconnect_at - world.clock.monotonic() + 1)

    seen, end = await read_to_the_end(session)
    assert seen[-1].kind is EventKind.RECONNECT
    assert isinstance(end, Unavailable)


async def test_a_reader_that_does_not_come_for_the_end_keeps_no_place(world: World) -> None:
    await world.open()
    expiring, aging = await settled(world, expires_in_s=120), await settled(world)
    left: list[str] = []
    for session, name in ((expiring, "expiring"), (aging, "aging")):
        session.interrupt = partial(left.append, name)
    await world.notify("n1")

    await world.clock.advance(122)
    assert (left, list(world.registry.sessions_of(ADA))) == (["expiring"], [aging])
    assert expiring.queued == 0
    await world.clock.advance(aging.reconnect_at - world.clock.monotonic() + 2)
    assert list(world.registry.sessions_of(ADA)) == [aging], "it is given a while"
    await world.clock.advance(10)

    assert (left, len(world.registry)) == (["expiring", "aging"], 0)


async def test_draining_asks_everybody_to_reconnect_and_admits_nobody(world: World) -> None:
    session = await settled(world)

    world.registry.drain()

    [event] = await session.next_events()
    assert event.kind is EventKind.RECONNECT
    assert 0 <= event.after_ms <= 5_000
    with pytest.raises(Unavailable):
        await world.registry.connect(BOB)


async def test_a_lost_wake_up_is_made_up_for_by_the_check(world: World) -> None:
    await world.open()
    session = await settled(world)
    await world.store_only("unheard")

    await world.clock.advance(15)

    assert [e.notification.content.title for e in await session.next_events() if e.notification] == ["unheard"]


async def test_a_wake_of_another_instance_makes_sessions_read(world: World) -> None:
    session = await settled(world)
    created = await world.store_only("elsewhere")

    world.registry.on_wakes([Wake(ADA, created.epoch, created.change_seq)])

    [event] = await session.next_events()
    assert event.notification is not None
    assert event.notification.id == created.id


def change(key: str = "k1") -> DataChange:
    return DataChange((ADA,), key, "order/1", "order")


async def test_a_data_change_is_repeated_until_the_attempts_are_used_up(world: World) -> None:
    await world.open()
    session = await settled(world)

    assert world.registry.publish_data_change(change()) == 1
    seen = await kinds(session)
    for _ in range(6):
        await world.clock.advance(5)
        seen += await kinds(session)

    assert seen.count(EventKind.DATA_CHANGE) == 3
    assert not session.data_changes


async def test_an_acknowledged_data_change_is_not_repeated_to_that_session_only(world: World) -> None:
    await world.open()
    acked, other = await settled(world), await settled(world)
    world.registry.publish_data_change(change())
    await acked.next_events()
    await other.next_events()

    world.registry.on_signal(SessionSignal(ADA, acked.id, acked_key="k1"))
    await world.clock.advance(6)

    assert await kinds(acked) == []
    assert await kinds(other) == [EventKind.DATA_CHANGE]


async def test_another_user_cannot_acknowledge_or_refresh(world: World) -> None:
    session = await settled(world, expires_in_s=60)
    world.registry.publish_data_change(change())
    expiry = session.expires_at_ms

    world.registry.on_signal(SessionSignal(BOB, session.id, acked_key="k1", expires_at_ms=expiry + 1))

    assert session.data_changes is not None
    assert "k1" in session.data_changes
    assert session.expires_at_ms == expiry


async def test_a_key_that_is_open_is_not_sent_twice(world: World) -> None:
    session = await settled(world)
    world.registry.publish_data_change(change())

    assert world.registry.publish_data_change(change()) == 0
    assert await kinds(session) == [EventKind.DATA_CHANGE]
