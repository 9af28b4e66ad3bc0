"""Identifiers. Ours are UUIDv7 (RFC 9562 §5.7), so that ids sort by time of creation; callers choose others."""

from __future__ import annotations

import os
import re
import secrets

MAX_ID_CHARS = 256
MAX_ID_BYTES = 768
"""In UTF-8: three of the callers' ids make a key that databases can index (2,700 bytes)."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def new_id(now_ms: int) -> str:
    """A UUIDv7 of this millisecond, as 36 lower-case characters."""
    rand = int.from_bytes(os.urandom(10), "big")
    value = (now_ms & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | (rand >> 64 & 0xFFF) << 64
    value |= 0b10 << 62 | rand & 0x3FFF_FFFF_FFFF_FFFF
    h = f"{value:032x}"
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def is_id(text: str) -> bool:
    """Whether ``text`` can be an id of ours; nothing else needs looking up."""
    return _UUID.fullmatch(text) is not None


def fault_of_id(text: str) -> str:
    """What is wrong with an id that a caller chose; "" if nothing. NUL and half a surrogate pair cannot be stored."""
    if not text:
        return "is required"
    if len(text) > MAX_ID_CHARS:
        return f"is longer than {MAX_ID_CHARS} characters"
    if "\0" in text:
        return "must not contain NUL"
    if text.isascii():
        return ""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode"
    return f"is larger than {MAX_ID_BYTES} bytes" if size > MAX_ID_BYTES else ""


def new_epoch() -> int:
    """A random non-zero 48-bit number that tells two lives of one inbox apart."""
    return secrets.randbits(48) | 1
