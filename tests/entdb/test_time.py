"""Leases and due times go by EntDB's clock, whatever this machine's says."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from notify_grpc.domain.models import Channel
from notify_grpc.stores.entdb import EntDBStore
from tests.conformance.store.making import ALICE, EMAIL, notice
from tests.entdb.fake import FakeEntDB

HOUR_MS = 3_600_000
NEARLY_MS = 5_000


@pytest.fixture(params=[-HOUR_MS, HOUR_MS], ids=["an hour behind", "an hour ahead"])
async def store(request: pytest.FixtureRequest, tenant: str) -> AsyncIterator[EntDBStore]:
    with FakeEntDB(ahead_ms=request.param) as server:
        store = EntDBStore(server.address, [tenant])
        await store.open()
        yield store
        await store.close()


async def test_leases_are_of_the_servers_time(store: EntDBStore, request: pytest.FixtureRequest) -> None:
    server_ms = time.time_ns() // 1_000_000 + request.node.callspec.params["store"]
    await store.create(notice(ALICE, targets=[EMAIL]))
    [job] = await store.claim("me", limit=1, lease_s=60, channels=[Channel.EMAIL], per_tenant=1)
    assert abs(job.delivery.lease_until_ms - server_ms - 60_000) < NEARLY_MS
    assert await store.start_sending([job.lease]) == {job.delivery.id}
    assert await store.sweep_deliveries(10) == []
