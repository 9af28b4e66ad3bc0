"""Reading an inbox."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from notify_grpc.core.commands import NotifyCommand
from notify_grpc.core.notifier import Notifier
from notify_grpc.core.realtime.events import EventKind
from notify_grpc.core.realtime.session import Session
from notify_grpc.domain.errors import InvalidArgument, NotFound
from notify_grpc.domain.ids import new_id
from notify_grpc.domain.models import Content, Device, DeviceType, Notification, UserKey
from notify_grpc.stores.memory import MemoryStore

ADA, BOB = UserKey("acme", "ada"), UserKey("acme", "bob")


@pytest.fixture
async def notifier() -> AsyncIterator[Notifier]:
    async with Notifier(MemoryStore()) as notifier:
        yield notifier


async def fill(notifier: Notifier, count: int, body: str = "") -> None:
    for i in range(count):
        await notifier.notify(NotifyCommand("acme", f"n{i}", ["ada"], Content(title=f"n{i}", body=body)))


async def everything(notifier: Notifier, limit: int = 0) -> list[Notification]:
    found: list[Notification] = []
    cursor = ""
    while True:
        page, cursor, _ = await notifier.inbox.page(ADA, cursor=cursor, limit=limit)
        found += page
        if not cursor:
            return found


async def live(notifier: Notifier) -> Session:
    session = await notifier.sessions.connect(ADA)
    while (await session.next_events())[-1].kind is not EventKind.CAUGHT_UP:
        pass
    return session


async def test_pages_are_newest_first_and_give_each_item_once(notifier: Notifier) -> None:
    await fill(notifier, 25)

    assert [n.content.title for n in await everything(notifier, 10)] == [f"n{i}" for i in range(24, -1, -1)]


async def test_large_bodies_end_a_page_early_and_lose_nothing(notifier: Notifier) -> None:
    await fill(notifier, 20, body="x" * 500_000)

    first, cursor, unread = await notifier.inbox.page(ADA, limit=20)

    assert len(first) == 6
    assert cursor
    assert unread == 20
    assert len(await everything(notifier, 20)) == 20


@pytest.mark.parametrize("cursor", ["x", "p", "p0", "p-1", "p99999999999999999999", "1:2", "p１"])
async def test_a_foreign_cursor_is_refused(notifier: Notifier, cursor: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await notifier.inbox.page(ADA, cursor=cursor)

    assert caught.value.field == "cursor"


async def test_reading_shows_on_the_other_sessions_once(notifier: Notifier) -> None:
    await fill(notifier, 1)
    [item] = await everything(notifier)
    phone, browser = await live(notifier), await live(notifier)

    await notifier.inbox.ack(ADA, item.id)
    await notifier.inbox.ack(ADA, item.id)

    [seen], [also] = await phone.next_events(), await browser.next_events()
    assert seen is also
    assert seen.unread == 0
    assert seen.notification is not None
    assert seen.notification.read_at_ms > 0
    assert phone.queued == browser.queued == 0


@pytest.mark.parametrize("id", ["nonsense", new_id(1)], ids=["malformed", "unknown"])
async def test_an_unknown_id_is_not_found(notifier: Notifier, id: str) -> None:
    with pytest.raises(NotFound):
        await notifier.inbox.ack(ADA, id)


async def test_anothers_item_is_as_absent(notifier: Notifier) -> None:
    await fill(notifier, 1)
    [item] = await everything(notifier)

    with pytest.raises(NotFound) as theirs:
        await notifier.inbox.ack(BOB, item.id)
    with pytest.raises(NotFound) as nobodys:
        await notifier.inbox.ack(BOB, new_id(1))

    assert str(theirs.value) == str(nobodys.value)
    assert (await notifier.inbox.page(ADA))[2] == 1


async def test_marking_all_read_reaches_live_sessions_and_is_idempotent(notifier: Notifier) -> None:
    await fill(notifier, 3)
    session = await live(notifier)

    assert await notifier.inbox.mark_all_read(ADA) == 3
    assert await notifier.inbox.mark_all_read(ADA) == 0

    events = await session.next_events()
    assert [e.notification.read_at_ms > 0 for e in events if e.notification] == [True] * 3
    assert events[-1].unread == 0


async def test_refreshing_a_session_that_is_not_the_callers_is_not_found(notifier: Notifier) -> None:
    session = await live(notifier)

    notifier.inbox.refresh(ADA, session.id, 123)

    assert session.expires_at_ms == 123
    with pytest.raises(NotFound):
        notifier.inbox.refresh(BOB, session.id, 999)


async def test_unregistering_what_is_not_there_is_no_error(notifier: Notifier) -> None:
    await notifier.inbox.register_device(ADA, Device(DeviceType.IOS, "phone", "t"))
    await notifier.inbox.unregister_device(ADA, DeviceType.IOS, "phone")
    await notifier.inbox.unregister_device(ADA, DeviceType.IOS, "phone")
