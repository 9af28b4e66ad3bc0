"""The PostgreSQL store passes the suite."""

from __future__ import annotations

import time

import psycopg
import pytest

from notify_grpc.ports.store import Store
from notify_grpc.stores.postgres import PostgresStore
from tests.conformance.store import Database, StoreSuite


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
            await admin.execute(
                "CREATE OR REPLACE FUNCTION notify_now_ms() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE AS"
                f" 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint + {self._ahead_ms}'"
            )


class TestPostgresStore(StoreSuite):
    @pytest.fixture
    def database(self, postgres_dsn: str) -> Database:
        return PostgresDatabase(postgres_dsn)
