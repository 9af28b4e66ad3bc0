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
        if message := _message(exc):
            raise Unavailable(message) from exc
        raise


@contextmanager
def translated_commit() -> Iterator[None]:
    """As ``translated``, around a COMMIT: after a failed sync the transaction may or may not survive a restart."""
    try:
        yield
    except sqlite3.Error as exc:
        if _code(exc) == sqlite3.SQLITE_IOERR:
            raise OutcomeUnknown(_MESSAGES[sqlite3.SQLITE_IOERR]) from exc
        if message := _message(exc):
            raise Unavailable(message) from exc
        raise


def _message(exc: sqlite3.Error) -> str | None:
    return _MESSAGES.get(_code(exc))


def _code(exc: sqlite3.Error) -> int:
    code: int = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR)  # what the module itself raises has none
    return code & _PRIMARY
