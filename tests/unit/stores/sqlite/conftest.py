"""An open store on a file of its own, and a look at its tables."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from notify_grpc.stores.sqlite import SqliteStore
from notify_grpc.stores.sqlite.connections import open_reader
from tests.support.clock import ManualClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "notify.db"


@pytest.fixture
async def sqlite_store(path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    """Open, on the test's clock."""
    store = SqliteStore(path, clock)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def tables(path: Path, sqlite_store: SqliteStore) -> Iterator[sqlite3.Connection]:
    """The store's tables as another process sees them."""
    with closing(open_reader(path, 1.0)) as db:
        yield db
