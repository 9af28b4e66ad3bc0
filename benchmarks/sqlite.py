"""The SQLite store against bare sqlite3 with the same durability (WAL, synchronous=FULL) in the same run."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from itertools import count
from pathlib import Path

from benchmarks.report import Row, latency, rate
from notify_grpc.domain.models import Channel, Content, UserKey
from notify_grpc.ports.store import Notice, Recipient
from notify_grpc.stores.sqlite import SqliteStore

_SECONDS = 3.0
"""For each rate."""
_USERS = 5_000
_IN_FLIGHT = 64
_READS = 300
_READER = UserKey("acme", "reader")
_CONTENT = Content("Your order is on its way", "It left our warehouse this morning. " * 5, data={"order": "4711"})


async def measure() -> list[Row]:
    """Recipients per second by size of call, then latencies of reads by size of store."""
    with tempfile.TemporaryDirectory(prefix="notify-bench-") as folder:
        return [*await _rates(Path(folder)), *await _latencies(Path(folder))]


async def _rates(folder: Path) -> list[Row]:
    store = SqliteStore(folder / "rates.db")
    await store.open()
    rows = []
    for recipients, in_flight in ((1, 1), (1, _IN_FLIGHT), (100, 1), (100, 8), (1_000, 1)):
        bare = _bare_inserts(folder / "bare.db", recipients)
        value = await _creates(store, recipients, in_flight)
        rows.append(rate(f"sqlite: notify {recipients} recipients, {in_flight} in flight", value, "recipients/s", bare))
    await store.close()
    return rows


_keys = count()
_users = count()


def _notice(recipients: int) -> Notice:
    return Notice(
        "acme",
        f"notification-{next(_keys)}",
        _CONTENT,
        (Channel.IN_APP,),
        tuple(Recipient(f"user-{next(_users) % _USERS}") for _ in range(recipients)),
        time.time_ns() // 1_000_000,
    )


async def _creates(store: SqliteStore, recipients: int, in_flight: int) -> float:
    created = 0
    end = time.perf_counter() + _SECONDS

    async def produce() -> None:
        nonlocal created
        while time.perf_counter() < end:
            answers = await store.create(_notice(recipients))
            created += len(answers)

    start = time.perf_counter()
    await asyncio.gather(*(produce() for _ in range(in_flight)))
    return created / (time.perf_counter() - start)


def _bare_inserts(path: Path, batch: int) -> float:
    """Rows per second of the same columns into one table with one key, a transaction for each batch."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(
            "CREATE TABLE IF NOT EXISTS bare (tenant, user, notification, id, content, channels, status, seq, created, "
            "expires, trace, PRIMARY KEY (tenant, notification, user)) WITHOUT ROWID"
        )
        inserted = 0
        start = time.perf_counter()
        while time.perf_counter() < start + _SECONDS:
            notice = _notice(batch)
            rows = [
                (
                    "acme",
                    recipient.user_id,
                    notice.notification_id,
                    "0" * 36,
                    1,
                    "in_app",
                    1,
                    1,
                    notice.created_at_ms,
                    0,
                    "",
                )
                for recipient in notice.recipients
            ]
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO bare VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            db.execute("COMMIT")
            inserted += batch
        return inserted / (time.perf_counter() - start)


async def _latencies(folder: Path) -> list[Row]:
    path = folder / "reads.db"
    store = SqliteStore(path)
    await store.open()
    rows = []
    stored = 0
    for size in (1_000, 100_000, 1_000_000):
        await asyncio.to_thread(_fill, path, stored, size)
        stored = size
        page = await _median_us(lambda: store.list_notifications(_READER, before=None, limit=50))
        unread = await _median_us(lambda: store.get_inboxes([_READER]))
        bare_page, bare_unread = await asyncio.to_thread(_bare_reads, path)
        rows.append(latency(f"sqlite: page of 50, {size:,} rows stored", page, "µs", bare_page))
        rows.append(latency(f"sqlite: unread count, {size:,} rows stored", unread, "µs", bare_unread))
    await store.close()
    return rows


def _fill(path: Path, stored: int, wanted: int) -> None:
    """Rows up to so many, every second one the reader's, the others of 1,000 users."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT OR IGNORE INTO notify_contents VALUES (1, 'acme', x'00', 1, 'Hello', 'world', '', '', '{}')")
        for number in range(1, 1_002):
            user = "reader" if number == 1 else f"user-{number}"
            db.execute("INSERT OR IGNORE INTO notify_inboxes VALUES (?, 'acme', ?, 1, 0, 0, 0, 0)", (number, user))
        db.executemany(
            "INSERT INTO notify_notifications "
            "VALUES (?1, ?2, ?3, 'acme', ?4, ?3, 1, 'in_app', 1, ?2, ?2, 0, 0, 0, 0, '')",
            _rows(range(stored, wanted)),
        )
        db.execute(
            "UPDATE notify_inboxes SET last_position = :n, last_seq = :n, unread = :n WHERE id = 1", {"n": wanted // 2}
        )
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _rows(numbers: Iterable[int]) -> Iterable[tuple[int, int, str, str]]:
    for number in numbers:
        inbox = 1 if number % 2 == 0 else 2 + number // 2 % 1_000
        yield inbox, number // 2 + 1, f"{number:036}", "reader" if inbox == 1 else f"user-{inbox}"


async def _median_us(read: Callable[[], Awaitable[object]]) -> float:
    taken = []
    for _ in range(_READS):
        start = time.perf_counter()
        await read()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e6


def _bare_reads(path: Path) -> tuple[float, float]:
    """Medians in µs of one statement each, in the calling thread: rows as tuples, nothing built of them."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        page = (
            "SELECT n.*, c.* FROM notify_notifications AS n JOIN notify_contents AS c ON c.id = n.content_id "
            "WHERE inbox_id = 1 ORDER BY position DESC LIMIT 50"
        )
        unread = "SELECT * FROM notify_inboxes WHERE tenant_id = 'acme' AND user_id = 'reader'"
        return _bare_median_us(db, page), _bare_median_us(db, unread)


def _bare_median_us(db: sqlite3.Connection, sql: str) -> float:
    taken = []
    for _ in range(_READS):
        start = time.perf_counter()
        db.execute(sql).fetchall()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e6


if __name__ == "__main__":
    for row in asyncio.run(measure()):
        print(f"{row.name:55} {row.value:12,.0f} {row.unit:14} {row.ceiling:12,.0f} {row.ratio:6.2f}")
