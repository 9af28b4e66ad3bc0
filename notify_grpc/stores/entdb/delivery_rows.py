"""Deliveries as nodes, with their audit; and the buckets in which the waiting ones are found.

A bucket is a node per tenant, channel and five seconds of due time. It exists while deliveries may wait in it: putting
one in touches it, and a claimer that finds it empty removes it only if it was not touched since.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, NamedTuple

from notify_grpc.domain.backoff import MAX_CLAIMS
from notify_grpc.domain.deliveries import HELD, OPEN, WAITING, Attempt, Delivery, DeliveryState, ErrorClass
from notify_grpc.domain.models import Channel, UserKey
from notify_grpc.stores.entdb.connection import Connection
from notify_grpc.stores.entdb.keys import key, numbered, of_user
from notify_grpc.stores.entdb.nodes import Node, Value, create, dumps, guarded, update
from notify_grpc.stores.entdb.schema import DOC, KEY, BucketField, DeliveryField, Type

BUCKET_MS = 5_000
_REMEMBERED = 10_000
PUSH = frozenset({Channel.WEB_PUSH, Channel.MOBILE_PUSH})
_IN_DOC = tuple(field.name for field in fields(Delivery) if field.name != "id")
_IN_ATTEMPT = tuple(field.name for field in fields(Attempt))


class DeliveryRow(NamedTuple):
    """A delivery as stored."""

    delivery: Delivery
    node: Node
    content_id: str
    traceparent: str
    audit: tuple[Attempt, ...]

    def changed(self, delivery: Delivery, *attempts: Attempt) -> Any:
        """The operation that stores another state and more of the audit, if the node is still as it was read."""
        audit = self.audit + attempts
        return update(self.node, _fields(delivery, self.content_id, self.traceparent, audit, self.node.doc()))


def read_row(node: Node) -> DeliveryRow:
    """A DELIVERY node."""
    doc = node.doc()
    known = {name: doc[name] for name in _IN_DOC if name in doc}
    known |= {"channel": Channel(doc["channel"]), "state": DeliveryState(doc["state"])}
    known["last_error_class"] = _error_class(doc["last_error_class"])
    audit = tuple(_attempt(attempt) for attempt in doc["audit"])
    return DeliveryRow(Delivery(id=node.id, **known), node, doc["content_id"], doc["traceparent"], audit)


def create_row(delivery: Delivery, content_id: str, traceparent: str) -> Any:
    """The operation that adds a delivery; its id must be fresh."""
    return create(Type.DELIVERY, _fields(delivery, content_id, traceparent, (), {}), id=delivery.id)


def _fields(
    delivery: Delivery, content_id: str, traceparent: str, audit: tuple[Attempt, ...], before: dict[str, Any]
) -> dict[int, Value]:
    """`before`: what a newer version of this service keeps in the row beside ours stays there."""
    doc: dict[str, Any] = {**before, **{name: getattr(delivery, name) for name in _IN_DOC}}
    doc |= {"content_id": content_id, "traceparent": traceparent}
    doc["audit"] = [{name: getattr(attempt, name) for name in _IN_ATTEMPT} for attempt in audit]
    message_id = delivery.provider_message_id
    return {
        DeliveryField.ID: delivery.id,
        DeliveryField.BUCKET: bucket_of(delivery) if delivery.state in WAITING else None,
        DeliveryField.DUE: delivery.due_at_ms,
        DeliveryField.WATCH: _watch(delivery),
        DeliveryField.HOLDER: holder_of(delivery) if delivery.state in OPEN and delivery.channel in PUSH else None,
        DeliveryField.REPORT: key(delivery.provider, message_id) if message_id else None,
        DeliveryField.TENANT: delivery.tenant_id,
        DeliveryField.STATE: delivery.state,
        DOC: dumps(doc),
    }


def holder_of(delivery: Delivery) -> str:
    """The user and the device a push goes to."""
    return holder(UserKey(delivery.tenant_id, delivery.user_id), delivery.channel, delivery.target)


def holder(user: UserKey, channel: Channel, target: str) -> str:
    """The value of HOLDER."""
    return of_user(user, channel, target)


def slot_of(due_at_ms: int) -> int:
    """When the bucket of this due time begins."""
    return due_at_ms // BUCKET_MS * BUCKET_MS


def bucket_of(delivery: Delivery) -> str:
    """The key of the bucket a waiting delivery is in."""
    return numbered(key(delivery.tenant_id, delivery.channel), slot_of(delivery.due_at_ms))


def _watch(delivery: Delivery) -> int | None:
    if delivery.state in HELD:
        return delivery.lease_until_ms
    if delivery.state in WAITING:
        return 0 if delivery.attempts >= MAX_CLAIMS else delivery.expires_at_ms or None
    return None


def _attempt(doc: dict[str, Any]) -> Attempt:
    known = {name: doc[name] for name in _IN_ATTEMPT if name in doc}
    known |= {"state": DeliveryState(doc["state"]), "error_class": _error_class(doc["error_class"])}
    return Attempt(**known)


def _error_class(name: str | None) -> ErrorClass | None:
    return None if name is None else ErrorClass(name)


class Buckets:
    """Knows the node ids of buckets; a wrong one makes a plan fail, and is then looked up anew."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids: dict[str, str] = {}

    async def touches(self, deliveries: Iterable[Delivery]) -> list[Any]:
        """The operations that a plan needs which lets these deliveries wait."""
        waiting = {bucket_of(delivery): delivery for delivery in deliveries if delivery.state in WAITING}
        if len(self._ids) > _REMEMBERED:
            self.forget()
        unknown = [bucket for bucket in waiting if bucket not in self._ids]
        for node in await self._connection.find_many(Type.BUCKET, KEY, unknown):
            self._ids[node.fields[KEY]] = node.id
        return [self._touch(bucket, delivery) for bucket, delivery in waiting.items()]

    def forget(self) -> None:
        """After a plan was refused: any of them may be gone."""
        self._ids.clear()

    def _touch(self, bucket: str, delivery: Delivery) -> Any:
        touch: dict[int, Value] = {BucketField.TOUCH: secrets.randbits(62)}
        if id := self._ids.get(bucket):
            return guarded(Type.BUCKET, id, touch, KEY, bucket)
        touch |= {KEY: bucket, BucketField.SLOT: slot_of(delivery.due_at_ms)}
        touch[DOC] = dumps({"tenant_id": delivery.tenant_id, "channel": delivery.channel})
        return create(Type.BUCKET, touch)
