"""A few connections that only read, each on a thread of its own."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from notify_grpc.domain.errors import Unavailable
from notify_grpc.stores.sqlite.connections import open_reader
from notify_grpc.stores.sqlite.errors import translated

P = ParamSpec("P")
R = TypeVar("R")


class Readers:
    """Runs functions of a connection, each inside one read transaction: all it sees is of one moment."""

    def __init__(self, path: Path, busy_timeout_s: float, threads: int = 4) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="notify-sqlite-reader")
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._serving = False

    def open(self) -> None:
        """Connections are made by the first read of each thread."""
        self._serving = True

    async def run(
        self, function: Callable[Concatenate[sqlite3.Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """The function's result, from a snapshot that holds every write answered before."""
        if not self._serving:
            raise Unavailable("the store is not open")
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: self._read(lambda db: function(db, *args, **kwargs))
        )

    async def close(self) -> None:
        """Let running reads end, then disconnect."""
        self._serving = False
        await asyncio.to_thread(self._threads.shutdown)
        while self._open:
            self._open.pop().close()

    def _read(self, function: Callable[[sqlite3.Connection], R]) -> R:
        with translated():
            db = self._connection()
            db.execute("BEGIN")
            try:
                return function(db)
            finally:
                if db.in_transaction:  # some errors end it
                    db.execute("ROLLBACK")

    def _connection(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = open_reader(self._path, self._busy_timeout_s)
            self._open.append(db)
        return db
