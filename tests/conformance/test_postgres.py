"""The PostgreSQL store passes the suite."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from notify_grpc.ports.store import Store
from notify_grpc.stores.postgres import PostgresStore
from tests.conformance.store import Database, StoreSuite
from tests.support.postgres import fresh_database


class PostgresDatabase(Database):
    """A database whose clock (notify_now_ms) can be set forward."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._ahead_ms = 0

    def connect(self) -> Store:
        return PostgresStore(self._dsn, pool_min=1, pool_max=4)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self._ahead_ms

    async def advance(self, seconds: float) -> None:
        self._ahead_ms += round(seconds * 1000)
        async with await psycopg.AsyncConnection.connect(self._dsn) as admin:
            await admin.execute(_clock(self._ahead_ms))


_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'notify_schema_migrations'"


def emptied(dsn: str) -> str:
    """The same database as new, its schema kept: making one takes longer than most tests."""
    with psycopg.connect(dsn, autocommit=True) as admin:
        tables = [sql.Identifier(name) for (name,) in admin.execute(_TABLES)]
        if tables:
            admin.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(tables)))
            admin.execute(_clock(0))
    return dsn


def _clock(ahead_ms: int) -> sql.SQL:
    """The one clock of leases, set forward."""
    now = f"SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint + {ahead_ms}"
    function = "CREATE OR REPLACE FUNCTION notify_now_ms() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE AS"
    return sql.SQL(f"{function} '{now}'")


@pytest.fixture(scope="module")
def suite_dsn(any_postgres_dsn: str) -> Iterator[str]:
    """One database for all tests of the suite."""
    with fresh_database(any_postgres_dsn) as dsn:
        yield dsn


class TestPostgresStore(StoreSuite):
    @pytest.fixture
    def database(self, suite_dsn: str) -> Database:
        return PostgresDatabase(emptied(suite_dsn))
