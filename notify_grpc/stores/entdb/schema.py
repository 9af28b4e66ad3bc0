"""The node types of this driver, and which of their fields EntDB indexes.

A registered type never changes: EntDB refuses another definition of it. So only what is looked up or compared is
registered; everything else lives in DOC, a JSON object that may grow (docs/adr/0016-entdb-by-its-own-messages.md).
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

from notify_grpc.stores.entdb.sdk import pb

FIRST_TYPE = 7_100


class Type(IntEnum):
    """Node types."""

    CLOCK = FIRST_TYPE + 1
    INBOX = FIRST_TYPE + 2
    CONTENT = FIRST_TYPE + 3
    NOTIFICATION = FIRST_TYPE + 4
    DEVICE = FIRST_TYPE + 5
    DELIVERY = FIRST_TYPE + 6
    BUCKET = FIRST_TYPE + 7


VERSION = 1
"""In every type: rises with each change; what compare-and-set compares."""
DOC = 100
"""In every type: the rest of the row, as JSON."""
KEY = 2
"""A unique key, in INBOX, NOTIFICATION, DEVICE and BUCKET."""


class NotificationField(IntEnum):
    """Indexes of NOTIFICATION."""

    POSITION = 3
    """user / position"""
    CHANGE = 4
    """user / change_seq"""
    UNREAD = 5
    """user / position while unread, else null"""
    AGE = 6
    """created_at_ms"""


class ContentField(IntEnum):
    """Counters of CONTENT."""

    REFERENCES = 3
    """Notifications that still have this content; at 0 it goes."""


class DeviceField(IntEnum):
    """Indexes of DEVICE."""

    TOKEN = 3
    """tenant / type / token, unique: a token has one owner"""
    USER = 4


class DeliveryField(IntEnum):
    """Indexes of DELIVERY, and what listings filter by."""

    ID = 3
    BUCKET = 4
    """The bucket of its due time while it waits, else null"""
    DUE = 5
    """due_at_ms"""
    WATCH = 6
    """When the sweep has to look at it, else null"""
    HOLDER = 7
    """user / target of an open push, else null"""
    REPORT = 8
    """provider / provider_message_id"""
    TENANT = 9
    STATE = 10


class BucketField(IntEnum):
    """Indexes of BUCKET."""

    SLOT = 3
    """When its first delivery can be due, in epoch milliseconds"""
    TOUCH = 4
    """Another number with each delivery put in"""


class _Index(StrEnum):
    NONE = ""
    PLAIN = "indexed"
    UNIQUE = "unique"


class _Field(NamedTuple):
    number: int
    kind: str
    indexed: _Index = _Index.NONE


_PLAIN, _UNIQUE = _Index.PLAIN, _Index.UNIQUE
_N, _V, _D, _B = NotificationField, DeviceField, DeliveryField, BucketField
_TYPES: dict[Type, tuple[_Field, ...]] = {
    Type.CLOCK: (_Field(KEY, "str", _UNIQUE),),
    Type.INBOX: (_Field(KEY, "str", _UNIQUE),),
    Type.CONTENT: (_Field(ContentField.REFERENCES, "int"),),
    Type.NOTIFICATION: (
        _Field(KEY, "str", _UNIQUE),
        _Field(_N.POSITION, "str", _PLAIN),
        _Field(_N.CHANGE, "str", _PLAIN),
        _Field(_N.UNREAD, "str", _PLAIN),
        _Field(_N.AGE, "int", _PLAIN),
    ),
    Type.DEVICE: (
        _Field(KEY, "str", _UNIQUE),
        _Field(_V.TOKEN, "str", _UNIQUE),
        _Field(_V.USER, "str", _PLAIN),
    ),
    Type.DELIVERY: (
        _Field(_D.ID, "str", _PLAIN),
        _Field(_D.BUCKET, "str", _PLAIN),
        _Field(_D.DUE, "int"),
        _Field(_D.WATCH, "int", _PLAIN),
        _Field(_D.HOLDER, "str", _PLAIN),
        _Field(_D.REPORT, "str", _PLAIN),
        _Field(_D.TENANT, "str"),
        _Field(_D.STATE, "str"),
    ),
    Type.BUCKET: (
        _Field(KEY, "str", _UNIQUE),
        _Field(_B.SLOT, "int", _PLAIN),
        _Field(_B.TOUCH, "int"),
    ),
}


def descriptor() -> Any:
    """All types as a SchemaDescriptor, to ride on a write."""
    return pb.SchemaDescriptor(
        node_types=[
            pb.SchemaNodeTypeDef(
                type_id=type_,
                fields=[_definition(_Field(VERSION, "int")), *map(_definition, fields)],
            )
            for type_, fields in _TYPES.items()
        ]
    )


def _definition(field: _Field) -> Any:
    return pb.SchemaFieldDef(
        field_id=field.number,
        kind=field.kind,
        unique=field.indexed is _Index.UNIQUE,
        indexed=field.indexed is _Index.PLAIN,
    )
