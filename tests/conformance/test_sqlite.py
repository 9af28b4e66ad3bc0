"""The SQLite store passes the suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from notify_grpc.stores.sqlite import SqliteStore
from tests.conformance.store import Clocked, Database, StoreSuite


class TestSqliteStore(StoreSuite):
    @pytest.fixture
    def database(self, tmp_path: Path) -> Database:
        return Clocked(lambda clock: SqliteStore(tmp_path / "notify.db", clock))
