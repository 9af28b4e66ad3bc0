"""renew_epochs: cursors of before are told apart, and nothing else changes."""

from __future__ import annotations

from asyncio import gather

from notify_grpc.domain.models import UserKey
from notify_grpc.ports.store import Store
from tests.conformance.store.making import ALICE, BOB, NAMESAKE, T0, inbox_of, notice, send, send_many, whole_changes

CROWD = 1_100
"""More than a batch, or a page of any store."""


class Recovering:
    async def test_every_inbox_gets_a_new_epoch_and_keeps_all_else(self, store: Store, other: Store) -> None:
        users = (ALICE, BOB, NAMESAKE)
        for user in users:
            [first, *_] = await send_many(store, user, 3)
            await store.mark_read(user, first.id, T0 + 1)
        before = {user: (await inbox_of(store, user), await whole_changes(store, user)) for user in users}

        assert await other.renew_epochs() == 3

        for user in users:
            inbox, changes = before[user]
            after = await inbox_of(store, user)
            assert after.epoch not in (0, inbox.epoch)
            assert after == inbox._replace(epoch=after.epoch)
            assert await whole_changes(store, user) == changes
            assert (await send(store, user, "next")).epoch == after.epoch

    async def test_more_inboxes_than_a_batch(self, store: Store) -> None:
        crowd = [UserKey("acme", f"user-{number:04}") for number in range(CROWD)]
        await store.create(notice(*crowd))
        await send(store, NAMESAKE)
        before = await store.get_inboxes([*crowd, NAMESAKE])

        assert await store.renew_epochs() == CROWD + 1

        after = await store.get_inboxes([*crowd, NAMESAKE])
        assert [user for user in before if before[user].epoch == after[user].epoch] == []

    async def test_an_empty_store_has_none_to_renew(self, store: Store) -> None:
        assert await store.renew_epochs() == 0

    async def test_beside_writers_no_count_is_lost(self, store: Store, other: Store) -> None:
        await send(store, ALICE, "n-0")
        await gather(*(send(store, ALICE, f"n-{n}") for n in range(1, 20)), *(other.renew_epochs() for _ in range(5)))
        assert (await inbox_of(store, ALICE))[1:] == (20, 20, 0, 20)
