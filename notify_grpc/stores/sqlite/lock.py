"""One serving process per database file."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from notify_grpc.domain.errors import FailedPrecondition


class ProcessLock:
    """An advisory lock on ``<database>.lock``, held from ``acquire`` to ``release``.

    The kernel drops it when the process ends, however it ends. Readers, backups and `notify-grpc migrate` do not take
    it: SQLite's own locks suffice for them. A second server would answer reads from counters and sessions of its own.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._fd: int | None = None

    def acquire(self) -> None:
        """Raises FailedPrecondition when another process serves this database, or the folder cannot be written."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise FailedPrecondition(f"the database cannot be locked: {self._path}: {exc.strerror}") from exc
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(fd)
            raise FailedPrecondition(
                f"another process serves {self._path.stem}: SQLite is for one process, PostgreSQL for several"
            ) from exc
        self._fd = fd

    def release(self) -> None:
        """Let go; without effect when not held. The file stays: removing it would let two processes hold two locks."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
