"""Presence through an outage of what keeps it: afterwards it shows who is there, and nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from notify_grpc.buses.announcer import Announcer
from notify_grpc.domain.errors import Unavailable
from notify_grpc.domain.models import DeviceType, UserKey
from notify_grpc.ports.bus import LiveSession, UserPresence
from tests.support.clock import ManualClock

TTL_S = 30.0


def session(name: str) -> LiveSession:
    return LiveSession(UserKey("acme", "ada"), name, DeviceType.BROWSER)


class Backend:
    """What one instance wrote. ``lost_answers`` writes are kept and all the same answered with an error."""

    def __init__(self) -> None:
        self.down = self.known = False
        self.lost_answers = 0
        self.kept: set[str] = set()

    async def renew(self) -> bool:
        self._check()
        known, self.known = self.known, True
        return known

    async def write(self, opened: Sequence[LiveSession], closed: Sequence[LiveSession]) -> None:
        self._check()
        self.kept |= {one.session_id for one in opened}
        self.kept -= {one.session_id for one in closed}
        if self.lost_answers:
            self.lost_answers -= 1
            raise Unavailable("no answer")

    async def withdraw(self) -> None:
        self._check()
        self.known = False
        self.kept.clear()

    async def find(self, users: Sequence[UserKey]) -> Mapping[UserKey, UserPresence]:
        return {}

    async def close(self) -> None: ...

    def _check(self) -> None:
        if self.down:
            raise Unavailable("down")


class World:
    """An instance with its sessions."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.backend = Backend()
        self.presence = Announcer(self.backend, TTL_S, clock=clock)
        self.sessions: dict[str, LiveSession] = {}

    def connect(self, name: str) -> None:
        self.sessions[name] = session(name)
        self.presence.opened(self.sessions[name])

    def disconnect(self, name: str) -> None:
        self.presence.closed(self.sessions.pop(name))


@pytest.fixture
async def world(clock: ManualClock) -> AsyncIterator[World]:
    world = World(clock)
    await world.presence.open(lambda: list(world.sessions.values()))
    await clock.until_sleeping(1)
    world.connect("early")
    await clock.until_sleeping(2)
    await clock.advance(1)
    assert world.backend.kept == {"early"}
    yield world
    world.backend.down = False
    await world.presence.close()


async def test_a_session_that_ended_during_an_outage_is_not_shown_after_it(world: World) -> None:
    world.backend.down = True
    world.disconnect("early")
    world.connect("late")
    await world.clock.advance(TTL_S)

    world.backend.down = False
    await world.clock.advance(TTL_S)

    assert world.backend.kept == {"late"}


async def test_a_session_whose_end_came_between_two_tries_is_not_shown(world: World) -> None:
    world.connect("short")
    world.backend.lost_answers = 1
    await world.clock.until_sleeping(2)
    await world.clock.advance(1)
    world.disconnect("short")

    await world.clock.advance(TTL_S)

    assert world.backend.kept == {"early"}


async def test_an_instance_that_was_forgotten_is_written_anew(world: World) -> None:
    world.backend.known = False
    world.backend.kept = {"of an earlier life"}

    await world.clock.advance(TTL_S)

    assert world.backend.kept == {"early"}
