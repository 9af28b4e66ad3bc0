"""Another user's or tenant's row is exactly like one that does not exist."""

from __future__ import annotations

import pytest

from notify_grpc.domain.errors import NotFound
from notify_grpc.domain.models import Device, DeviceType, UserKey
from notify_grpc.ports.store import Store
from tests.conformance.store.making import ALICE, BOB, NAMESAKE, T0, inbox_of, notice, send, whole_inbox

LOOKALIKES = [
    *(UserKey(*pair) for mark in "/:|#.,\x1f \t'\"\\%_" for pair in ((f"a{mark}b", "c"), ("a", f"b{mark}c"))),
    UserKey("a", "b"),
    UserKey("ab", "c"),
    UserKey("a", "bc"),
    UserKey("A", "b"),
    UserKey("a", "B"),
    UserKey("a", "b "),
    UserKey("3:a", "b"),
    UserKey("a", "é"),
    UserKey("a", "e\u0301"),
]


class Isolation:
    async def test_another_users_row_cannot_be_read_or_marked(self, store: Store) -> None:
        created = await send(store, ALICE)
        before = await store.get_notification(ALICE, created.id)
        for stranger in (BOB, NAMESAKE):
            await send(store, stranger)
            with pytest.raises(NotFound) as other:
                await store.get_notification(stranger, created.id)
            with pytest.raises(NotFound) as absent:
                await store.get_notification(stranger, "01900000-0000-7000-8000-000000000000")
            assert str(other.value) == str(absent.value)
            with pytest.raises(NotFound):
                await store.mark_read(stranger, created.id, T0)
            assert await store.mark_delivered([(stranger, created.id)], T0) == 0
            await store.mark_all_read(stranger, T0, limit=10)
        assert await store.get_notification(ALICE, created.id) == before
        assert (await inbox_of(store, ALICE)).unread == 1

    async def test_pages_and_changes_hold_only_ones_own(self, store: Store) -> None:
        for user in (ALICE, BOB, NAMESAKE):
            await send(store, user, f"for {user}")
        for user in (ALICE, BOB, NAMESAKE):
            page = await store.list_notifications(user, before=None, limit=10)
            changes = await store.list_changes(user, since=0, limit=10)
            for rows in (page.notifications, changes.notifications):
                assert [(row.user, row.notification_id) for row in rows] == [(user, f"for {user}")]
            assert page.unread == changes.inbox.unread == 1

    async def test_ids_that_look_alike_do_not_collide(self, store: Store) -> None:
        for user in LOOKALIKES:
            assert not (await send(store, user)).duplicate, user
        for user in LOOKALIKES:
            [row] = await whole_inbox(store, user)
            assert row.user == user
        assert len(await store.get_inboxes(LOOKALIKES)) == len(LOOKALIKES)

    async def test_keys_that_look_alike_do_not_collide(self, store: Store) -> None:
        wanted = ["n", "N", "n ", " n", "n/1", "n:1", "n\x1f1", "n%", "n_", "n'", "é", "e\u0301"]
        for key in wanted:
            assert not (await send(store, ALICE, key)).duplicate, key
        assert sorted(row.notification_id for row in await whole_inbox(store, ALICE)) == sorted(wanted)

    async def test_devices_that_look_alike_do_not_collide(self, store: Store) -> None:
        for number, user in enumerate(LOOKALIKES):
            await store.upsert_device(user, Device(DeviceType.IOS, "1", f"token {number}"), T0)
        for number, user in enumerate(LOOKALIKES):
            found = await store.list_devices(user.tenant_id, [user.user_id])
            assert [device.token for device in found[user.user_id]] == [f"token {number}"]

    async def test_erasing_a_user_leaves_the_lookalikes(self, store: Store) -> None:
        for user in (ALICE, BOB, NAMESAKE):
            await store.create(notice(user))
        await store.erase_user(ALICE)
        assert [len(await whole_inbox(store, user)) for user in (ALICE, BOB, NAMESAKE)] == [0, 1, 1]
