"""A memory store with one user, a registry on a manual clock, and a way to notify without the Notifier."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from notify_grpc.core.realtime.events import Event, EventKind
from notify_grpc.core.realtime.registry import RealtimeSettings, SessionRegistry
from notify_grpc.core.realtime.session import SessionLimits
from notify_grpc.domain.cursor import Cursor
from notify_grpc.domain.models import Channel, Content, UserKey
from notify_grpc.ports.store import Created, Notice, Recipient
from notify_grpc.stores.memory import MemoryStore
from tests.support.clock import ManualClock

ADA = UserKey("acme", "ada")
BOB = UserKey("acme", "bob")
SETTINGS = RealtimeSettings(max_sessions=5, max_sessions_per_user=3, session=SessionLimits(queue_events=8))


class World:
    """What the tests act on."""

    def __init__(self, settings: RealtimeSettings = SETTINGS) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(self.clock)
        self.registry = SessionRegistry(self.store, settings=settings, clock=self.clock)

    def with_settings(self, **changes: float) -> SessionRegistry:
        """A second registry on the same store: another instance."""
        return SessionRegistry(self.store, settings=replace(SETTINGS, **changes), clock=self.clock)  # type: ignore[arg-type]  # counts and seconds

    async def open(self) -> None:
        """Start what runs by the clock, and wait until it does."""
        await self.registry.open()
        await self.clock.until_sleeping(2)

    async def store_only(self, key: str, user: UserKey = ADA, body: str = "") -> Created:
        """A notification that no session hears of."""
        notice = Notice(
            user.tenant_id,
            key,
            Content(title=key, body=body),
            (Channel.IN_APP,),
            (Recipient(user.user_id),),
            self.clock.now_ms(),
        )
        return (await self.store.create(notice))[0]

    async def notify(self, key: str, user: UserKey = ADA, body: str = "") -> bool:
        """A notification, offered live; whether a session took it."""
        created = await self.store_only(key, user, body)
        notification = await self.store.get_notification(user, created.id)
        event = Event(EventKind.NOTIFICATION, notification, Cursor(created.epoch, created.change_seq), created.unread)
        return self.registry.publish(user, created.epoch, created.change_seq, lambda: event)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    await world.store.open()
    yield world
    await world.registry.close()
    await world.store.close()
