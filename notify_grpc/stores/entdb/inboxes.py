"""Reading inboxes and marking notifications: `InboxStore` but for `create`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence

from notify_grpc.domain.errors import NotFound
from notify_grpc.domain.ids import is_id
from notify_grpc.domain.models import Inbox, Notification, Status, UserKey
from notify_grpc.ports.store import Changes, Marked, Page
from notify_grpc.stores.entdb.attempts import Attempts
from notify_grpc.stores.entdb.connection import Conflict
from notify_grpc.stores.entdb.keys import AFTER_SLASH, key, of_recipient, of_user
from notify_grpc.stores.entdb.nodes import GT, LTE, Node, where
from notify_grpc.stores.entdb.notification_rows import NotificationRow, read_row, with_contents
from notify_grpc.stores.entdb.part import Part
from notify_grpc.stores.entdb.schema import KEY, NotificationField, Type
from notify_grpc.stores.entdb.walk import axis_of, walk

_PLAN = 500
_RECIPIENTS = 500
"""Recipients answered at a time: well below a page."""


class Inboxes(Part):
    """Positions are dense and changes nearly so: a page reads its own rows and no others."""

    async def get_notification(self, user: UserKey, id: str) -> Notification:
        """See `InboxStore`."""
        return await self._in_full(await self._notification(user, id))

    async def list_notifications(
        self, user: UserKey, *, before: int | None, limit: int, unread_only: bool = False
    ) -> Page:
        """See `InboxStore`."""
        inbox = (await self._heads.read_one(user)).inbox
        high = inbox.last_position if before is None else min(before - 1, inbox.last_position)
        field = NotificationField.UNREAD if unread_only else NotificationField.POSITION
        axis = axis_of(Type.NOTIFICATION, field, of_user(user))
        nodes = await walk(self._connection, axis, 1, high, want=limit + 1, width=limit + 1, down=True)
        rows = [read_row(node) for node in nodes[:limit]]
        next_before = rows[-1].row.position if len(nodes) > limit else None
        return Page(await with_contents(self._connection, rows), next_before, inbox.unread)

    async def list_recipients(
        self,
        tenant_id: str,
        notification_id: str,
        *,
        user_ids: Collection[str] = (),
        after: str = "",
        limit: int,
    ) -> list[Notification]:
        """See `InboxStore`."""
        if user_ids:
            keys = {of_recipient(tenant_id, notification_id, id) for id in user_ids if id > after}
            nodes = sorted(await self._connection.find_many(Type.NOTIFICATION, KEY, keys), key=_key_of)
        else:
            nodes = await self._recipients(key(tenant_id, notification_id), after, limit)
        return await with_contents(self._connection, [read_row(node) for node in nodes[:limit]])

    async def _recipients(self, prefix: str, after: str, limit: int) -> list[Node]:
        """The first by user, and maybe some more."""
        found: list[Node] = []
        low, more = f"{prefix}/{after}", True
        while more and len(found) < limit:
            nodes, more = await self._some_recipients(low, prefix + AFTER_SLASH, min(limit - len(found), _RECIPIENTS))
            found += sorted(nodes, key=_key_of)
            low = _key_of(found[-1]) if found else low
        return found

    async def _some_recipients(self, low: str, high: str, want: int) -> tuple[list[Node], bool]:
        """All that have keys up to one where `want` are found, and whether there are more.

        EntDB cannot order by key, but whichever page it gives tells of a nearer bound.
        """
        nodes, token = await self._connection.query(Type.NOTIFICATION, where(KEY, GT, low), where(KEY, LTE, high))
        if not token:
            return nodes, False
        nodes, _ = await self._some_recipients(low, sorted(map(_key_of, nodes))[want], want)
        return nodes, True

    async def get_inboxes(self, users: Collection[UserKey]) -> dict[UserKey, Inbox]:
        """See `InboxStore`."""
        return {user: head.inbox for user, head in (await self._heads.read(users)).items()}

    async def list_changes(self, user: UserKey, *, since: int, limit: int) -> Changes:
        """See `InboxStore`. A row that changes between the two reads is left to the next call, under its new number."""
        inbox = (await self._heads.read_one(user)).inbox
        axis = axis_of(Type.NOTIFICATION, NotificationField.CHANGE, of_user(user))
        low = max(since, 0) + 1
        nodes = await walk(self._connection, axis, low, inbox.last_seq, want=limit + 1, width=limit + 1)
        rows = [read_row(node) for node in nodes[:limit]]
        return Changes(inbox, await with_contents(self._connection, rows), len(nodes) > limit)

    async def mark_read(self, user: UserKey, id: str, at_ms: int) -> Marked:
        """See `InboxStore`."""
        async for _ in Attempts():
            row = await self._notification(user, id)
            head = await self._heads.read_one(user)
            if row.row.read_at_ms:
                return Marked(await self._in_full(row), head.inbox, False)
            inbox = head.inbox._replace(last_seq=head.inbox.last_seq + 1, unread=head.inbox.unread - 1)
            marked, operation = _read(row, at_ms, inbox.last_seq)
            try:
                await self._connection.commit([head.moved_to(user, inbox), operation])
            except Conflict:
                continue
            return Marked(await self._in_full(row._replace(row=marked)), inbox, True)
        raise AssertionError("Attempts end by raising")

    async def mark_all_read(self, user: UserKey, at_ms: int, *, limit: int) -> tuple[int, Inbox]:
        """See `InboxStore`."""
        axis = axis_of(Type.NOTIFICATION, NotificationField.UNREAD, of_user(user))
        async for _ in Attempts():
            head = await self._heads.read_one(user)
            inbox = head.inbox
            nodes = await walk(self._connection, axis, 1, inbox.last_position, want=limit, width=limit)
            if not nodes:
                return 0, inbox
            operations = [
                _read(read_row(node), at_ms, inbox.last_seq + number)[1] for number, node in enumerate(nodes, start=1)
            ]
            inbox = inbox._replace(last_seq=inbox.last_seq + len(nodes), unread=inbox.unread - len(nodes))
            try:
                await self._connection.commit([head.moved_to(user, inbox), *operations])
            except Conflict:
                continue
            return len(nodes), inbox
        raise AssertionError("Attempts end by raising")

    async def mark_delivered(self, items: Sequence[tuple[UserKey, str]], at_ms: int) -> int:
        """See `InboxStore`."""
        unique = list(dict.fromkeys(items))
        parts = [unique[start : start + _PLAN] for start in range(0, len(unique), _PLAN)]
        return sum([await self._mark_delivered(part, at_ms) for part in parts])

    async def _mark_delivered(self, items: Sequence[tuple[UserKey, str]], at_ms: int) -> int:
        async for _ in Attempts():
            rows = [row async for row in self._notifications(items) if row.row.status is Status.PENDING]
            if not rows:
                return 0
            changes = [row.changed(status=Status.DELIVERED, delivered_at_ms=at_ms)[1] for row in rows]
            try:
                await self._connection.commit(changes)
            except Conflict:
                continue
            return len(rows)
        raise AssertionError("Attempts end by raising")

    async def _notifications(self, items: Iterable[tuple[UserKey, str]]) -> AsyncIterator[NotificationRow]:
        asked = [(user, id) for user, id in items if is_id(id)]
        nodes = await self._connection.get(Type.NOTIFICATION, (id for _, id in asked))
        for user, id in asked:
            if id in nodes and (row := read_row(nodes[id])).row.user == user:
                yield row

    async def _notification(self, user: UserKey, id: str) -> NotificationRow:
        async for row in self._notifications([(user, id)]):
            return row
        raise NotFound("no such notification")

    async def _in_full(self, row: NotificationRow) -> Notification:
        for notification in await with_contents(self._connection, [row]):
            return notification
        raise NotFound("no such notification")


def _key_of(node: Node) -> str:
    return str(node.fields[KEY])


def _read(row: NotificationRow, at_ms: int, change_seq: int) -> tuple[Notification, object]:
    return row.changed(
        status=Status.READ, read_at_ms=at_ms, ack_at_ms=row.row.ack_at_ms or at_ms, change_seq=change_seq
    )
