"""Parameters in PostgreSQL's binary format, each always of one type, so that a statement is prepared once.

psycopg picks an integer's type by its size and an array's by its items (an empty one has none); that would make several
statements of one, and dumps item by item in Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Any

from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.postgres import types
from psycopg.pq import Format
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import StrBinaryDumper

_HEADER = Struct("!iiIii").pack
"""Dimensions, whether there are nulls, type of the items, length, lower bound (array_send in the server's source)."""
_LENGTH = Struct("!i").pack
_BIGINT = Struct("!iq").pack
_UUID_LENGTH = _LENGTH(16)


class Texts(list[str]):
    """A ``text[]``."""


class Bigints(list[int]):
    """A ``bigint[]``."""


class Uuids(list[str]):
    """A ``uuid[]``, from hexadecimal text, with or without dashes."""


class _ArrayDumper(Dumper):
    format = Format.BINARY
    item = "text"

    def __init__(self, cls: type, context: AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        self.oid = types[self.item].array_oid

    def dump(self, obj: Any) -> bytes:
        dimensions = 1 if obj else 0
        header = _HEADER(dimensions, 0, types[self.item].oid, len(obj), 1)
        return b"".join((header if dimensions else header[:12], *self.items(obj)))

    def items(self, obj: Any) -> Iterable[bytes]:
        raise NotImplementedError


class _TextsDumper(_ArrayDumper):
    def items(self, obj: Texts) -> Iterable[bytes]:
        return [_LENGTH(len(raw)) + raw for raw in map(str.encode, obj)]


class _BigintsDumper(_ArrayDumper):
    item = "int8"

    def items(self, obj: Bigints) -> Iterable[bytes]:
        return [_BIGINT(8, number) for number in obj]


class _UuidsDumper(_ArrayDumper):
    item = "uuid"

    def items(self, obj: Uuids) -> Iterable[bytes]:
        raw = bytes.fromhex("".join(obj).replace("-", ""))
        return [_UUID_LENGTH + raw[at : at + 16] for at in range(0, len(raw), 16)]


def register(context: AdaptContext) -> None:
    """Make a connection dump these types, ``int`` as bigint and ``str`` as text."""
    for cls, dumper in (
        (int, Int8BinaryDumper),
        (str, StrBinaryDumper),
        (Texts, _TextsDumper),
        (Bigints, _BigintsDumper),
        (Uuids, _UuidsDumper),
    ):
        context.adapters.register_dumper(cls, dumper)
