"""What recipients do with their inbox: page, read, acknowledge, register devices."""

from __future__ import annotations

from notify_grpc.core.realtime.events import Event, EventKind
from notify_grpc.core.realtime.registry import SessionRegistry
from notify_grpc.core.validation import check_device, check_id, page_limit
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.cursor import Cursor, encode_page, parse_page
from notify_grpc.domain.errors import NotFound
from notify_grpc.domain.ids import is_id
from notify_grpc.domain.models import Device, DeviceType, Inbox, Notification, UserKey
from notify_grpc.ports.bus import Bus, SessionSignal, Wake
from notify_grpc.ports.events import EventSink, ServiceEvent
from notify_grpc.ports.store import Store

_PAGE_BYTES = 3 << 20
"""A page ends before it is more than a gRPC client takes by default (4 MiB)."""
_MARK_BATCH = 1_000


class InboxService:
    """One recipient at a time; `user` is the authenticated caller."""

    def __init__(self, store: Store, sessions: SessionRegistry, bus: Bus, clock: Clock, events: EventSink) -> None:
        self._store = store
        self._sessions = sessions
        self._bus = bus
        self._clock = clock
        self._events = events

    async def page(
        self, user: UserKey, *, cursor: str = "", limit: int = 0, unread_only: bool = False
    ) -> tuple[list[Notification], str, int]:
        """Newest first: notifications, the next cursor ("" on the last page) and the user's unread total.

        May hold fewer than ``limit`` though more follow, when bodies are large. Raises InvalidArgument.
        """
        page = await self._store.list_notifications(
            user, before=parse_page(cursor), limit=page_limit(limit), unread_only=unread_only
        )
        kept = that_fit(page.notifications)
        before = page.next_before if len(kept) == len(page.notifications) else kept[-1].position
        return kept, "" if before is None else encode_page(before), page.unread

    async def ack(self, user: UserKey, id: str) -> None:
        """Mark one read, for all of the user's sessions; the first time stays. Raises NotFound."""
        if not id:
            check_id("id", id)
        if not is_id(id):
            raise NotFound("no such notification")
        marked = await self._store.mark_read(user, id, self._clock.now_ms())
        if marked.changed:
            self._announce(user, marked.notification, marked.inbox)

    async def mark_all_read(self, user: UserKey) -> int:
        """Mark everything read; how many were unread."""
        total = 0
        while True:
            marked, inbox = await self._store.mark_all_read(user, self._clock.now_ms(), limit=_MARK_BATCH)
            total += marked
            if marked:
                self._sessions.reached(user, inbox.epoch, inbox.last_seq)
                self._bus.publish_wakes([Wake(user, inbox.epoch, inbox.last_seq)])
            if marked < _MARK_BATCH:
                break
        if total:
            self._events.publish(ServiceEvent("inbox.read", self._clock.now_ms(), *user, data={"marked": total}))
        return total

    async def register_device(self, user: UserKey, device: Device) -> None:
        """Remember a push token. Raises InvalidArgument."""
        check_device(device)
        await self._store.upsert_device(user, device, self._clock.now_ms())

    async def unregister_device(self, user: UserKey, device_type: DeviceType, device_id: str) -> None:
        """Forget a push token; not finding it is no error."""
        check_device(Device(device_type, device_id, token="-"))
        await self._store.remove_device(user, device_type, device_id)

    def ack_data_change(self, user: UserKey, session_id: str, key: str) -> None:
        """End the repeats of a data change; a session that is not the caller's is as one that is gone."""
        check_id("idempotency_key", key)
        check_id("session_id", session_id)
        session = self._sessions.find(session_id, user)
        if session is not None:
            self._sessions.ack_data_change(session, key)
        elif self._bus.shared:
            self._bus.publish_signal(SessionSignal(user, session_id, acked_key=key))

    def refresh(self, user: UserKey, session_id: str, expires_at_ms: int) -> None:
        """Keep a stream open until the fresh credential ends.

        A session of another instance is told through the bus, without an answer. Raises NotFound where there is only
        this instance and it has no such session of the caller.
        """
        check_id("session_id", session_id)
        session = self._sessions.find(session_id, user)
        if session is not None:
            self._sessions.refresh(session, expires_at_ms)
        elif self._bus.shared:
            self._bus.publish_signal(SessionSignal(user, session_id, expires_at_ms=expires_at_ms))
        else:
            raise NotFound("no such session")

    def _announce(self, user: UserKey, notification: Notification, inbox: Inbox) -> None:
        cursor = Cursor(inbox.epoch, inbox.last_seq)
        event = Event(EventKind.NOTIFICATION, notification, cursor, inbox.unread)
        self._sessions.publish(user, inbox.epoch, inbox.last_seq, lambda: event)
        self._bus.publish_wakes([Wake(user, inbox.epoch, inbox.last_seq)])
        self._events.publish(
            ServiceEvent("notification.read", notification.read_at_ms, *user, notification.notification_id)
        )


def that_fit(notifications: list[Notification]) -> list[Notification]:
    """The first of them, at least one, that fit one answer."""
    left = _PAGE_BYTES
    for i, n in enumerate(notifications):
        size = len(n.content.title) + len(n.content.body)
        if not n.content.body.isascii():
            size *= 4
        left -= size + sum(4 * (len(k) + len(v)) for k, v in n.content.data.items())
        if left < 0 and i:
            return notifications[:i]
    return notifications
