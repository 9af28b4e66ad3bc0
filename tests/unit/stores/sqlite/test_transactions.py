"""The writer's groups and the readers' snapshots."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from notify_grpc.domain.errors import NotFound, Unavailable
from notify_grpc.stores.sqlite.readers import Readers
from notify_grpc.stores.sqlite.writer import Tx, Writer
from tests.support.clock import ManualClock
from tests.support.waiting import eventually


def prepare(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE words (word TEXT NOT NULL) STRICT")


def add(tx: Tx, word: str | None) -> Tx:
    tx.db.execute("INSERT INTO words VALUES (?)", (word,))
    return tx


def refuse(tx: Tx) -> None:
    raise NotFound("nothing")


def change_and_refuse(tx: Tx) -> None:
    add(tx, "never")
    raise NotFound("too late")


def words(db: sqlite3.Connection) -> list[str]:
    return [word for (word,) in db.execute("SELECT word FROM words ORDER BY rowid")]


@pytest.fixture
async def writer(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Writer]:
    writer = Writer(tmp_path / "test.db", clock, busy_timeout_s=1.0)
    await writer.open(prepare)
    yield writer
    await writer.close()


@pytest.fixture
async def readers(tmp_path: Path, writer: Writer) -> AsyncIterator[Readers]:
    readers = Readers(tmp_path / "test.db", busy_timeout_s=1.0)
    readers.open()
    yield readers
    await readers.close()


class Held:
    """Keeps the writer's thread in a transaction, so that what is submitted meanwhile forms a group."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._entered = threading.Event()
        self._go = threading.Event()

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._writer.run(self._hold, 1))
        await eventually(self._entered.is_set)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0)  # what was submitted inside is in the queue
        self._go.set()
        await self._task

    def _hold(self, tx: Tx) -> None:
        self._entered.set()
        self._go.wait(10)


async def test_writes_that_wait_together_share_a_transaction_and_its_time(writer: Writer, readers: Readers) -> None:
    async with Held(writer):
        tasks = [asyncio.create_task(writer.run(add, 1, word)) for word in ("a", "b", "c")]
    first, second, third = [await task for task in tasks]
    assert first is second is third
    assert first.now_ms == 1_750_000_000_000
    assert await readers.run(words) == ["a", "b", "c"]


async def test_a_domain_error_is_its_callers_and_the_others_are_committed(writer: Writer, readers: Readers) -> None:
    async with Held(writer):
        tasks = [asyncio.create_task(writer.run(add, 1, "a")), asyncio.create_task(writer.run(refuse, 1))]
        last = asyncio.create_task(writer.run(add, 1, "b"))
    results = await asyncio.gather(*tasks, last, return_exceptions=True)
    assert isinstance(results[1], NotFound)
    assert results[0] is results[2]
    assert await readers.run(words) == ["a", "b"]


@pytest.mark.parametrize(("fails", "error"), [(change_and_refuse, NotFound), (lambda tx: add(tx, None), sqlite3.Error)])
async def test_a_write_that_fails_half_way_leaves_nothing_behind_and_spares_the_others(
    writer: Writer, readers: Readers, fails: Callable[[Tx], object], error: type[Exception]
) -> None:
    async with Held(writer):
        tasks = [asyncio.create_task(writer.run(add, 1, word)) for word in ("a", "b")]
        bad = asyncio.create_task(writer.run(fails, 1))
    await asyncio.gather(*tasks)
    with pytest.raises(error):
        await bad
    assert await readers.run(words) == ["a", "b"]


async def test_a_cancelled_write_is_done_whole_or_not_at_all(writer: Writer, readers: Readers) -> None:
    async with Held(writer):
        waiting = asyncio.create_task(writer.run(add, 1, "never"))
        kept = asyncio.create_task(writer.run(add, 1, "kept"))
        await asyncio.sleep(0)
        waiting.cancel()
    await kept
    assert waiting.cancelled()
    assert await readers.run(words) == ["kept"]


async def test_a_read_sees_one_moment_only(writer: Writer, readers: Readers) -> None:
    looked = threading.Event()
    go_on = threading.Event()

    def twice(db: sqlite3.Connection) -> list[list[str]]:
        before = words(db)
        looked.set()
        go_on.wait(10)
        return [before, words(db)]

    await writer.run(add, 1, "a")
    reading = asyncio.create_task(readers.run(twice))
    await eventually(looked.is_set)
    await writer.run(add, 1, "b")
    go_on.set()
    assert await reading == [["a"], ["a"]]
    assert await readers.run(words) == ["a", "b"]


async def test_readers_cannot_write(readers: Readers) -> None:
    with pytest.raises(Unavailable, match="cannot be written"):
        await readers.run(lambda db: db.execute("DELETE FROM words"))


async def test_commits_wait_for_the_disk_and_foreign_keys_hold(writer: Writer) -> None:
    def settings(tx: Tx) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [tx.db.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await writer.run(settings, 1) == ["wal", 2, 1]


async def test_close_commits_what_waits(tmp_path: Path, clock: ManualClock) -> None:
    writer = Writer(tmp_path / "test.db", clock, busy_timeout_s=1.0)
    await writer.open(prepare)
    tasks = [asyncio.create_task(writer.run(add, 1, str(number))) for number in range(50)]
    await asyncio.sleep(0)
    await writer.close()
    await asyncio.gather(*tasks)
    with pytest.raises(Unavailable):
        await writer.run(add, 1, "late")
    with closing(sqlite3.connect(tmp_path / "test.db")) as db:
        assert len(words(db)) == 50
