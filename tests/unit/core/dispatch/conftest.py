"""A world on each store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from notify_grpc.stores.memory import MemoryStore
from notify_grpc.stores.sqlite import SqliteStore
from tests.conformance.store import Clocked, Database
from tests.conformance.test_postgres import PostgresDatabase
from tests.support.dispatching import World


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Every store that this suite must pass on; ``memory_only`` where the store does not matter."""
    match request.param:
        case "memory":
            return Clocked(MemoryStore)
        case "sqlite":
            return Clocked(lambda clock: SqliteStore(tmp_path / "notify.db", clock))
        case _:
            return PostgresDatabase(request.getfixturevalue("postgres_dsn"))


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    world = World(database)
    await world.store.open()
    yield world
    await world.close()
