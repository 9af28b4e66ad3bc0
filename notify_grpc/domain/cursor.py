"""Cursors: where a stream or a page goes on. Opaque to clients, round-trip exactly."""

from __future__ import annotations

import re
from typing import NamedTuple

from notify_grpc.domain.errors import InvalidArgument

MAX_SEQ = 2**63 - 1
_STREAM = re.compile(r"([0-9a-f]{1,16}):([0-9]{1,19})", re.ASCII)
_PAGE = re.compile(r"p([0-9]{1,19})", re.ASCII)


class Cursor(NamedTuple):
    """A place in a user's changes: the inbox's epoch and the last change_seq seen."""

    epoch: int
    seq: int

    def encode(self) -> str:
        """``epoch:seq``, the epoch in hexadecimal."""
        return f"{self.epoch:x}:{self.seq}"


def parse_cursor(text: str, field: str = "resume_after") -> Cursor:
    """Read a stream cursor. Raises InvalidArgument naming ``field``."""
    match = _STREAM.fullmatch(text)
    if match is None or int(match[2]) > MAX_SEQ:
        raise InvalidArgument(field, "is not a cursor of this service")
    return Cursor(int(match[1], 16), int(match[2]))


def encode_page(position: int) -> str:
    """The cursor of a page that goes on below ``position``."""
    return f"p{position}"


def parse_page(text: str, field: str = "cursor") -> int | None:
    """The position a page goes on below; None for the first page. Raises InvalidArgument naming ``field``."""
    if not text:
        return None
    match = _PAGE.fullmatch(text)
    if match is None or not 0 < int(match[1]) <= MAX_SEQ:
        raise InvalidArgument(field, "is not a cursor of this service")
    return int(match[1])
