"""Notifications as nodes. What they say is a CONTENT node, shared by the recipients that one plan stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

from notify_grpc.domain.models import Channel, Content, Notification, Status
from notify_grpc.stores.entdb.connection import Connection
from notify_grpc.stores.entdb.keys import numbered, of_recipient, of_user
from notify_grpc.stores.entdb.nodes import Node, Value, create, dumps, update
from notify_grpc.stores.entdb.schema import DOC, KEY, ContentField, NotificationField, Type

_NO_CONTENT = Content()
_IN_DOC = tuple(field.name for field in fields(Notification) if field.name not in ("id", "content"))
_IN_CONTENT = tuple(field.name for field in fields(Content))


class NotificationRow(NamedTuple):
    """A notification as stored: its content and its deliveries by node id."""

    row: Notification
    """With an empty content."""
    node: Node
    content_id: str
    digest: str
    """Of the content, in hexadecimal."""
    delivery_ids: tuple[str, ...]

    def changed(self, **changes: Any) -> tuple[Notification, Any]:
        """Another state of it, and the operation that stores it if the node is still as it was read."""
        row = replace(self.row, **changes)
        fields = _fields(row, self.content_id, self.digest, self.delivery_ids, self.node.doc())
        return row, update(self.node, fields)


def read_row(node: Node) -> NotificationRow:
    """A NOTIFICATION node."""
    doc = node.doc()
    known = {name: doc[name] for name in _IN_DOC if name in doc}
    known |= {"channels": tuple(map(Channel, doc["channels"])), "status": Status(doc["status"])}
    row = Notification(id=node.id, content=_NO_CONTENT, **known)
    return NotificationRow(row, node, doc["content_id"], doc["digest"], tuple(doc["delivery_ids"]))


def create_row(row: Notification, content_id: str, digest: str, delivery_ids: Sequence[str]) -> Any:
    """The operation that adds a notification; its id must be fresh."""
    key = of_recipient(row.tenant_id, row.notification_id, row.user_id)
    return create(Type.NOTIFICATION, {KEY: key} | _fields(row, content_id, digest, delivery_ids, {}), id=row.id)


def create_content(id: str, content: Content, references: int) -> Any:
    """The operation that adds a content; its id must be fresh."""
    doc = {name: getattr(content, name) for name in _IN_CONTENT} | {"data": dict(content.data)}
    return create(Type.CONTENT, {ContentField.REFERENCES: references, DOC: dumps(doc)}, id=id)


async def read_contents(connection: Connection, ids: Iterable[str]) -> Mapping[str, Content]:
    """Contents by node id; those that are gone are missing."""
    nodes = await connection.get(Type.CONTENT, ids)
    return {id: _content(node.doc()) for id, node in nodes.items()}


async def with_contents(connection: Connection, rows: Sequence[NotificationRow]) -> list[Notification]:
    """The notifications in full. One whose content is gone was removed meanwhile, and is left out."""
    contents = await read_contents(connection, (row.content_id for row in rows))
    return [replace(row.row, content=contents[row.content_id]) for row in rows if row.content_id in contents]


def _fields(
    row: Notification, content_id: str, digest: str, delivery_ids: Sequence[str], before: Mapping[str, Any]
) -> dict[int, Value]:
    """`before`: what a newer version of this service keeps in the row beside ours stays there."""
    user = of_user(row.user)
    doc = {**before, **{name: getattr(row, name) for name in _IN_DOC}}
    doc |= {"content_id": content_id, "digest": digest, "delivery_ids": delivery_ids}
    return {
        NotificationField.POSITION: numbered(user, row.position),
        NotificationField.CHANGE: numbered(user, row.change_seq),
        NotificationField.UNREAD: None if row.read_at_ms else numbered(user, row.position),
        NotificationField.AGE: row.created_at_ms,
        DOC: dumps(doc),
    }


def _content(doc: Mapping[str, Any]) -> Content:
    return Content(**{name: doc[name] for name in _IN_CONTENT})
