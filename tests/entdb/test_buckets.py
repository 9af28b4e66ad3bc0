"""Buckets go when they are empty, and never from under a delivery."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from notify_grpc.domain.deliveries import Delivery
from notify_grpc.domain.models import Channel
from notify_grpc.stores.entdb import EntDBStore
from notify_grpc.stores.entdb.claiming import Claiming
from notify_grpc.stores.entdb.connection import Connection, Endpoint
from notify_grpc.stores.entdb.nodes import GTE, Node, where
from notify_grpc.stores.entdb.schema import BucketField, Type
from tests.conformance.store.making import ALICE, EMAIL, send
from tests.entdb.fake import FakeEntDB
from tests.support.clock import ManualClock

MINUTE_S = 60


class Box:
    """A store whose clock is turned, and a look at its buckets."""

    def __init__(self, address: str, tenant: str, clock: ManualClock) -> None:
        self.clock = clock
        self.store = EntDBStore(address, [tenant], clock=clock)
        self.connection = Connection(Endpoint(address), tenant)

    async def send(self, key: str) -> Delivery:
        return (await send(self.store, ALICE, key, EMAIL)).deliveries[0]

    async def claim(self) -> list[str]:
        jobs = await self.store.claim("me", limit=10, lease_s=600, channels=[Channel.EMAIL], per_tenant=10)
        return [job.delivery.id for job in jobs]

    async def buckets(self) -> list[Node]:
        return (await self.connection.query(Type.BUCKET, where(BucketField.SLOT, GTE, 0)))[0]


@pytest.fixture
async def box(fake: FakeEntDB, tenant: str, clock: ManualClock) -> AsyncIterator[Box]:
    box = Box(fake.address, tenant, clock)
    box.connection.connect()
    await box.store.open()
    yield box
    await box.store.close()
    await box.connection.close()


async def test_a_bucket_goes_once_it_is_empty_and_past(box: Box) -> None:
    first = await box.send("n-1")
    assert await box.claim() == [first.id]
    assert await box.claim() == []
    assert len(await box.buckets()) == 1
    await box.clock.advance(MINUTE_S)
    assert await box.claim() == []
    assert await box.buckets() == []


async def test_a_bucket_that_was_filled_while_it_was_found_empty_stays(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    await box.send("n-1")
    await box.claim()
    now_ms = box.clock.now_ms()
    await box.clock.advance(MINUTE_S)
    remove_empty, late = Claiming._remove_empty, list[Delivery]()

    async def after_a_late_writer(claiming: Claiming) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(box.clock, "now_ms", lambda: now_ms)
            late.append(await box.send("late"))
        await remove_empty(claiming)

    monkeypatch.setattr(Claiming, "_remove_empty", after_a_late_writer)
    assert await box.claim() == []
    monkeypatch.undo()
    assert await box.claim() == [late[0].id]


async def test_a_writer_that_remembers_a_bucket_which_is_gone_makes_it_again(box: Box) -> None:
    await box.send("n-1")
    await box.send("n-2")
    await box.claim()
    now_ms = box.clock.now_ms()
    await box.clock.advance(MINUTE_S)
    await box.claim()
    assert await box.buckets() == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(box.clock, "now_ms", lambda: now_ms)
        again = await box.send("n-3")
    assert await box.claim() == [again.id]
