"""What sqlite3 raises, in the domain's words. The one place where that is decided."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from notify_grpc.domain.errors import OutcomeUnknown, Unavailable

_PRIMARY = 0xFF
"""Masks the extended part of a result code (https://sqlite.org/rescode.html)."""
_MESSAGES: Mapping[int, str] = MappingProxyType(
    {
        sqlite3.SQLITE_BUSY: "the database is locked by another process",
        sqlite3.SQLITE_LOCKED: "the database is locked",
        sqlite3.SQLITE_FULL: "the database's disk is full",
        sqlite3.SQLITE_IOERR: "the database's disk cannot be read or written",
        sqlite3.SQLITE_READONLY: "the database cannot be written",
        sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
        sqlite3.SQLITE_PERM: "the database file cannot be opened",
        sqlite3.SQLITE_CORRUPT: "the database file is damaged",
        sqlite3.SQLITE_NOTADB: "the database file is not a SQLite database",
        sqlite3.SQLITE_NOMEM: "the database ran out of memory",
        sqlite3.SQLITE_INTERRUPT: "the database was interrupted",
    }
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise Unavailable in place of what sqlite3 raises for a full, failing, locked or missing database.

    Everything else (a constraint, a statement that is wrong) is a defect and passes unchanged.
    """
    try:
        yield
    except sqlite3.Error as exc:
        if message := _MESSAGES.get(_code(exc) & _PRIMARY):
            raise Unavailable(message) from exc
        raise


@contextmanager
def translated_commit() -> Iterator[None]:
    """As ``translated``, around a COMMIT: written whole but not synced, the transaction may yet survive a restart."""
    try:
        with translated():
            yield
    except Unavailable as exc:
        if isinstance(exc.__cause__, sqlite3.Error) and _code(exc.__cause__) == sqlite3.SQLITE_IOERR_FSYNC:
            raise OutcomeUnknown(str(exc)) from exc.__cause__
        raise


def _code(exc: sqlite3.Error) -> int:
    """The extended result code; what the module itself raises has none."""
    return getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
