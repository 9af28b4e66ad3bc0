"""Migrations: once each, in order, all or none, and entered in the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from notify_grpc.domain.errors import FailedPrecondition, Unavailable
from notify_grpc.stores.sql_files import Migration
from notify_grpc.stores.sqlite import SqliteStore, migrate, plan
from notify_grpc.stores.sqlite.connections import open_writer
from notify_grpc.stores.sqlite.migrations import apply, known, statements
from tests.support.clock import ManualClock

ONE = Migration(1, "one", "CREATE TABLE one (x INTEGER);\nCREATE TRIGGER t AFTER INSERT ON one BEGIN SELECT 1; END;\n")
TWO = Migration(2, "two", "-- more\nALTER TABLE one ADD COLUMN y INTEGER;\n")


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_writer(path, 1.0)) as db:
        yield db


def ledger(db: sqlite3.Connection) -> list[tuple[object, ...]]:
    return db.execute("SELECT * FROM notify_schema_migrations ORDER BY version").fetchall()


def tables(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def test_what_is_pending_is_applied_in_order_and_entered(db: sqlite3.Connection) -> None:
    assert apply(db, 7, [ONE]) == [ONE]
    assert apply(db, 8, [ONE, TWO]) == [TWO]
    assert ledger(db) == [(1, "one", ONE.checksum, 7), (2, "two", TWO.checksum, 8)]
    assert [row[1] for row in db.execute("PRAGMA table_info(one)")] == ["x", "y"]


def test_nothing_is_done_twice(db: sqlite3.Connection) -> None:
    apply(db, 7, [ONE, TWO])
    assert apply(db, 8, [ONE, TWO]) == []
    assert [row[3] for row in ledger(db)] == [7, 7]


def test_a_step_that_fails_leaves_nothing_behind(db: sqlite3.Connection) -> None:
    broken = Migration(2, "two", "CREATE TABLE two (x INTEGER);\nALTER TABLE nowhere ADD COLUMN y;\n")
    with pytest.raises(sqlite3.OperationalError):
        apply(db, 7, [ONE, broken])
    assert tables(db) == set()
    assert apply(db, 8, [ONE, TWO]) == [ONE, TWO]


def test_a_step_that_was_changed_after_it_was_applied_is_refused(db: sqlite3.Connection) -> None:
    apply(db, 7, [ONE])
    with pytest.raises(FailedPrecondition, match=r"migration 1 \(one\)"):
        apply(db, 8, [ONE._replace(sql="CREATE TABLE other (x);"), TWO])
    assert len(ledger(db)) == 1


def test_a_step_of_a_newer_release_is_left_alone(db: sqlite3.Connection) -> None:
    apply(db, 7, [ONE, TWO])
    assert apply(db, 8, [ONE]) == []


def test_plan_says_what_migrate_would_do_and_changes_nothing(path: Path) -> None:
    assert plan(path) == known()
    assert not path.exists()
    assert migrate(path) == known()
    assert plan(path) == []
    assert migrate(path) == []


def test_versions_count_from_one_without_gaps() -> None:
    assert [step.version for step in known()] == list(range(1, len(known()) + 1))
    assert all(list(statements(step.sql)) for step in known())


def test_a_script_is_split_at_the_ends_of_its_statements() -> None:
    assert [text.strip() for text in statements(ONE.sql)] == ONE.sql.strip().split("\n")


def test_concurrent_migrates_apply_each_step_once(path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(migrate, [path] * 4))
    assert sorted(applied, key=len) == [[], [], [], known()]


async def test_opening_a_store_migrates_with_the_stores_clock(path: Path, clock: ManualClock) -> None:
    store = SqliteStore(path, clock)
    await store.open()
    assert plan(path) == []
    await store.close()
    with closing(open_writer(path, 1.0)) as db:
        assert {row[3] for row in ledger(db)} == {clock.now_ms()}


async def test_migrate_and_plan_work_beside_a_store_that_serves(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    assert migrate(path) == plan(path) == []
    await store.close()


def test_a_file_that_is_no_database_is_named_as_such(path: Path) -> None:
    path.write_bytes(b"not a database, however long this text may be" * 100)
    for attempt in (migrate, plan):
        with pytest.raises(Unavailable, match="not a SQLite database"):
            attempt(path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be opened"):
        migrate(tmp_path / "nowhere" / "notify.db")
