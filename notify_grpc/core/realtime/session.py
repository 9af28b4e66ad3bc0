"""One live stream: a bounded queue in front of the store.

Events of a user carry dense sequence numbers. A session takes the one that follows its last; anything else, or a full
queue, marks it *behind*, and it reads what it missed from the store before it goes live again. So a slow reader loses
nothing, a lost wake-up is noticed, and fan-out never waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from notify_grpc.core.realtime.events import Event, EventKind, resync_reason
from notify_grpc.domain.cursor import Cursor
from notify_grpc.domain.errors import NotifyError
from notify_grpc.domain.models import DeviceType, Inbox, Status, UserKey
from notify_grpc.ports.bus import LiveSession
from notify_grpc.ports.store import AWAY, InboxStore

_FIRST_PAGE = 16
"""Rows of a session's first read, whose size is not known yet."""

_UNKNOWN = -1
"""The epoch of no inbox."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What one session may hold."""

    queue_events: int = 128
    queue_bytes: int = 1 << 20
    catch_up_page: int = 100
    """Rows read at once at most; fewer when they are large, so that a page stays near ``queue_bytes``."""


class SessionStats:
    """What all sessions of a registry count together; read once a second."""

    __slots__ = ("catchups", "events")

    def __init__(self) -> None:
        self.catchups = 0
        self.events = [0] * (len(EventKind) + 1)
        """Handed over, by EventKind.value."""


@dataclass(slots=True)
class DataChangeRepeat:
    """A data change a session has not acknowledged yet."""

    event: Event
    attempts: int
    due_at: float


class Session:
    """One live stream. Made by SessionRegistry.open; read with next_events until it raises."""

    __slots__ = (
        "_behind",
        "_cursor",
        "_delivered",
        "_ended",
        "_limits",
        "_page",
        "_queue",
        "_queued_bytes",
        "_seen",
        "_started",
        "_stats",
        "_store",
        "_waiter",
        "data_changes",
        "device_id",
        "device_type",
        "expires_at_ms",
        "expiry_announced",
        "heartbeat_at",
        "id",
        "interrupt",
        "interrupted",
        "leave_by",
        "reconnect_at",
        "user",
    )

    def __init__(
        self,
        session_id: str,
        user: UserKey,
        device_type: DeviceType,
        device_id: str,
        *,
        store: InboxStore,
        resume_after: Cursor | None,
        expires_at_ms: int,
        limits: SessionLimits,
        delivered: Callable[[UserKey, str], None],
        stats: SessionStats,
    ) -> None:
        self.id = session_id
        self.user = user
        self.device_type = device_type
        self.device_id = device_id
        self.expires_at_ms = expires_at_ms
        self.expiry_announced = False
        self.heartbeat_at = 0.0
        self.reconnect_at = 0.0
        self.leave_by = 0.0
        """Until when its reader may take what is left of an ended session; 0 if that is not decided."""
        self.interrupt: Callable[[], object] | None = None
        """How to get a reader out of what it does with its events; the reader's to set and to take back."""
        self.interrupted = False
        self.data_changes: dict[str, DataChangeRepeat] | None = None
        self._store = store
        self._limits = limits
        self._delivered = delivered
        self._stats = stats
        self._cursor = resume_after
        self._page = min(_FIRST_PAGE, limits.catch_up_page)
        self._started = False
        self._behind = True
        self._seen: Cursor | None = None
        self._queue: list[Event] = []
        self._queued_bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._ended: NotifyError | None = None

    @property
    def live(self) -> LiveSession:
        """As presence sees it."""
        return LiveSession(self.user, self.id, self.device_type)

    @property
    def cursor(self) -> Cursor:
        """The last place handed over or queued."""
        return self._cursor or Cursor(0, 0)

    @property
    def behind(self) -> bool:
        """Whether it will read from the store before it goes live."""
        return self._behind

    @property
    def queued(self) -> int:
        """Events waiting for the reader."""
        return len(self._queue)

    def offer(self, event: Event, epoch: int, seq: int) -> bool:
        """Take a live event if it is the next one and fits; else read it from the store later. Whether it was taken."""
        cursor = self._cursor
        if self._behind or cursor is None:
            self._see(epoch, seq)
            return False
        if cursor.epoch == epoch and seq <= cursor.seq:
            return False
        follows = seq == cursor.seq + 1 and cursor.epoch in (epoch, 0)
        if not follows or not self._fits(event):
            self.fall_behind(epoch, seq)
            return False
        self._cursor = event.cursor
        self._push(event)
        return True

    def notice(self, epoch: int, seq: int) -> None:
        """The store has reached this place: read it if that is news."""
        cursor = self._cursor
        if self._behind:
            self._see(epoch, seq)
        elif cursor is not None and (cursor.epoch != epoch or cursor.seq < seq):
            self.fall_behind(epoch, seq)

    def fall_behind(self, epoch: int = _UNKNOWN, seq: int = 0) -> None:
        """Read from the store before anything else; once more if a read is under way that may have begun too early."""
        self._stats.catchups += not self._behind
        self._behind = True
        self._see(epoch, seq)
        self._wake()

    def tell(self, event: Event) -> bool:
        """Queue an event that has no place in the inbox's order; dropped when the queue is full."""
        if not self._fits(event):
            return False
        self._push(event)
        return True

    def end(self, error: NotifyError, last: Event | None = None) -> None:
        """Finish the stream with ``error`` once what is queued has been handed over. The first end wins."""
        if self._ended is None:
            self._ended = error
            if last is not None:
                self._queue.append(last)
            self._behind = False
            self._wake()

    @property
    def ended(self) -> bool:
        """Whether it accepts nothing more."""
        return self._ended is not None

    @property
    def error(self) -> NotifyError:
        """What it ended with."""
        assert self._ended is not None
        return self._ended

    def let_go(self) -> None:
        """Drop what an ended session still has for its reader, and interrupt that."""
        self._queue.clear()
        self._queued_bytes = 0
        if self.interrupt is not None:
            self.interrupted = True
            self.interrupt()

    async def next_events(self) -> list[Event]:
        """All that is due now, at least one event; waits for it. Raises what the stream ended with.

        One reader at a time. Store failures while catching up are waited out: the next tick tries again.
        """
        while True:
            if self._queue:
                return self._hand_over(self._drain())
            if self._ended is not None:
                raise self._ended
            if self._behind:
                events = await self._catch_up_or_wait()
                if events:
                    return self._hand_over(events)
                continue
            await self._wait()

    async def start(self) -> Inbox:
        """Fix where the stream begins, after it was registered; the counters at that moment. Raises as the store."""
        inboxes = await self._store.get_inboxes([self.user])
        inbox = inboxes.get(self.user, Inbox(0, 0, 0, 0, 0))
        if self._cursor is None:
            self._cursor = Cursor(inbox.epoch, inbox.last_seq)
        return inbox

    def _fits(self, event: Event) -> bool:
        if self._ended is not None or len(self._queue) >= self._limits.queue_events:
            return False
        return not self._queue or self._queued_bytes + event.size <= self._limits.queue_bytes

    def _push(self, event: Event) -> None:
        self._queue.append(event)
        self._queued_bytes += event.size
        self._wake()

    def _drain(self) -> list[Event]:
        events, self._queue = self._queue, []
        self._queued_bytes = 0
        self._record(events)
        return events

    def _hand_over(self, events: list[Event]) -> list[Event]:
        for event in events:
            self._stats.events[event.kind.value] += 1
        return events

    def _record(self, events: list[Event]) -> None:
        for event in events:
            if event.notification is not None and not event.notification.read_at_ms:
                self._delivered(self.user, event.notification.id)

    async def _catch_up_or_wait(self) -> list[Event]:
        try:
            return await self._catch_up()
        except AWAY:
            if self._ended is None:  # the end may have come meanwhile, and nothing would wake us after it
                await self._wait()
            return []

    async def _catch_up(self) -> list[Event]:
        cursor = self.cursor
        self._seen = None  # what was seen before this read is in it
        changes = await self._store.list_changes(self.user, since=cursor.seq, limit=self._page)
        if self._ended is not None:
            return []
        inbox = changes.inbox
        reason = resync_reason(cursor, inbox)
        if reason is not None:
            here = Cursor(inbox.epoch, inbox.last_seq)
            self._went_to(here, more=False)
            return [Event(EventKind.RESYNC, cursor=here, unread=inbox.unread, reason=reason), *self._caught_up(inbox)]
        events = [
            Event(EventKind.NOTIFICATION, n, Cursor(inbox.epoch, n.change_seq), inbox.unread)
            for n in changes.notifications
        ]
        self._fit_page(events)
        self._record([e for e in events if e.notification and e.notification.status is Status.PENDING])
        last = changes.notifications[-1].change_seq if changes.more else inbox.last_seq
        self._went_to(Cursor(inbox.epoch, last), more=changes.more)
        return events if changes.more else events + self._caught_up(inbox)

    def _fit_page(self, events: list[Event]) -> None:
        """Ask for as many rows next time as rows of this size fit the bytes a session may hold."""
        average = max(1, sum(event.size for event in events) // max(1, len(events)))
        self._page = min(self._limits.catch_up_page, max(1, self._limits.queue_bytes // average))

    def _went_to(self, cursor: Cursor, *, more: bool) -> None:
        """Nothing was queued while behind, so what was seen meanwhile decides whether to read once more."""
        self._cursor = cursor
        seen = self._seen
        self._behind = more or (seen is not None and (seen.epoch != cursor.epoch or seen.seq > cursor.seq))

    def _see(self, epoch: int, seq: int) -> None:
        """Remember news that came while behind."""
        if self._seen is None or self._seen.epoch != epoch or self._seen.seq < seq:
            self._seen = Cursor(epoch, seq)

    def _caught_up(self, inbox: Inbox) -> list[Event]:
        """Once per stream, when the backlog has been read."""
        if self._started or self._behind:
            return []
        self._started = True
        return [Event(EventKind.CAUGHT_UP, cursor=self.cursor, unread=inbox.unread)]

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def poke(self) -> None:
        """Try again what a failing store held up."""
        if self._behind:
            self._wake()
