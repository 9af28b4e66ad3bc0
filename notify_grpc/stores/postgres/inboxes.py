"""Reading and marking notifications."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from notify_grpc.domain.cursor import MAX_SEQ
from notify_grpc.domain.errors import NotFound
from notify_grpc.domain.ids import is_id
from notify_grpc.domain.models import EMPTY_INBOX, Inbox, Notification, UserKey
from notify_grpc.ports.store import Changes, Marked, Page
from notify_grpc.stores.postgres.arrays import Texts, Uuids
from notify_grpc.stores.postgres.pool import Database, Statement
from notify_grpc.stores.postgres.queries import load
from notify_grpc.stores.postgres.rows import call_key, inbox, notification

_SQL = load("inboxes")
_INBOX = len(Inbox._fields)


class Inboxes:
    """`InboxStore` without `create`."""

    _database: Database

    async def get_notification(self, user: UserKey, id: str) -> Notification:
        rows = await self._database.read(_SQL["get"], id=id, **user._asdict()) if is_id(id) else []
        if not rows:
            raise NotFound("no such notification")
        return notification(rows[0])

    async def list_notifications(
        self,
        user: UserKey,
        *,
        before: int | None,
        limit: int,
        unread_only: bool = False,
    ) -> Page:
        sql = _SQL["list_unread_page" if unread_only else "list_page"]
        above = MAX_SEQ if before is None else before
        rows = await self._database.read(sql, before=above, limit=limit + 1, **user._asdict())
        found = [notification(row[1:]) for row in rows if row[1]]
        more = len(found) > limit
        return Page(found[:limit], found[limit - 1].position if more else None, rows[0][0] if rows else 0)

    async def list_recipients(
        self,
        tenant_id: str,
        notification_id: str,
        *,
        user_ids: Collection[str] = (),
        after: str = "",
        limit: int,
    ) -> list[Notification]:
        call = {"call_key": call_key(tenant_id, notification_id)}
        if user_ids:
            wanted = Texts(sorted(user_id for user_id in set(user_ids) if user_id > after))
            rows = await self._database.read(_SQL["list_some_recipients"], user_ids=wanted, limit=limit, **call)
        else:
            rows = await self._database.read(_SQL["list_recipients"], after=after, limit=limit, **call)
        return [notification(row) for row in rows]

    async def get_inboxes(self, users: Collection[UserKey]) -> dict[UserKey, Inbox]:
        rows = await self._database.read(_SQL["get_inboxes"], **_users(users))
        return {UserKey(tenant_id, user_id): inbox(counters) for tenant_id, user_id, *counters in rows}

    async def list_changes(self, user: UserKey, *, since: int, limit: int) -> Changes:
        rows = await self._database.read(_SQL["list_changes"], since=since, limit=limit + 1, **user._asdict())
        if not rows:
            return Changes(EMPTY_INBOX, [], False)
        found = [notification(row[_INBOX:]) for row in rows if row[_INBOX]]
        return Changes(inbox(rows[0][:_INBOX]), found[:limit], len(found) > limit)

    async def mark_read(self, user: UserKey, id: str, at_ms: int) -> Marked:
        if not is_id(id):
            raise NotFound("no such notification")
        params: dict[str, Any] = {"id": id, "at_ms": at_ms, **user._asdict()}
        steps = [Statement(_SQL[name], params) for name in ("lock", "mark_read", "get_with_inbox")]
        _, changed, rows = await self._database.write(*steps)
        if not rows:
            raise NotFound("no such notification")
        return Marked(notification(rows[0][_INBOX:]), inbox(rows[0][:_INBOX]), bool(changed))

    async def mark_all_read(self, user: UserKey, at_ms: int, *, limit: int) -> tuple[int, Inbox]:
        params: dict[str, Any] = {"at_ms": at_ms, "limit": limit, **user._asdict()}
        steps = [Statement(_SQL[name], params) for name in ("lock", "mark_all_read", "get_inbox")]
        _, marked, counters = await self._database.write(*steps)
        return len(marked), inbox(counters[0]) if counters else EMPTY_INBOX

    async def mark_delivered(self, items: Sequence[tuple[UserKey, str]], at_ms: int) -> int:
        valid = {(user, id) for user, id in items if is_id(id)}
        params = {"ids": Uuids(id for _, id in valid), "at_ms": at_ms, **_users([user for user, _ in valid])}
        [marked] = await self._database.write(Statement(_SQL["mark_delivered"], params))
        return len(marked)


def _users(users: Collection[UserKey]) -> dict[str, Texts]:
    return {
        "tenant_ids": Texts(user.tenant_id for user in users),
        "user_ids": Texts(user.user_id for user in users),
    }
