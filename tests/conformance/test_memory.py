"""The memory store passes the suite, of which it is the reference."""

from __future__ import annotations

import pytest

from notify_grpc.stores.memory import MemoryStore
from tests.conformance.store import Clocked, Database, StoreSuite


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def database(self) -> Database:
        return Clocked(MemoryStore)
