"""What an operator does to restored data: `Recovery`."""

from __future__ import annotations

from collections.abc import Sequence

from notify_grpc.domain.ids import new_epoch
from notify_grpc.stores.entdb.attempts import Attempts
from notify_grpc.stores.entdb.connection import Conflict
from notify_grpc.stores.entdb.nodes import GTE, LT, dumps, update, where
from notify_grpc.stores.entdb.part import Part
from notify_grpc.stores.entdb.schema import DOC, KEY, Type

_PLAN = 200
_EVERY_KEY = (where(KEY, GTE, "0"), where(KEY, LT, ":"))
"""Keys begin with the length of their first part."""


class Recovery(Part):
    """Each plan compares and sets the inboxes it changes."""

    async def renew_epochs(self) -> int:
        """See the port."""
        renewed = 0
        async for page in self._connection.pages(Type.INBOX, *_EVERY_KEY):
            for start in range(0, len(page), _PLAN):
                renewed += await self._renew([node.id for node in page[start : start + _PLAN]])
        return renewed

    async def _renew(self, ids: Sequence[str]) -> int:
        async for _ in Attempts():
            nodes = (await self._connection.get(Type.INBOX, ids)).values()
            changes = [update(node, {DOC: dumps(node.doc() | {"epoch": new_epoch()})}) for node in nodes]
            try:
                await self._connection.commit(changes) if changes else None
            except Conflict:
                continue
            return len(changes)
        raise AssertionError("Attempts end by raising")
