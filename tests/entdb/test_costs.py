"""What a call looks at, counted by the fake: it does not grow with what lies beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from notify_grpc.domain.deliveries import Lease
from notify_grpc.domain.models import Channel, UserKey
from notify_grpc.stores.entdb import EntDBStore
from tests.conformance.store.making import ALICE, EMAIL, T0, keys, notice, send_many
from tests.entdb.fake import FakeEntDB


async def look(fake: FakeEntDB, call: Awaitable[object]) -> int:
    """How many nodes EntDB's queries looked at for a call."""
    before = fake.looked_at
    await call
    return fake.looked_at - before


async def fill(store: EntDBStore, user: UserKey, count: int) -> None:
    """`count` notifications for a user, many to a plan."""
    await asyncio.gather(*(store.create(notice(user, key=f"n-{number}")) for number in range(count)))


@pytest.mark.parametrize("before", [None, 60])
@pytest.mark.parametrize("unread_only", [False, True])
async def test_a_page_looks_at_its_own_rows_whatever_the_history(
    store: EntDBStore, fake: FakeEntDB, before: int | None, unread_only: bool
) -> None:
    costs = []
    for user, count in ((ALICE, 100), (ALICE._replace(user_id="busy"), 1_500)):
        await fill(store, user, count)
        page = store.list_notifications(user, before=before, limit=20, unread_only=unread_only)
        costs.append(await look(fake, page))
    assert max(costs) <= 23


async def test_a_few_unread_among_many_read_are_found_without_looking_at_those(
    store: EntDBStore, fake: FakeEntDB
) -> None:
    await fill(store, ALICE, 1_200)
    await store.mark_all_read(ALICE, T0, limit=1_000)
    await store.mark_all_read(ALICE, T0, limit=195)
    assert await look(fake, store.list_notifications(ALICE, before=None, limit=20, unread_only=True)) <= 8
    page = await store.list_notifications(ALICE, before=None, limit=20, unread_only=True)
    assert (len(page.notifications), page.unread) == (5, 5)


async def test_resuming_near_the_end_looks_at_what_is_left(store: EntDBStore, fake: FakeEntDB) -> None:
    await fill(store, ALICE, 1_000)
    assert await look(fake, store.list_changes(ALICE, since=990, limit=100)) <= 12


async def test_a_first_page_of_many_recipients_does_not_read_them_all(store: EntDBStore, fake: FakeEntDB) -> None:
    users = [ALICE._replace(user_id=f"user-{number:05}") for number in range(3_000)]
    await store.create(notice(*users))
    rows = await store.list_recipients("acme", "n-1", after="user-00499", limit=100)
    assert [row.user_id for row in rows] == [user.user_id for user in users[500:600]]
    rows = await store.list_recipients("acme", "n-1", limit=1_200)
    assert [row.user_id for row in rows] == [user.user_id for user in users[:1_200]]


async def test_a_claim_does_not_look_at_what_is_due_later_or_done(store: EntDBStore, fake: FakeEntDB) -> None:
    users = [ALICE._replace(user_id=f"user-{number}") for number in range(400)]
    [*created] = await store.create(notice(*users, targets=[EMAIL], lease_owner="me"))
    leases = [delivery for each in created for delivery in each.deliveries]
    await store.release([Lease(delivery.id, delivery.fence) for delivery in leases], due_in_s=3_600)
    await send_many(store, ALICE, 3)
    [due] = await store.create(notice(ALICE, key="due", targets=[EMAIL]))
    before = fake.looked_at
    jobs = await store.claim("me", limit=10, lease_s=30, channels=[Channel.EMAIL], per_tenant=10)
    assert [job.delivery.id for job in jobs] == [delivery.id for delivery in due.deliveries]
    assert fake.looked_at - before <= 4
    assert keys((await store.list_notifications(ALICE, before=None, limit=1)).notifications) == ["due"]
