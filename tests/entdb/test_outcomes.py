"""Requests and answers that get lost: a plan is applied once, and its caller learns so or that nobody knows."""

from __future__ import annotations

import asyncio

import pytest

from notify_grpc.domain.errors import OutcomeUnknown, ResourceExhausted, Unavailable
from notify_grpc.domain.models import Content, Inbox
from notify_grpc.stores.entdb import EntDBStore, connection
from tests.conformance.store.making import ALICE, BOB, inbox_of, keys, notice, send, whole_inbox
from tests.entdb.fake import FakeEntDB
from tests.support.waiting import eventually


@pytest.mark.parametrize("fault", ["lost_requests", "lost_answers", "unconfirmed", "never_applied"])
async def test_a_plan_is_applied_once_whatever_gets_lost(store: EntDBStore, fake: FakeEntDB, fault: str) -> None:
    await send(store, ALICE, "before")
    setattr(fake.faults, fault, 2)
    created = await send(store, ALICE, "n-1")
    assert (created.duplicate, created.position, created.unread) == (False, 2, 2)
    marked = await store.mark_read(ALICE, created.id, 1)
    assert marked.changed
    assert keys(await whole_inbox(store, ALICE)) == ["n-1", "before"]
    assert getattr(fake.faults, fault) == 0


async def test_conflicts_whose_answers_get_lost_are_learned_of(store: EntDBStore, fake: FakeEntDB) -> None:
    first = await send(store, ALICE)
    fake.faults.unconfirmed = 1
    repeat = await send(store, ALICE)
    assert (repeat.duplicate, repeat.id) == (True, first.id)


async def test_a_receipt_spares_sending_a_plan_again(store: EntDBStore, fake: FakeEntDB) -> None:
    await send(store, ALICE, "before")
    before, fake.faults.unconfirmed = fake.plans, 1
    assert (await send(store, ALICE)).position == 2
    assert fake.plans == before + 1


async def test_an_outcome_that_nobody_tells_is_unknown_and_a_repeat_is_safe(
    store: EntDBStore, fake: FakeEntDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_SETTLE_S", 0.1)
    await send(store, ALICE, "before")
    fake.faults.lost_answers = 1_000
    with pytest.raises(OutcomeUnknown):
        await send(store, ALICE)
    fake.faults.lost_answers = 0
    assert (await send(store, ALICE)).duplicate
    assert (await inbox_of(store, ALICE))[1:] == (2, 2, 0, 2)


async def test_a_server_that_is_not_there_is_unavailable_soon_and_back_when_it_is(
    store: EntDBStore, fake: FakeEntDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_READ_S", "_WRITE_S", "_SETTLE_S"):
        monkeypatch.setattr(connection, name, 0.1)
    await send(store, ALICE)
    fake.stop()
    for call in (send(store, ALICE, "n-2"), store.get_inboxes([ALICE]), store.ping()):
        with pytest.raises(Unavailable):
            await call
    monkeypatch.undo()
    fake.start()

    async def answers() -> Inbox | None:
        try:
            return await inbox_of(store, ALICE)
        except Unavailable:
            return None

    assert (await eventually(answers)).last_position == 1  # type: ignore[union-attr]  # eventually: not None
    await store.ping()


async def test_an_applier_that_stopped_fails_the_ping_though_reads_go_on(
    store: EntDBStore, fake: FakeEntDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_SETTLE_S", 0.1)
    await send(store, ALICE)
    fake.faults.never_applied = 1_000
    with pytest.raises(Unavailable):
        await store.ping()
    assert (await inbox_of(store, ALICE)).unread == 1


async def test_a_notice_larger_than_entdb_takes_is_refused_and_its_neighbours_are_stored(store: EntDBStore) -> None:
    huge = notice(ALICE, key="huge", content=Content("", "x" * (5 << 20)))
    calls = [store.create(notice(BOB, key="a")), store.create(huge), store.create(notice(BOB, key="b"))]
    first, refused, last = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(refused, ResourceExhausted)
    assert not isinstance(first, BaseException)
    assert not isinstance(last, BaseException)
    assert sorted(keys(await whole_inbox(store, BOB))) == ["a", "b"]


async def test_a_cancelled_create_is_whole_or_not_there(store: EntDBStore, fake: FakeEntDB) -> None:
    received = fake.plans
    call = asyncio.create_task(store.create(notice(ALICE, BOB)))
    await eventually(lambda: fake.plans > received)
    call.cancel()
    await asyncio.wait([call])
    again = await store.create(notice(ALICE, BOB))
    assert len({created.duplicate for created in again}) == 1
    assert len(await whole_inbox(store, ALICE)) == len(await whole_inbox(store, BOB)) == 1
