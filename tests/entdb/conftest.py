"""Servers and storage tenants for the tests of this folder."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from notify_grpc.stores.entdb import EntDBStore
from tests.entdb.fake import FakeEntDB
from tests.entdb.servers import fresh_tenant

_EXTERNAL = os.environ.get("NOTIFY_TEST_ENTDB_ADDRESS")


@pytest.fixture
def fake() -> Iterator[FakeEntDB]:
    """A fake of its own for a test that spoils it."""
    with FakeEntDB() as server:
        yield server


@pytest.fixture(params=["fake", "real"] if _EXTERNAL else ["fake"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each server there is: what holds for one has to hold for the other."""
    if request.param == "real":
        assert _EXTERNAL
        yield _EXTERNAL
        return
    with FakeEntDB() as server:
        yield server.address


@pytest.fixture
def tenant() -> str:
    """A storage tenant that nobody used yet."""
    return fresh_tenant()


@pytest.fixture
async def store(fake: FakeEntDB, tenant: str) -> AsyncIterator[EntDBStore]:
    """An open store on the test's own fake."""
    store = EntDBStore(fake.address, [tenant])
    await store.open()
    yield store
    await store.close()
