"""The suite over two storage tenants: each of our tenants lies in one of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from notify_grpc.domain.models import UserKey
from notify_grpc.ports.store import DeliveryFilter, Store
from notify_grpc.stores.entdb import EntDBStore
from tests.conformance.store import Clocked, Database, StoreSuite
from tests.conformance.store.making import EMAIL, inbox_of, send
from tests.entdb.servers import entdb_address, fresh_tenant


@pytest.fixture(scope="module")
def where() -> Iterator[str]:
    with entdb_address() as address:
        yield address


class TestSpreadOverTwo(StoreSuite):
    @pytest.fixture
    def database(self, where: str) -> Database:
        tenants = [fresh_tenant(), fresh_tenant()]
        return Clocked(lambda clock: EntDBStore(where, tenants, clock=clock))

    async def test_tenants_lie_apart_and_are_found_together(self, store: Store) -> None:
        users = [UserKey(f"tenant-{number}", "alice") for number in range(8)]
        created = [await send(store, user, "n-1", EMAIL) for user in users]
        assert isinstance(store, EntDBStore)
        assert len({store.store_of(user.tenant_id) for user in users}) == 2
        assert [(await inbox_of(store, user)).unread for user in users] == [1] * 8
        listed = await store.list_deliveries(DeliveryFilter(), limit=100)
        ids = sorted(delivery.id for each in created for delivery in each.deliveries)
        assert [delivery.id for delivery in listed] == ids
        assert (await store.due_stats()).due == 8
