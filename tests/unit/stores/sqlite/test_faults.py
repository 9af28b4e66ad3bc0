"""A full disk, a foreign lock, a second server, and kill -9."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from notify_grpc.domain.errors import FailedPrecondition, Unavailable
from notify_grpc.domain.models import Content, UserKey
from notify_grpc.stores.sqlite import SqliteStore
from notify_grpc.stores.sqlite.writer import Tx
from tests.conformance.store.making import ALICE, BOB, inbox_of, notice, send, whole_inbox
from tests.unit.stores.sqlite.processes import CREATE_WITHOUT_END, HOLD_THE_LOCK, SERVE, other

LONG = Content("Minutes", "x" * 200_000)


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, busy_timeout_s=0.1)
    await store.open()
    yield store
    await store.close()


class TestAFullDisk:
    """Case 27."""

    async def test_a_write_that_finds_no_room_is_refused_whole_and_passes_once_there_is(
        self, store: SqliteStore
    ) -> None:
        await send(store, ALICE, "before")
        await grow_to(store, pages=0)
        with pytest.raises(Unavailable, match="disk is full"):
            await store.create(notice(ALICE, BOB, key="long", content=LONG))
        assert [row.notification_id for row in await whole_inbox(store, ALICE)] == ["before"]
        assert await store.get_inboxes([BOB]) == {}
        await grow_to(store, pages=1_000)
        answers = await store.create(notice(ALICE, BOB, key="long", content=LONG))
        assert [(answer.duplicate, answer.position) for answer in answers] == [(False, 2), (False, 1)]

    async def test_all_writes_of_a_group_are_refused_and_all_pass_later(self, store: SqliteStore) -> None:
        await send(store, ALICE, "before")
        await grow_to(store, pages=0)
        calls = [notice(ALICE, BOB, key=f"n-{number}", content=LONG) for number in range(10)]
        refused = await asyncio.gather(*map(store.create, calls), return_exceptions=True)
        assert {type(error) for error in refused} == {Unavailable}
        await grow_to(store, pages=1_000)
        created = await asyncio.gather(*map(store.create, calls))
        assert sorted(answers[0].position for answers in created) == list(range(2, 12))
        assert (await inbox_of(store, ALICE)).unread == 11

    async def test_the_operating_systems_refusal_is_unavailable_too_and_readiness_shows_it(
        self, store: SqliteStore, path: Path
    ) -> None:
        await send(store, ALICE, "before")
        with no_file_grows(path.with_name("notify.db-wal").stat().st_size):
            with pytest.raises(Unavailable, match="disk"):
                await store.create(notice(ALICE, key="long", content=LONG))
            with pytest.raises(Unavailable, match="disk"):
                await store.ping()
            assert [row.notification_id for row in await whole_inbox(store, ALICE)] == ["before"]
        await store.ping()
        assert not (await store.create(notice(ALICE, key="long", content=LONG)))[0].duplicate
        assert (await inbox_of(store, ALICE)).unread == 2


async def grow_to(store: SqliteStore, *, pages: int) -> None:
    """Let the file have so many pages more, at most: SQLite then says "full" as it does when the disk is."""

    def limit(tx: Tx) -> None:
        [(now,)] = tx.db.execute("PRAGMA page_count").fetchall()
        tx.db.execute(f"PRAGMA max_page_count = {now + pages}").fetchone()

    await store._writer.run(limit, 1)


@contextmanager
def no_file_grows(beyond: int) -> Iterator[None]:
    """This process's writes beyond so many bytes fail, in any file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (beyond, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestAForeignLock:
    """Case 28."""

    async def test_writes_are_refused_in_bounded_time_reads_go_on_and_a_retry_is_safe(
        self, store: SqliteStore, path: Path
    ) -> None:
        await send(store, ALICE, "before")
        calls = [notice(ALICE, key=f"n-{number}") for number in range(20)]
        with other(HOLD_THE_LOCK, path):
            async with asyncio.timeout(10):
                refused = await asyncio.gather(*map(store.create, calls), return_exceptions=True)
                assert {str(error) for error in refused} == {"the database is locked by another process"}
                assert {type(error) for error in refused} == {Unavailable}
                assert len(await whole_inbox(store, ALICE)) == 1
                with pytest.raises(Unavailable):
                    await store.ping()
        await store.ping()
        created = await asyncio.gather(*map(store.create, calls))
        assert [answers[0].duplicate for answers in created] == [False] * 20
        assert (await inbox_of(store, ALICE))[1:] == (21, 21, 0, 21)

    async def test_ping_answers_in_two_seconds_however_long_the_lock_is_waited_for(self, path: Path) -> None:
        store = SqliteStore(path, busy_timeout_s=5.0)
        await store.open()
        with other(HOLD_THE_LOCK, path):
            async with asyncio.timeout(4):
                with pytest.raises(Unavailable, match="in time"):
                    await store.ping()
        await store.close()


class TestTwoServers:
    async def test_a_second_one_is_refused_clearly_and_the_first_goes_on(self, store: SqliteStore, path: Path) -> None:
        second = SqliteStore(path)
        with pytest.raises(FailedPrecondition, match=r"another process serves notify\.db.*PostgreSQL"):
            await second.open()
        await second.close()
        await send(store, ALICE)
        assert (await inbox_of(store, ALICE)).unread == 1

    async def test_the_file_is_free_once_the_first_is_killed(self, path: Path) -> None:
        with other(SERVE, path) as first:
            with pytest.raises(FailedPrecondition, match="another process"):
                await SqliteStore(path).open()
            first.kill()
        store = SqliteStore(path)
        await store.open()
        await store.close()

    async def test_the_file_is_free_after_a_start_that_failed(self, path: Path) -> None:
        folder = SqliteStore(path / "nowhere" / "notify.db")
        with pytest.raises(FailedPrecondition, match="the database cannot be locked: /"):
            await folder.open()
        with other(HOLD_THE_LOCK, path):
            failed = SqliteStore(path, busy_timeout_s=0.05)
            with pytest.raises(Unavailable):
                await failed.open()
        store = SqliteStore(path)
        await store.open()
        await store.close()
        await failed.close()
        await folder.close()


async def test_every_call_answered_before_a_kill_is_there_exactly_once(path: Path) -> None:
    with other(CREATE_WITHOUT_END, path) as producer:
        answered = [producer.line() for _ in range(200)]
        producer.kill()
        answered += producer.rest()
    store = SqliteStore(path)
    await store.open()
    seen: Counter[str] = Counter()
    for user in (UserKey("acme", f"user-{number}") for number in range(8)):
        rows = await whole_inbox(store, user)
        inbox = await inbox_of(store, user)
        assert [row.position for row in rows] == list(range(inbox.last_position, 0, -1))
        assert inbox.unread == len(rows)
        seen.update(row.notification_id for row in rows)
    assert {seen[key] for key in answered} == {5}
    assert set(seen.values()) == {5}
    await store.close()
