"""Opening the store: what it registers, and what it refuses with words that say what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from notify_grpc.domain.errors import FailedPrecondition, Unavailable
from notify_grpc.ports.store import Marked, Page
from notify_grpc.stores.entdb import EntDBStore, tenant_store
from notify_grpc.stores.entdb.schema import Type, descriptor
from tests.conformance.store.making import ALICE, send
from tests.entdb.fake import FakeEntDB
from tests.support.keys import certificate_for, p256, pem_of
from tests.support.ports import free_port


async def opened(address: str, tenants: Sequence[str], api_key: str = "") -> EntDBStore:
    """An open store that holds nothing that has to be closed in the test: it closes itself when opening fails."""
    store = EntDBStore(address, tenants, api_key=api_key)
    await store.open()
    return store


async def test_a_tenant_an_operator_made_will_do_where_the_key_may_not_make_one(tenant: str) -> None:
    with FakeEntDB(may_create_tenants=False) as server:
        with pytest.raises(FailedPrecondition, match="NOTIFY_ENTDB_TENANT_ID"):
            await opened(server.address, [tenant])
        server.make_tenant(tenant)
        store = await opened(server.address, [tenant])
        assert (await send(store, ALICE)).position == 1
        await store.close()


async def test_the_api_key_is_sent_as_the_server_reads_it(tenant: str) -> None:
    with FakeEntDB(api_key="secret") as server:
        for wrong in ("", "guess"):
            with pytest.raises(FailedPrecondition, match="NOTIFY_ENTDB_API_KEY") as refused:
                await opened(server.address, [tenant], api_key=wrong)
            assert "guess" not in str(refused.value)
        store = await opened(server.address, [tenant], api_key="secret")
        assert (await send(store, ALICE)).position == 1
        await store.close()


async def test_tls_is_spoken_and_a_strangers_certificate_is_not_believed(
    tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = p256(), p256()
    ours, stranger = (certificate_for(key).public_bytes(Encoding.PEM) for key in keys)
    with FakeEntDB(tls=(pem_of(keys[0]).encode(), ours)) as server:
        address = server.address.replace("127.0.0.1", "localhost")
        store = EntDBStore(address, [tenant], tls=True, tls_ca=ours)
        await store.open()
        assert (await send(store, ALICE)).position == 1
        await store.close()
        monkeypatch.setattr(tenant_store, "_OPEN_S", 0.3)
        for doubtful in (EntDBStore(address, [tenant], tls=True, tls_ca=stranger), EntDBStore(address, [tenant])):
            with pytest.raises(Unavailable):
                await doubtful.open()


async def test_other_definitions_of_our_types_are_refused(
    address: str, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await opened(address, [tenant])
    await store.close()
    other = descriptor()
    next(each for each in other.node_types if each.type_id == Type.INBOX).fields[0].kind = "str"
    monkeypatch.setattr(tenant_store, "descriptor", lambda: other)
    with pytest.raises(FailedPrecondition, match="node types"):
        await opened(address, [tenant])


async def test_the_list_of_storage_tenants_is_final(address: str, tenant: str) -> None:
    tenants = [tenant, f"{tenant}-b"]
    store = await opened(address, tenants)
    await store.close()
    for changed in ([tenant], [*tenants, f"{tenant}-c"], tenants[::-1]):
        with pytest.raises(FailedPrecondition, match=f"has to stay {tenant},{tenant}-b:"):
            await opened(address, changed)
    store = await opened(address, tenants)
    await store.close()


@pytest.mark.parametrize("tenants", [[], ["a", "b", "a"]])
def test_no_storage_tenant_or_one_named_twice_is_refused(tenants: list[str]) -> None:
    with pytest.raises(FailedPrecondition, match="NOTIFY_ENTDB_TENANT_ID"):
        EntDBStore("127.0.0.1:1", tenants)


@pytest.mark.parametrize("name", ["", "no/slash", "é", "a b", "x" * 129, "__global__"])
def test_a_name_that_would_stop_the_server_is_never_sent(name: str) -> None:
    with pytest.raises(FailedPrecondition, match="letters, digits"):
        EntDBStore("127.0.0.1:1", ["good", name])


async def test_no_server_is_unavailable(tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant_store, "_OPEN_S", 0.3)
    with pytest.raises(Unavailable):
        await opened(f"127.0.0.1:{free_port()}", [tenant])


async def test_close_may_come_twice_and_before_open(tenant: str) -> None:
    store = EntDBStore("127.0.0.1:1", [tenant])
    await store.close()
    await store.close()
    with pytest.raises(Unavailable):
        await store.get_inboxes([ALICE])


async def test_calls_that_run_when_it_closes_end_or_are_unavailable_but_never_cancelled(
    address: str, tenant: str
) -> None:
    store = await opened(address, [tenant])
    created = await send(store, ALICE)
    calls = [asyncio.create_task(store.mark_read(ALICE, created.id, 1)) for _ in range(10)]
    pages = [asyncio.create_task(store.list_notifications(ALICE, before=None, limit=20)) for _ in range(10)]
    await asyncio.sleep(0)
    await store.close()
    answers = await asyncio.gather(*calls, *pages, return_exceptions=True)
    assert all(isinstance(answer, Marked | Page | Unavailable) for answer in answers)
