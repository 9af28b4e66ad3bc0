"""Notifications and counters in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from notify_grpc.domain.cursor import MAX_SEQ
from notify_grpc.domain.errors import NotFound, NotifyError
from notify_grpc.domain.models import EMPTY_INBOX, Inbox, Notification, Status, UserKey
from notify_grpc.ports.store import Changes, Created, InboxStore, Marked, Notice, Page
from notify_grpc.stores.sqlite.creation import create
from notify_grpc.stores.sqlite.database import Database
from notify_grpc.stores.sqlite.queries import load
from notify_grpc.stores.sqlite.rows import notifications, text_list, to_json
from notify_grpc.stores.sqlite.writer import Tx
from notify_grpc.stores.together import create_together

_SQL = load("inboxes")
_BATCH = 1_000
"""Recipients stored in one transaction at most."""


class SqliteInboxes(Database, InboxStore):
    """`InboxStore`."""

    async def create(self, notice: Notice) -> list[Created]:
        digest = notice.content.digest()
        created: list[Created] = []
        for start in range(0, len(notice.recipients), _BATCH):
            batch = notice.recipients[start : start + _BATCH]
            rows = len(batch) + sum(len(recipient.targets) for recipient in batch)
            created += await self._writer.run(create, rows, notice, batch, digest)
        return created

    async def create_many(self, notices: Sequence[Notice]) -> list[list[Created] | NotifyError]:
        return await create_together(self.create, notices)

    async def get_notification(self, user: UserKey, id: str) -> Notification:
        return await self._readers.run(_get, user, id)

    async def list_notifications(
        self,
        user: UserKey,
        *,
        before: int | None,
        limit: int,
        unread_only: bool = False,
    ) -> Page:
        statement = "unread_page" if unread_only else "page"
        return await self._readers.run(_page, statement, user, MAX_SEQ if before is None else before, limit)

    async def list_recipients(
        self,
        tenant_id: str,
        notification_id: str,
        *,
        user_ids: Collection[str] = (),
        after: str = "",
        limit: int,
    ) -> list[Notification]:
        values = {"tenant_id": tenant_id, "notification_id": notification_id, "after": after, "limit": limit}
        if user_ids:
            return await self._readers.run(_items, "some_recipients", values | {"user_ids": text_list(user_ids)})
        return await self._readers.run(_items, "recipients", values)

    async def get_inboxes(self, users: Collection[UserKey]) -> dict[UserKey, Inbox]:
        return await self._readers.run(_inboxes, users) if users else {}

    async def list_changes(self, user: UserKey, *, since: int, limit: int) -> Changes:
        return await self._readers.run(_changes, user, since, limit)

    async def mark_read(self, user: UserKey, id: str, at_ms: int) -> Marked:
        return await self._writer.run(_mark_read, 1, user, id, at_ms)

    async def mark_all_read(self, user: UserKey, at_ms: int, *, limit: int) -> tuple[int, Inbox]:
        return await self._writer.run(_mark_all_read, limit, user, at_ms, limit)

    async def mark_delivered(self, items: Sequence[tuple[UserKey, str]], at_ms: int) -> int:
        return await self._writer.run(_mark_delivered, len(items), items, at_ms) if items else 0


class _Row(NamedTuple):
    """An inbox and the number of its row."""

    number: int
    inbox: Inbox


def _find_inbox(db: sqlite3.Connection, user: UserKey) -> _Row | None:
    row = db.execute(_SQL["inbox"], user._asdict()).fetchone()
    return _Row(row[0], Inbox(*row[1:])) if row else None


def _items(db: sqlite3.Connection, statement: str, values: dict[str, Any]) -> list[Notification]:
    return notifications(db.execute(_SQL[statement], values))


def _get(db: sqlite3.Connection, user: UserKey, id: str) -> Notification:
    found = _items(db, "get", {"id": id, **user._asdict()})
    if not found:
        raise NotFound("no such notification")
    return found[0]


def _page(db: sqlite3.Connection, statement: str, user: UserKey, before: int, limit: int) -> Page:
    row = _find_inbox(db, user)
    if row is None:
        return Page([], None, 0)
    found = _items(db, statement, {"inbox_id": row.number, "before": before, "limit": limit + 1})
    more = len(found) > limit
    return Page(found[:limit], found[limit - 1].position if more else None, row.inbox.unread)


def _inboxes(db: sqlite3.Connection, users: Collection[UserKey]) -> dict[UserKey, Inbox]:
    rows = db.execute(_SQL["inboxes"], {"users": to_json(list(users))})
    return {UserKey(*row[:2]): Inbox(*row[2:]) for row in rows}


def _changes(db: sqlite3.Connection, user: UserKey, since: int, limit: int) -> Changes:
    row = _find_inbox(db, user)
    if row is None:
        return Changes(EMPTY_INBOX, [], False)
    found = _items(db, "changes", {"inbox_id": row.number, "since": since, "limit": limit + 1})
    return Changes(row.inbox, found[:limit], len(found) > limit)


def _mark_read(tx: Tx, user: UserKey, id: str, at_ms: int) -> Marked:
    before = _get(tx.db, user, id)
    row = _find_inbox(tx.db, user)
    if row is None:
        raise NotFound("no such notification")
    if before.read_at_ms:
        return Marked(before, row.inbox, False)
    inbox = _read(tx, row, [before.position], at_ms)
    return Marked(_get(tx.db, user, id), inbox, True)


def _mark_all_read(tx: Tx, user: UserKey, at_ms: int, limit: int) -> tuple[int, Inbox]:
    row = _find_inbox(tx.db, user)
    if row is None:
        return 0, EMPTY_INBOX
    found = tx.db.execute(_SQL["oldest_unread"], {"inbox_id": row.number, "limit": limit})
    positions = [position for (position,) in found]
    return len(positions), _read(tx, row, positions, at_ms) if positions else row.inbox


def _read(tx: Tx, row: _Row, positions: Sequence[int], at_ms: int) -> Inbox:
    """Mark unread rows read, each as the inbox's next change; the counters after it."""
    tx.db.executemany(
        _SQL["set_read"],
        [
            {"inbox_id": row.number, "position": position, "seq": seq, "at_ms": at_ms, "read": int(Status.READ)}
            for seq, position in enumerate(positions, row.inbox.last_seq + 1)
        ],
    )
    [inbox] = tx.db.execute(_SQL["count_read"], {"inbox_id": row.number, "count": len(positions)}).fetchall()
    return Inbox(*inbox)


def _mark_delivered(tx: Tx, items: Sequence[tuple[UserKey, str]], at_ms: int) -> int:
    states = {"delivered": int(Status.DELIVERED), "pending": int(Status.PENDING), "at_ms": at_ms}
    return tx.db.executemany(
        _SQL["set_delivered"], [{"id": id, **user._asdict(), **states} for user, id in items]
    ).rowcount
