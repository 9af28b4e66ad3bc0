"""Who is online, over all instances."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from notify_grpc.domain.models import DeviceType, UserKey
from notify_grpc.ports.bus import LiveSession, Presence, UserPresence
from tests.support.waiting import eventually

ADA, BOB = UserKey("acme", "ada"), UserKey("acme", "bob")
TTL_S = 0.6
"""Short, so that a death is seen to expire by the backend's own clock."""
MakePresence = Callable[[str], Presence]


def session(user: UserKey, name: str, device_type: DeviceType = DeviceType.BROWSER) -> LiveSession:
    return LiveSession(user, name, device_type)


class Watched:
    """An instance's presence with the sessions it has."""

    def __init__(self, presence: Presence) -> None:
        self.presence = presence
        self.sessions: list[LiveSession] = []

    def connect(self, session: LiveSession) -> None:
        self.sessions.append(session)
        self.presence.opened(session)

    def disconnect(self, session: LiveSession) -> None:
        self.sessions.remove(session)
        self.presence.closed(session)

    async def sees(self, user: UserKey, expected: UserPresence | None) -> None:
        """Wait until this is what it finds."""

        async def found() -> bool:
            return (await self.presence.find([user])).get(user) == expected

        await eventually(found)


class PresenceSuite:
    """Needs a fixture ``make_presence``: of the named instance, with a time to live of TTL_S."""

    @pytest.fixture
    async def a(self, make_presence: MakePresence) -> AsyncIterator[Watched]:
        async with AsyncExitStack() as stack:
            yield await self._open(make_presence("a"), stack)

    @pytest.fixture
    async def b(self, make_presence: MakePresence) -> AsyncIterator[Watched]:
        async with AsyncExitStack() as stack:
            yield await self._open(make_presence("b"), stack)

    async def _open(self, presence: Presence, stack: AsyncExitStack) -> Watched:
        watched = Watched(presence)
        await presence.open(lambda: list(watched.sessions))
        stack.push_async_callback(presence.close)
        return watched

    async def test_sessions_instances_and_devices_are_counted_over_all(self, a: Watched, b: Watched) -> None:
        a.connect(session(ADA, "1"))
        a.connect(session(ADA, "2", DeviceType.IOS))
        b.connect(session(ADA, "3", DeviceType.IOS))
        b.connect(session(BOB, "4"))

        both = frozenset({DeviceType.BROWSER, DeviceType.IOS})
        await a.sees(ADA, UserPresence(3, 2, both))
        await b.sees(ADA, UserPresence(3, 2, both))
        await a.sees(BOB, UserPresence(1, 1, frozenset({DeviceType.BROWSER})))

    async def test_a_closed_session_is_gone(self, a: Watched) -> None:
        one, two = session(ADA, "1"), session(ADA, "2")
        a.connect(one)
        a.connect(two)
        await a.sees(ADA, UserPresence(2, 1, frozenset({DeviceType.BROWSER})))

        a.disconnect(one)
        await a.sees(ADA, UserPresence(1, 1, frozenset({DeviceType.BROWSER})))
        a.disconnect(two)
        await a.sees(ADA, None)

    async def test_nobody_and_strangers_are_missing(self, a: Watched) -> None:
        a.connect(session(ADA, "1"))
        await a.sees(ADA, UserPresence(1, 1, frozenset({DeviceType.BROWSER})))

        found = await a.presence.find([BOB, UserKey("other", "ada"), UserKey("acm", "e:ada"), UserKey("acme:", "ada")])

        assert not found
        assert not await a.presence.find([])

    async def test_a_living_instance_outlasts_the_time_to_live(self, a: Watched, b: Watched) -> None:
        a.connect(session(ADA, "1"))
        await b.sees(ADA, UserPresence(1, 1, frozenset({DeviceType.BROWSER})))
        b.connect(session(BOB, "2"))
        for _ in range(5):
            one_more = session(BOB, f"later-{_}")
            b.connect(one_more)
            await b.sees(BOB, UserPresence(2, 1, frozenset({DeviceType.BROWSER})))
            b.disconnect(one_more)
            await b.sees(BOB, UserPresence(1, 1, frozenset({DeviceType.BROWSER})))

        assert ADA in await b.presence.find([ADA])

    async def test_a_dead_instances_sessions_expire(self, a: Watched, make_presence: MakePresence) -> None:
        async with AsyncExitStack() as stack:
            dying = await self._open(make_presence("dying"), stack)
            dying.connect(session(ADA, "1"))
            await a.sees(ADA, UserPresence(1, 1, frozenset({DeviceType.BROWSER})))
            self.die(dying.presence)

            await a.sees(ADA, None)

    def die(self, presence: Presence) -> None:
        """Stop renewing, as a killed process does."""
        for task in presence._tasks:  # type: ignore[attr-defined]  # what a kill -9 would do, without a process
            task.cancel()

    async def test_an_instance_that_leaves_is_gone_at_once(self, a: Watched, make_presence: MakePresence) -> None:
        leaving = make_presence("leaving")
        await leaving.open(lambda: [session(ADA, "1")])
        await a.sees(ADA, UserPresence(1, 1, frozenset({DeviceType.BROWSER})))

        await leaving.close()
        await leaving.close()

        assert ADA not in await a.presence.find([ADA])
