"""list_recipients: every row of one Notify, in the order of user ids by code point."""

from __future__ import annotations

from notify_grpc.domain.models import UserKey
from notify_grpc.ports.store import Store
from tests.conformance.store.making import ALICE, BOB, T0, notice, send

NAMES = ["10", "9", "Zoe", "a", "a b", "alice", "Älf", "é", "ﬁ", "🦊"]


class Recipients:
    async def test_recipients_come_in_code_point_order(self, store: Store) -> None:
        await store.create(notice(*(UserKey("acme", name) for name in NAMES)))
        rows = await store.list_recipients("acme", "n-1", limit=100)
        assert [row.user_id for row in rows] == sorted(NAMES)

    async def test_recipients_page_by_the_last_user_id(self, store: Store) -> None:
        await store.create(notice(*(UserKey("acme", name) for name in NAMES)))
        seen: list[str] = []
        while rows := await store.list_recipients("acme", "n-1", after=seen[-1] if seen else "", limit=3):
            assert len(rows) <= 3
            seen += [row.user_id for row in rows]
        assert seen == sorted(NAMES)

    async def test_only_the_users_asked_for(self, store: Store) -> None:
        await store.create(notice(*(UserKey("acme", name) for name in NAMES)))
        rows = await store.list_recipients("acme", "n-1", user_ids=["🦊", "a", "nobody"], limit=100)
        assert [row.user_id for row in rows] == ["a", "🦊"]
        rows = await store.list_recipients("acme", "n-1", user_ids=["🦊", "a", "é"], after="a", limit=1)
        assert [row.user_id for row in rows] == ["é"]

    async def test_rows_are_whole_and_current(self, store: Store) -> None:
        created = await send(store, ALICE)
        read = await store.mark_read(ALICE, created.id, T0 + 5)
        assert await store.list_recipients("acme", "n-1", limit=10) == [read.notification]

    async def test_another_notify_and_another_tenant_are_not_in_it(self, store: Store) -> None:
        await send(store, ALICE, "n-1")
        await send(store, BOB, "n-2")
        await send(store, ALICE._replace(tenant_id="umbrella"), "n-1")
        rows = await store.list_recipients("acme", "n-1", limit=10)
        assert [row.user for row in rows] == [ALICE]
        assert await store.list_recipients("acme", "n-3", limit=10) == []
