"""The one connection that writes, on its own thread, committing concurrent writes in groups."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar, cast

from notify_grpc.domain.clock import Clock
from notify_grpc.domain.errors import NotifyError, Unavailable
from notify_grpc.stores.group_commit import GroupCommit
from notify_grpc.stores.sqlite.connections import open_writer
from notify_grpc.stores.sqlite.errors import translated, translated_commit

P = ParamSpec("P")
R = TypeVar("R")

_GROUP_ROWS = 1_000
"""Rows of one transaction, about: what a write may have to wait for."""


class Tx(NamedTuple):
    """A running transaction and its time."""

    db: sqlite3.Connection
    now_ms: int


class _Write(NamedTuple):
    run: Callable[[Tx], Any]
    rows: int


class Writer:
    """Runs functions of a ``Tx`` in transactions that they may share.

    Such a function changes rows through ``tx.db``, raises a domain error only before its first change, and may be run
    again after a rollback.
    """

    def __init__(self, path: Path, clock: Clock, busy_timeout_s: float) -> None:
        self._path = path
        self._clock = clock
        self._busy_timeout_s = busy_timeout_s
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="notify-sqlite-writer")
        self._db: sqlite3.Connection | None = None
        self._groups: GroupCommit[_Write, Any] = GroupCommit(
            self._commit, name="sqlite", limit=_GROUP_ROWS, weigh=lambda write: write.rows
        )

    async def open(self, prepare: Callable[[sqlite3.Connection], object]) -> None:
        """Connect, and let ``prepare`` see the connection outside any transaction."""

        def connect() -> None:
            with translated():
                self._db = open_writer(self._path, self._busy_timeout_s)
                prepare(self._db)

        await asyncio.get_running_loop().run_in_executor(self._thread, connect)

    async def run(self, function: Callable[Concatenate[Tx, P], R], rows: int, *args: P.args, **kwargs: P.kwargs) -> R:
        """The function's result, once it is on disk. ``rows``: how many it changes, about."""
        write = _Write(lambda tx: function(tx, *args, **kwargs), rows)
        return cast(R, await self._groups.submit(write))  # the group's results are of many types

    async def close(self) -> None:
        """Commit what waits, then disconnect."""
        await self._groups.close()
        if self._db is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._db.close)
            self._db = None
        self._thread.shutdown()

    async def _commit(self, writes: Sequence[_Write]) -> list[Any]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, writes)

    def _transaction(self, writes: Sequence[_Write]) -> list[Any]:
        db = self._db
        if db is None:
            raise Unavailable("the store is not open")
        try:
            with translated():
                db.execute("BEGIN IMMEDIATE")
                tx = Tx(db, self._clock.now_ms())
                results = [_run(write, tx) for write in writes]
            with translated_commit():
                db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return results


def _run(write: _Write, tx: Tx) -> Any:
    before = tx.db.total_changes
    try:
        return write.run(tx)
    except NotifyError as exc:
        if tx.db.total_changes != before:
            raise  # it broke the rule above: the group is rolled back and its writes run one by one
        return exc
