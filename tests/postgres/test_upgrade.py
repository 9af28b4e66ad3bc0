"""A server of this release and one of the next on one database (FAULTS, case 36): both pass the suite.

``store`` was running while the next release migrated; ``other`` booted on the new schema.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from notify_grpc.ports.store import Store
from notify_grpc.stores.postgres import PostgresStore
from notify_grpc.stores.postgres.migrations import known, migrate
from tests.conformance.store import Database
from tests.conformance.store.changes import ChangesSince
from tests.conformance.store.claiming import Claiming
from tests.conformance.store.creating import Creating
from tests.conformance.store.finishing import Finishing
from tests.conformance.store.reading import Reading
from tests.conformance.test_postgres import PostgresDatabase
from tests.postgres.test_migrations import LATER


@pytest.fixture
def database(postgres_dsn: str) -> Database:
    """Empty."""
    return PostgresDatabase(postgres_dsn)


class TestBesideTheNextRelease(Creating, Reading, ChangesSince, Claiming, Finishing):
    @pytest.fixture
    async def store(self, database: Database, postgres_dsn: str) -> AsyncIterator[Store]:
        store = database.connect()
        await store.open()
        await migrate(postgres_dsn, [*known(), LATER])
        yield store
        await store.close()

    @pytest.fixture
    async def other(self, store: Store, postgres_dsn: str) -> AsyncIterator[Store]:
        booted = PostgresStore(postgres_dsn, automigrate=False, pool_min=1, pool_max=4)
        await booted.open()
        yield booted
        await booted.close()
