"""Removing what is old, and everything of a user: `Retention`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from notify_grpc.domain.deliveries import OPEN
from notify_grpc.domain.models import UserKey
from notify_grpc.ports.store import Erased
from notify_grpc.stores.entdb import delivery_rows
from notify_grpc.stores.entdb.attempts import Attempts
from notify_grpc.stores.entdb.connection import Conflict
from notify_grpc.stores.entdb.delivery_rows import DeliveryRow
from notify_grpc.stores.entdb.devices import Devices
from notify_grpc.stores.entdb.heads import Head
from notify_grpc.stores.entdb.keys import of_user
from notify_grpc.stores.entdb.nodes import GTE, LT, delete, remove, update, where
from notify_grpc.stores.entdb.notification_rows import NotificationRow, read_row
from notify_grpc.stores.entdb.schema import ContentField, NotificationField, Type
from notify_grpc.stores.entdb.walk import axis_of, walk

_PLAN = 100
"""Notifications removed by one plan, which holds up others for some ten milliseconds."""


class Retention(Devices):
    """Each plan compares and sets the inboxes it takes from, and the deliveries and contents it removes."""

    async def prune(self, created_before_ms: int, *, limit: int) -> int:
        """See the port."""
        old = (where(NotificationField.AGE, GTE, 0), where(NotificationField.AGE, LT, created_before_ms))
        pruned = 0
        async for page in self._connection.pages(Type.NOTIFICATION, *old):
            for start in range(0, len(page), _PLAN):
                ids = [node.id for node in page[start : start + _PLAN]]
                pruned += (await self._remove(ids, most=limit - pruned, open_too=False)).notifications
                if pruned >= limit:
                    return pruned
        return pruned

    async def erase_user(self, user: UserKey) -> Erased:
        """See the port."""
        notifications = deliveries = 0
        devices = await self._devices_of(user)
        while True:
            head = await self._heads.read_one(user)
            axis = axis_of(Type.NOTIFICATION, NotificationField.POSITION, of_user(user))
            nodes = await walk(self._connection, axis, 1, head.inbox.last_position, want=_PLAN, width=_PLAN)
            removed = await self._remove([node.id for node in nodes], most=_PLAN, open_too=True)
            notifications, deliveries = notifications + removed.notifications, deliveries + removed.deliveries
            if not nodes and await self._removed_inbox(head):
                break
        await self._connection.commit([remove(Type.DEVICE, node.id) for node in devices]) if devices else None
        return Erased(notifications, deliveries, len(devices))

    async def _removed_inbox(self, head: Head) -> bool:
        """Remove an empty inbox, unless it is not empty any more."""
        if head.node is None:
            return True
        try:
            await self._connection.commit(delete(head.node))
        except Conflict:
            return False
        return True

    async def _remove(self, ids: Sequence[str], *, most: int, open_too: bool) -> Erased:
        """Remove up to `most` notifications and what belongs to them; those with open deliveries only if `open_too`."""
        async for _ in Attempts():
            rows = [read_row(node) for node in (await self._connection.get(Type.NOTIFICATION, ids)).values()]
            deliveries = await self._deliveries_of(rows)
            if not open_too:
                rows = [row for row in rows if not any(d.delivery.state in OPEN for d in deliveries[row.row.id])]
            rows = rows[:most]
            if not rows:
                return Erased(0, 0, 0)
            gone = [delivery for row in rows for delivery in deliveries[row.row.id]]
            operations = await self._from_inboxes(rows)
            operations += (operation for delivery in gone for operation in delete(delivery.node))
            operations += await self._from_contents(rows)
            operations += (remove(Type.NOTIFICATION, row.row.id) for row in rows)
            try:
                await self._connection.commit(operations)
            except Conflict:
                continue
            return Erased(len(rows), len(gone), 0)
        raise AssertionError("Attempts end by raising")

    async def _deliveries_of(self, rows: Iterable[NotificationRow]) -> dict[str, list[DeliveryRow]]:
        ids = {row.row.id: row.delivery_ids for row in rows}
        nodes = await self._connection.get(Type.DELIVERY, (id for each in ids.values() for id in each))
        return {ref: [delivery_rows.read_row(nodes[id]) for id in each if id in nodes] for ref, each in ids.items()}

    async def _from_inboxes(self, rows: Iterable[NotificationRow]) -> list[Any]:
        """What the rows' inboxes become without them."""
        by_user: defaultdict[UserKey, list[NotificationRow]] = defaultdict(list)
        for row in rows:
            by_user[row.row.user].append(row)
        heads = await self._heads.read(by_user)
        operations = []
        for user, head in heads.items():
            pruned_seq = max(row.row.change_seq for row in by_user[user])
            unread = sum(not row.row.read_at_ms for row in by_user[user])
            inbox = head.inbox
            inbox = inbox._replace(pruned_seq=max(pruned_seq, inbox.pruned_seq), unread=inbox.unread - unread)
            operations.append(head.moved_to(user, inbox))
        return operations

    async def _from_contents(self, rows: Iterable[NotificationRow]) -> list[Any]:
        """Contents lose a reference per row, and go with the last."""
        lost = Counter(row.content_id for row in rows)
        operations: list[Any] = []
        for id, node in (await self._connection.get(Type.CONTENT, lost)).items():
            left = int(node.fields[ContentField.REFERENCES]) - lost[id]
            operations += [update(node, {ContentField.REFERENCES: left})] if left > 0 else delete(node)
        return operations
