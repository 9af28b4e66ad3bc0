"""What the parts of the store share: the writer, the readers, the life cycle."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.domain.errors import Unavailable
from notify_grpc.stores.sqlite.lock import ProcessLock
from notify_grpc.stores.sqlite.migrations import apply
from notify_grpc.stores.sqlite.readers import Readers
from notify_grpc.stores.sqlite.writer import Tx, Writer

_PING_TIMEOUT_S = 2.0
_PING = "INSERT INTO notify_pings VALUES (1, :at_ms) ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms"


class Database:
    """A database file, served by this process alone.

    ``busy_timeout_s`` bounds the wait for another process's lock (a backup, a shell); a write fails with Unavailable
    after at most twice that: behind a group that waits, and in its own.
    """

    def __init__(self, path: str | Path, clock: Clock | None = None, *, busy_timeout_s: float = 1.0) -> None:
        self._path = Path(path)
        self._clock = clock or SystemClock()
        self._lock = ProcessLock(self._path)
        self._writer = Writer(self._path, self._clock, busy_timeout_s)
        self._readers = Readers(self._path, busy_timeout_s)

    async def open(self) -> None:
        """Take the file, create or migrate it. Raises FailedPrecondition, Unavailable."""
        self._lock.acquire()
        try:
            await self._writer.open(self._migrate)
        except BaseException:
            self._lock.release()
            raise
        self._readers.open()

    def _migrate(self, db: sqlite3.Connection) -> None:
        apply(db, self._clock.now_ms())

    async def close(self) -> None:
        """Commit what waits, let reads end, and give the file back."""
        await self._readers.close()
        await self._writer.close()
        self._lock.release()

    async def ping(self) -> None:
        """Read, and commit a row: only that shows a full disk or a foreign lock."""
        try:
            async with asyncio.timeout(_PING_TIMEOUT_S):
                await self._readers.run(_read)
                await self._writer.run(_write, 1)
        except TimeoutError as exc:
            raise Unavailable("the database does not answer in time") from exc


def _read(db: sqlite3.Connection) -> None:
    db.execute("SELECT 1 FROM notify_pings").fetchone()


def _write(tx: Tx) -> None:
    tx.db.execute(_PING, {"at_ms": tx.now_ms})
