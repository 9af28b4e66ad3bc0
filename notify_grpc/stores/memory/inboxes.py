"""Notifications and counters in memory."""

from __future__ import annotations

import heapq
from bisect import bisect_right, insort
from collections.abc import Collection, Iterable, Sequence

from notify_grpc.domain.clock import Clock
from notify_grpc.domain.errors import NotFound, NotifyError
from notify_grpc.domain.ids import new_id
from notify_grpc.domain.models import EMPTY_INBOX, Inbox, Notification, Status, UserKey
from notify_grpc.ports.store import Changes, Created, Marked, Notice, Page, Recipient
from notify_grpc.stores.memory.box import Box
from notify_grpc.stores.memory.delivery_rows import DeliveryRows


class Inboxes(DeliveryRows):
    """`InboxStore` over one `Box` per user."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._boxes: dict[UserKey, Box] = {}
        self._rows: dict[str, Notification] = {}
        self._recipients: dict[tuple[str, str], list[str]] = {}
        """The user ids of each (tenant_id, notification_id), sorted."""
        self._by_age: list[tuple[int, str]] = []
        """A heap of (created_at_ms, id); ids of erased rows stay until their turn comes."""

    async def create(self, notice: Notice) -> list[Created]:
        now_ms = self._clock.now_ms()
        return [self._create(notice, recipient, now_ms) for recipient in notice.recipients]

    async def create_many(self, notices: Sequence[Notice]) -> list[list[Created] | NotifyError]:
        now_ms = self._clock.now_ms()
        return [[self._create(notice, r, now_ms) for r in notice.recipients] for notice in notices]

    def _create(self, notice: Notice, recipient: Recipient, now_ms: int) -> Created:
        user_id = recipient.user_id
        user = UserKey(notice.tenant_id, user_id)
        box = self._boxes.get(user)
        if box is None:
            box = self._boxes[user] = Box()
        known = box.ids.get(notice.notification_id)
        if known is not None:
            return Created(user_id, known, True, self._rows[known].content != notice.content)
        row = Notification(
            new_id(now_ms),
            notice.tenant_id,
            user_id,
            notice.notification_id,
            notice.content,
            notice.channels,
            Status.PENDING,
            box.last_position + 1,
            box.last_seq + 1,
            notice.created_at_ms,
            expires_at_ms=notice.expires_at_ms,
            traceparent=notice.traceparent,
        )
        box.add(row)
        self._enter(row)
        deliveries = self._add_deliveries(row, notice, recipient.targets, now_ms) if recipient.targets else ()
        return Created(
            user_id, row.id, False, False, row.position, row.change_seq, box.epoch, len(box.unread.rows), deliveries
        )

    def _enter(self, row: Notification) -> None:
        self._rows[row.id] = row
        heapq.heappush(self._by_age, (row.created_at_ms, row.id))
        sent_to = self._recipients.setdefault((row.tenant_id, row.notification_id), [])
        insort(sent_to, row.user_id)

    def _leave(self, row: Notification) -> None:
        del self._rows[row.id]
        sent_to = self._recipients[row.tenant_id, row.notification_id]
        sent_to.remove(row.user_id)
        if not sent_to:
            del self._recipients[row.tenant_id, row.notification_id]

    async def get_notification(self, user: UserKey, id: str) -> Notification:
        return self._row(user, id)

    def _row(self, user: UserKey, id: str) -> Notification:
        row = self._rows.get(id)
        if row is None or row.user != user:
            raise NotFound("no such notification")
        return row

    async def list_notifications(
        self,
        user: UserKey,
        *,
        before: int | None,
        limit: int,
        unread_only: bool = False,
    ) -> Page:
        box = self._boxes.get(user)
        if box is None:
            return Page([], None, 0)
        order = box.unread if unread_only else box.by_position
        rows = order.below(before, limit + 1)
        more = len(rows) > limit
        return Page(rows[:limit], rows[limit - 1].position if more else None, len(box.unread.rows))

    async def list_recipients(
        self,
        tenant_id: str,
        notification_id: str,
        *,
        user_ids: Collection[str] = (),
        after: str = "",
        limit: int,
    ) -> list[Notification]:
        sent_to: Iterable[str] = self._recipients.get((tenant_id, notification_id), [])
        if user_ids:
            sent_to = sorted(set(user_ids).intersection(sent_to))
        wanted = list(sent_to)
        start = bisect_right(wanted, after)
        boxes = (self._boxes[UserKey(tenant_id, user_id)] for user_id in wanted[start : start + limit])
        return [self._rows[box.ids[notification_id]] for box in boxes]

    async def get_inboxes(self, users: Collection[UserKey]) -> dict[UserKey, Inbox]:
        return {user: self._boxes[user].inbox() for user in users if user in self._boxes}

    async def list_changes(self, user: UserKey, *, since: int, limit: int) -> Changes:
        box = self._boxes.get(user)
        if box is None:
            return Changes(EMPTY_INBOX, [], False)
        rows = box.by_change.above(since, limit + 1)
        return Changes(box.inbox(), rows[:limit], len(rows) > limit)

    async def mark_read(self, user: UserKey, id: str, at_ms: int) -> Marked:
        row = self._row(user, id)
        box = self._boxes[user]
        if row.read_at_ms:
            return Marked(row, box.inbox(), False)
        row = self._rows[id] = box.read(row, at_ms)
        return Marked(row, box.inbox(), True)

    async def mark_all_read(self, user: UserKey, at_ms: int, *, limit: int) -> tuple[int, Inbox]:
        box = self._boxes.get(user)
        if box is None:
            return 0, EMPTY_INBOX
        unread = box.unread.rows[:limit]
        for row in unread:
            self._rows[row.id] = box.read(row, at_ms)
        return len(unread), box.inbox()

    async def mark_delivered(self, items: Sequence[tuple[UserKey, str]], at_ms: int) -> int:
        changed = 0
        for user, id in items:
            row = self._rows.get(id)
            if row is not None and row.user == user and row.status is Status.PENDING:
                self._rows[id] = self._boxes[user].delivered(row, at_ms)
                changed += 1
        return changed
