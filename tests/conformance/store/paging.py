"""list_notifications: newest first, every row once, the unread total on each page."""

from __future__ import annotations

from notify_grpc.ports.store import Store
from tests.conformance.store.making import ALICE, T0, keys, notice, pages, send_many, whole_inbox


class Paging:
    async def test_a_walk_over_three_pages_sees_every_row_once(self, store: Store) -> None:
        await send_many(store, ALICE, 8)
        assert [keys(page) async for page in pages(store, ALICE, 3)] == [
            ["n-8", "n-7", "n-6"],
            ["n-5", "n-4", "n-3"],
            ["n-2", "n-1"],
        ]

    async def test_no_empty_page_follows_a_full_last_one(self, store: Store) -> None:
        await send_many(store, ALICE, 6)
        assert [len(page) async for page in pages(store, ALICE, 3)] == [3, 3]
        assert [len(page) async for page in pages(store, ALICE, 6)] == [6]

    async def test_250_rows_over_all_pages(self, store: Store) -> None:
        await send_many(store, ALICE, 250)
        walked = [page async for page in pages(store, ALICE, 100)]
        assert [len(page) for page in walked] == [100, 100, 50]
        assert [row.position for page in walked for row in page] == list(range(250, 0, -1))

    async def test_rows_of_one_millisecond_are_told_apart_at_a_page_border(self, store: Store) -> None:
        await send_many(store, ALICE, 5)
        rows = await whole_inbox(store, ALICE)
        assert {row.created_at_ms for row in rows} == {T0}
        assert [keys(page) async for page in pages(store, ALICE, 2)] == [["n-5", "n-4"], ["n-3", "n-2"], ["n-1"]]

    async def test_order_is_that_of_arrival_whatever_the_callers_clock_says(self, store: Store) -> None:
        for key, at_ms in (("n-1", T0), ("n-2", T0 - 60_000), ("n-3", T0 + 60_000)):
            await store.create(notice(ALICE, key=key, at_ms=at_ms))
        assert keys(await whole_inbox(store, ALICE)) == ["n-3", "n-2", "n-1"]

    async def test_before_is_a_strict_cut_off(self, store: Store) -> None:
        await send_many(store, ALICE, 4)
        for before, expected in ((3, ["n-2", "n-1"]), (1, []), (0, []), (99, ["n-4", "n-3", "n-2", "n-1"])):
            page = await store.list_notifications(ALICE, before=before, limit=20)
            assert keys(page.notifications) == expected
            assert page.next_before is None
            assert page.unread == 4

    async def test_rows_that_arrive_during_a_walk_do_not_disturb_it(self, store: Store) -> None:
        await send_many(store, ALICE, 4)
        first = await store.list_notifications(ALICE, before=None, limit=2)
        await store.create(notice(ALICE, key="late"))
        second = await store.list_notifications(ALICE, before=first.next_before, limit=2)
        assert keys(first.notifications + second.notifications) == ["n-4", "n-3", "n-2", "n-1"]

    async def test_unread_only_leaves_out_what_was_read_and_pages_over_the_rest(self, store: Store) -> None:
        created = await send_many(store, ALICE, 9)
        for read in (created[0], created[4], created[8]):
            await store.mark_read(ALICE, read.id, T0 + 1)
        walked = [keys(page) async for page in pages(store, ALICE, 2, unread_only=True)]
        assert walked == [["n-8", "n-7"], ["n-6", "n-4"], ["n-3", "n-2"]]

    async def test_each_page_says_how_many_are_unread_in_all(self, store: Store) -> None:
        created = await send_many(store, ALICE, 5)
        await store.mark_read(ALICE, created[2].id, T0 + 1)
        for unread_only in (False, True):
            page = await store.list_notifications(ALICE, before=2, limit=1, unread_only=unread_only)
            assert page.unread == 4
