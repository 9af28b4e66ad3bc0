"""Opening the database: the settings every connection has."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from notify_grpc.domain.errors import FailedPrecondition

OLDEST_SQLITE = (3, 37, 0)
"""The first with STRICT tables, RETURNING and UPDATE … FROM."""
_WRITER_CACHE_KIB = 65_536
_READER_CACHE_KIB = 16_384
_WAL_LIMIT_BYTES = 64 * 1024 * 1024
"""What the write-ahead log is cut back to after a checkpoint that followed a burst."""


def open_writer(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """A connection that may write: WAL, and every commit waits for the disk."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise FailedPrecondition(f"SQLite {sqlite3.sqlite_version} is too old: 3.37 or newer is needed")
    db = _connect(path, "rwc", busy_timeout_s)
    try:
        db.execute("PRAGMA journal_mode = WAL").fetchone()
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT_BYTES}").fetchone()
        db.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
        db.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        db.close()
        raise
    return db


def open_reader(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """A connection that cannot write. It needs a database that exists."""
    db = _connect(path, "rw", busy_timeout_s)
    db.execute("PRAGMA query_only = ON")
    db.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
    db.execute("PRAGMA temp_store = MEMORY")
    return db


def _connect(path: Path, mode: str, busy_timeout_s: float) -> sqlite3.Connection:
    # Used by one thread at a time; closed by another.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
