"""The EntDB store passes the suite: on NOTIFY_TEST_ENTDB_ADDRESS's server, or on a fake that speaks its service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from notify_grpc.stores.entdb import EntDBStore
from tests.conformance.store import Clocked, Database, StoreSuite
from tests.entdb.servers import entdb_address, fresh_tenant


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with entdb_address() as where:
        yield where


class TestEntDBStore(StoreSuite):
    @pytest.fixture
    def database(self, address: str) -> Database:
        tenant = fresh_tenant()
        return Clocked(lambda clock: EntDBStore(address, [tenant], clock=clock))
