"""The server killed while it commits: what was answered is there, and nothing is there twice.

On the fake always; on a real server where NOTIFY_TEST_ENTDB_COMMAND starts one (it is given a port and a folder).
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Protocol

import pytest

from notify_grpc.domain.errors import Unavailable
from notify_grpc.domain.models import UserKey
from notify_grpc.ports.store import Created
from notify_grpc.stores.entdb import EntDBStore
from tests.conformance.store.making import ALICE, BOB, EMAIL, inbox_of, notice, whole_changes, whole_inbox
from tests.entdb.fake import FakeEntDB
from tests.support.ports import free_port
from tests.support.waiting import eventually

_COMMAND = os.environ.get("NOTIFY_TEST_ENTDB_COMMAND")
CAROL = ALICE._replace(user_id="carol")
USERS = (ALICE, BOB, CAROL)
KILLS = 3
WRITERS = 8
NOTICES = 12


class Killable(Protocol):
    """A server whose data outlives it."""

    address: str

    def start(self) -> None: ...

    def stop(self) -> None: ...


class RealServer:
    """A process of NOTIFY_TEST_ENTDB_COMMAND; `stop` is SIGKILL."""

    def __init__(self, command: str) -> None:
        self._port = free_port()
        self._folder = tempfile.mkdtemp(prefix="notify-entdb-")
        self._command = [*shlex.split(command), str(self._port), self._folder]
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"127.0.0.1:{self._port}"

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)


@pytest.fixture(params=["fake", "real"] if _COMMAND else ["fake"])
def server(request: pytest.FixtureRequest) -> Iterator[Killable]:
    if request.param == "fake":
        with FakeEntDB() as fake:
            yield fake
        return
    assert _COMMAND
    real = RealServer(_COMMAND)
    real.start()
    yield real
    real.close()


@pytest.fixture
async def stores(server: Killable, tenant: str) -> AsyncIterator[list[EntDBStore]]:
    """Two open instances."""
    async with AsyncExitStack() as stack:
        stores = [EntDBStore(server.address, [tenant]) for _ in range(2)]
        for store in stores:
            stack.push_async_callback(store.close)
            await eventually(lambda store=store: opens(store), timeout=30)  # type: ignore[misc]  # the default binds the loop's
        yield stores


async def opens(store: EntDBStore) -> bool:
    """Whether the store opens by now."""
    try:
        await store.open()
    except Unavailable:
        return False
    return True


async def create(store: EntDBStore, key: str) -> list[Created]:
    """Ask until it is answered."""
    while True:
        try:
            return await store.create(notice(*USERS, key=key, targets=[EMAIL]))
        except Unavailable:
            continue


async def test_nothing_answered_is_lost_and_nothing_is_there_twice(server: Killable, stores: list[EntDBStore]) -> None:
    answered: list[Created] = []

    async def write(number: int) -> None:
        for turn in range(NOTICES):
            answered.extend(await create(stores[number % 2], f"{number}-{turn}"))

    async def kill() -> None:
        for round_ in range(1, KILLS + 1):
            due = WRITERS * NOTICES * len(USERS) * round_ // (KILLS + 1)
            await eventually(lambda due=due: len(answered) >= due, timeout=90)  # type: ignore[misc]  # as above
            await asyncio.to_thread(server.stop)
            server.start()

    await asyncio.gather(kill(), *map(write, range(WRITERS)))
    assert len(answered) == WRITERS * NOTICES * len(USERS)
    for user in USERS:
        await check(stores[0], user, {created.id for created in answered if created.user_id == user.user_id})


async def check(store: EntDBStore, user: UserKey, answered: set[str]) -> None:
    """Every answered row is there once, in its place, with its delivery; the counters are true."""
    rows = await whole_inbox(store, user)
    inbox = await inbox_of(store, user)
    count = WRITERS * NOTICES
    assert [row.position for row in rows] == list(range(count, 0, -1))
    assert len({row.notification_id for row in rows}) == count
    assert answered == {row.id for row in rows}
    assert (inbox.last_position, inbox.last_seq, inbox.unread) == (count, count, count)
    assert [row.change_seq for row in await whole_changes(store, user)] == list(range(1, count + 1))
    deliveries = await store.list_deliveries_of([row.id for row in rows])
    assert [len(deliveries[row.id]) for row in rows] == [1] * count
