"""Several instances on one EntDB: compare-and-set keeps every inbox whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from notify_grpc.domain.deliveries import DeliveryState, Outcome
from notify_grpc.domain.models import Channel, Device, DeviceType
from notify_grpc.stores.entdb import EntDBStore
from tests.conformance.store.making import ALICE, BOB, EMAIL, inbox_of, notice, send, whole_changes, whole_inbox

WRITERS = 16


@pytest.fixture
async def stores(address: str, tenant: str) -> AsyncIterator[list[EntDBStore]]:
    """Sixteen open instances over the same data, each with its own connection."""
    async with AsyncExitStack() as stack:
        stores = [EntDBStore(address, [tenant]) for _ in range(WRITERS)]
        for store in stores:
            stack.push_async_callback(store.close)
            await store.open()
        yield stores


async def test_sixteen_writers_of_one_user_leave_no_gap(stores: list[EntDBStore]) -> None:
    async def write(number: int) -> None:
        for turn in range(6):
            created = await send(stores[number], ALICE, f"{number}-{turn}")
            if turn % 2:
                await stores[-number].mark_read(ALICE, created.id, 1)

    await asyncio.gather(*map(write, range(WRITERS)))
    rows = await whole_inbox(stores[0], ALICE)
    inbox = await inbox_of(stores[1], ALICE)
    assert [row.position for row in rows] == list(range(WRITERS * 6, 0, -1))
    assert inbox.last_seq == WRITERS * 9
    assert inbox.unread == sum(not row.read_at_ms for row in rows) == WRITERS * 3
    changes = [row.change_seq for row in await whole_changes(stores[2], ALICE)]
    assert changes == sorted(set(changes))
    assert len(changes) == len(rows)


async def test_the_same_notice_on_all_instances_is_created_once(stores: list[EntDBStore]) -> None:
    answers = await asyncio.gather(*(store.create(notice(ALICE, BOB)) for store in stores))
    assert sorted(created.duplicate for answer in answers for created in answer) == [False] * 2 + [True] * (
        2 * WRITERS - 2
    )
    assert len({created.id for answer in answers for created in answer}) == 2


async def test_each_delivery_is_claimed_by_one_instance_and_sent_once(stores: list[EntDBStore]) -> None:
    users = [ALICE._replace(user_id=f"user-{number}") for number in range(120)]
    await stores[0].create(notice(*users, targets=[EMAIL]))

    async def work(number: int) -> list[str]:
        sent: list[str] = []
        while jobs := await stores[number].claim(
            f"worker-{number}", limit=10, lease_s=30, channels=[Channel.EMAIL], per_tenant=10
        ):
            started = await stores[number].start_sending([job.lease for job in jobs])
            outcomes = [Outcome(job.lease, DeliveryState.DELIVERED, f"worker-{number}") for job in jobs]
            assert await stores[number].finish(outcomes) == [True] * len(jobs)
            sent += started
        return sent

    sent = [id for each in await asyncio.gather(*map(work, range(4))) for id in each]
    assert len(sent) == len(set(sent)) == 120
    assert (await stores[0].due_stats()).due == 0


async def test_devices_registered_at_once_end_with_one_owner(stores: list[EntDBStore]) -> None:
    users = [ALICE._replace(user_id=f"user-{number}") for number in range(WRITERS)]
    device = Device(DeviceType.ANDROID, "phone", "token")
    await asyncio.gather(*(store.upsert_device(user, device, 1) for store, user in zip(stores, users, strict=True)))
    owners = await stores[0].list_devices(ALICE.tenant_id, [user.user_id for user in users])
    assert len(owners) == 1
