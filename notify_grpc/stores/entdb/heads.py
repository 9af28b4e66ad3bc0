"""Inbox rows: a user's counters, the row that every change of the user's inbox compares and sets."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from notify_grpc.domain.ids import new_epoch, new_id
from notify_grpc.domain.models import EMPTY_INBOX, Inbox, UserKey
from notify_grpc.stores.entdb.connection import Connection
from notify_grpc.stores.entdb.keys import of_user
from notify_grpc.stores.entdb.nodes import Node, Value, create, dumps, update
from notify_grpc.stores.entdb.schema import DOC, KEY, Type

_REMEMBERED = 100_000


class Head(NamedTuple):
    """A user's inbox as it was read; without a node if there is none yet."""

    inbox: Inbox
    node: Node | None = None
    new_id: str = ""
    """The node id it will have, where there is none yet."""

    def moved_to(self, user: UserKey, inbox: Inbox) -> Any:
        """The operation that stores other counters, if the row is still as it was read."""
        if self.node is None:
            fields: dict[int, Value] = {KEY: of_user(user), DOC: dumps(inbox._asdict())}
            return create(Type.INBOX, fields, id=self.new_id)
        return update(self.node, {DOC: dumps(self.node.doc() | inbox._asdict())})


class Heads:
    """Reads inbox rows; remembers their node ids, which never change while the row lives."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids: OrderedDict[UserKey, str] = OrderedDict()

    async def read(self, users: Collection[UserKey]) -> dict[UserKey, Head]:
        """The inboxes that exist, as they are now."""
        known = {user: self._ids[user] for user in users if user in self._ids}
        nodes = await self._connection.get(Type.INBOX, known.values())
        found = {user: nodes[id] for user, id in known.items() if id in nodes}
        rest = [user for user in users if user not in found]
        looked_up = await asyncio.gather(*(self._connection.find(Type.INBOX, KEY, of_user(user)) for user in rest))
        found |= {user: node for user, node in zip(rest, looked_up, strict=True) if node is not None}
        self._remember((user, node.id) for user, node in found.items())
        return {user: Head(_inbox(node), node) for user, node in found.items()}

    async def read_one(self, user: UserKey) -> Head:
        """A user's inbox; EMPTY_INBOX without a node if there is none."""
        return (await self.read([user])).get(user, Head(EMPTY_INBOX))

    async def read_or_begin(self, users: Collection[UserKey], now_ms: int) -> dict[UserKey, Head]:
        """Every user's inbox, a new epoch's for those who have none."""
        found = await self.read(users)
        return {user: found.get(user) or _beginning(now_ms) for user in users}

    def began(self, heads: Mapping[UserKey, Head]) -> None:
        """Remember the new ones of these: they are stored."""
        self._remember((user, head.new_id) for user, head in heads.items() if head.new_id)

    def _remember(self, ids: Iterable[tuple[UserKey, str]]) -> None:
        for user, id in ids:
            self._ids[user] = id
            self._ids.move_to_end(user)
        while len(self._ids) > _REMEMBERED:
            self._ids.popitem(last=False)


def _beginning(now_ms: int) -> Head:
    return Head(EMPTY_INBOX._replace(epoch=new_epoch()), None, new_id(now_ms))


def _inbox(node: Node) -> Inbox:
    doc = node.doc()
    return Inbox(**{name: doc[name] for name in Inbox._fields})
