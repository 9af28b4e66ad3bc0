"""An old and a new version of the service on one EntDB (faults, case 36): each keeps what the other stores.

The new version here knows one more node type and keeps one more fact in every row.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest

from notify_grpc.domain.deliveries import DeliveryState, Outcome
from notify_grpc.domain.models import Channel
from notify_grpc.ports.store import Store
from notify_grpc.stores.entdb import EntDBStore, delivery_rows, heads, notification_rows, tenant_store
from notify_grpc.stores.entdb.connection import Connection, Endpoint
from notify_grpc.stores.entdb.keys import of_user
from notify_grpc.stores.entdb.nodes import dumps
from notify_grpc.stores.entdb.schema import FIRST_TYPE, KEY, VERSION, Type, descriptor
from notify_grpc.stores.entdb.sdk import pb
from tests.conformance.store import Clocked, Database
from tests.conformance.store.claiming import Claiming
from tests.conformance.store.creating import Creating
from tests.conformance.store.finishing import Finishing
from tests.conformance.store.making import ALICE, EMAIL, notice, send, whole_inbox
from tests.conformance.store.reading import Reading
from tests.entdb.fake import FakeEntDB
from tests.entdb.servers import fresh_tenant

FACT = {"fact": "only the new version knows"}


def next_descriptor() -> Any:
    """The new version's types."""
    schema = descriptor()
    fields = [pb.SchemaFieldDef(field_id=VERSION, kind="int")]
    schema.node_types.append(pb.SchemaNodeTypeDef(type_id=FIRST_TYPE + 90, fields=fields))
    return schema


class NextVersion(EntDBStore):
    """Opens as the new version would."""

    async def open(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tenant_store, "descriptor", next_descriptor)
            await super().open()


@pytest.fixture
async def both(address: str, tenant: str) -> AsyncIterator[tuple[EntDBStore, EntDBStore]]:
    """An old and a new instance over the same data, opened in this order and then again in the other."""
    async with AsyncExitStack() as stack:
        stores = EntDBStore(address, [tenant]), NextVersion(address, [tenant])
        for store in (*stores, EntDBStore(address, [tenant])):
            stack.push_async_callback(store.close)
            await store.open()
        yield stores


async def test_an_old_instance_works_on_rows_of_a_new_one_and_leaves_its_facts(
    both: tuple[EntDBStore, EntDBStore], address: str, tenant: str
) -> None:
    old, new = both
    with rows_have_more():
        [created] = await new.create(notice(ALICE, targets=[EMAIL]))
    [job] = await old.claim("old", limit=1, lease_s=30, channels=[Channel.EMAIL], per_tenant=1)
    await old.start_sending([job.lease])
    assert await old.finish([Outcome(job.lease, DeliveryState.DELIVERED, "old")]) == [True]
    assert (await old.mark_read(ALICE, created.id, 1)).inbox.unread == 0
    assert (await send(new, ALICE, "n-2")).position == 2
    rows = await whole_inbox(old, ALICE)
    assert [(row.id, row.read_at_ms) for row in rows[1:]] == [(created.id, 1)]
    connection = Connection(Endpoint(address), tenant)
    connection.connect()
    for type_, id in ((Type.NOTIFICATION, created.id), (Type.DELIVERY, job.delivery.id)):
        assert (await connection.get(type_, [id]))[id].doc()["fact"] == FACT["fact"]
    inbox = await connection.find(Type.INBOX, KEY, of_user(ALICE))
    assert inbox is not None
    assert inbox.doc()["fact"] == FACT["fact"]
    await connection.close()


@contextmanager
def rows_have_more() -> Iterator[None]:
    """Rows are written as the new version does."""

    def dumps_more(doc: Mapping[str, Any]) -> str:
        return dumps({**doc, **FACT})

    with pytest.MonkeyPatch.context() as patch:
        for module in (delivery_rows, heads, notification_rows):
            patch.setattr(module, "dumps", dumps_more)
        yield


class TestOldBesideNew(Creating, Reading, Claiming, Finishing):
    """The behaviours with two instances in them, the second one new."""

    @pytest.fixture
    def database(self, fake: FakeEntDB) -> Database:
        tenant, versions = fresh_tenant(), iter((EntDBStore, NextVersion, EntDBStore))
        return Clocked(lambda clock: next(versions)(fake.address, [tenant], clock=clock))

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Store]:
        async with AsyncExitStack() as stack:
            yield await opened(database, stack)

    @pytest.fixture
    async def other(self, database: Database, store: Store) -> AsyncIterator[Store]:
        async with AsyncExitStack() as stack:
            yield await opened(database, stack)


async def opened(database: Database, stack: AsyncExitStack) -> Store:
    store = database.connect()
    stack.push_async_callback(store.close)
    await store.open()
    return store
