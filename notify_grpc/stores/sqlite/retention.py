"""Removal in SQLite, in batches short enough for other writes to pass between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from notify_grpc.domain.deliveries import Delivery
from notify_grpc.domain.models import Channel, UserKey
from notify_grpc.ports.store import Erased, Retention
from notify_grpc.stores.sqlite import settling
from notify_grpc.stores.sqlite.database import Database
from notify_grpc.stores.sqlite.queries import load
from notify_grpc.stores.sqlite.writer import Tx

_SQL = load("retention")
_REMOVE_DEVICES = load("devices")["remove_all"]
_BATCH = 500


class SqliteRetention(Database, Retention):
    """`Retention`."""

    async def prune(self, created_before_ms: int, *, limit: int) -> int:
        pruned = 0
        while pruned < limit:
            wanted = min(_BATCH, limit - pruned)
            removed = await self._writer.run(_prune, wanted, created_before_ms, wanted)
            pruned += removed
            if removed < wanted:
                break
        return pruned

    async def abandon(self, created_before_ms: int, channels: Collection[Channel], *, limit: int) -> list[Delivery]:
        return await self._writer.run(settling.abandon, limit, created_before_ms, channels, limit)

    async def erase_user(self, user: UserKey) -> Erased:
        notifications = deliveries = devices = 0
        more = True
        while more:
            erased, more = await self._writer.run(_erase, _BATCH, user)
            notifications += erased.notifications
            deliveries += erased.deliveries
            devices += erased.devices
        return Erased(notifications, deliveries, devices)


class _Item(NamedTuple):
    inbox_id: int
    position: int
    id: str
    content_id: int
    change_seq: int
    unread: int
    """1 or 0."""


def _prune(tx: Tx, created_before_ms: int, limit: int) -> int:
    rows = tx.db.execute(_SQL["old"], {"created_before_ms": created_before_ms, "limit": limit})
    items = [_Item(*row) for row in rows]
    _remove(tx, items)
    return len(items)


def _erase(tx: Tx, user: UserKey) -> tuple[Erased, bool]:
    """One batch; whether there is more. The inbox goes in the transaction that sees no other row of it."""
    devices = tx.db.execute(_REMOVE_DEVICES, user._asdict()).rowcount
    inbox = tx.db.execute(_SQL["inbox"], user._asdict()).fetchone()
    if inbox is None:
        return Erased(0, 0, devices), False
    items = [_Item(*row) for row in tx.db.execute(_SQL["own"], {"inbox_id": inbox[0], "limit": _BATCH})]
    deliveries = _remove(tx, items)
    if more := len(items) == _BATCH:
        return Erased(len(items), deliveries, devices), more
    tx.db.execute(_SQL["remove_inbox"], {"inbox_id": inbox[0]})
    return Erased(len(items), deliveries, devices), more


def _remove(tx: Tx, items: Sequence[_Item]) -> int:
    """Delete notifications with all that hangs on them, and keep the counters true; how many deliveries went."""
    deliveries = tx.db.executemany(_SQL["remove_deliveries"], [{"id": item.id} for item in items]).rowcount
    tx.db.executemany(_SQL["remove"], [{"inbox_id": item.inbox_id, "position": item.position} for item in items])
    unread = Counter({item.inbox_id: 0 for item in items})
    highest: dict[int, int] = {}
    for item in items:
        unread[item.inbox_id] += item.unread
        highest[item.inbox_id] = max(highest.get(item.inbox_id, 0), item.change_seq)
    tx.db.executemany(
        _SQL["lower"],
        [{"inbox_id": inbox_id, "unread": unread[inbox_id], "seq": seq} for inbox_id, seq in highest.items()],
    )
    refs = Counter(item.content_id for item in items)
    tx.db.executemany(_SQL["release_content"], [{"content_id": key, "refs": count} for key, count in refs.items()])
    tx.db.executemany(_SQL["remove_content"], [{"content_id": key} for key in refs])
    return max(deliveries, 0)
