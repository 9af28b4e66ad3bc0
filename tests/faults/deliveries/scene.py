"""What the tests of faults act on: a store on disk, worker processes, a provider that keeps a ledger, and a rescuer."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import psutil

from notify_grpc.core.dispatch import Dispatcher
from notify_grpc.domain.deliveries import Attempt, Delivery, DeliveryState, Target
from notify_grpc.domain.models import Channel, Content, UserKey
from notify_grpc.ports.provider import Provider
from notify_grpc.ports.store import Notice, Recipient, Store
from tests.faults.deliveries.worker import SETTINGS, Orders, email, open_store, sms
from tests.support.invariants import check_invariants
from tests.support.scripted_http import Reply, ScriptedServer
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[3]
ACCEPTS = Reply(201, b'{"sid": "SM1", "status": "queued"}', {"x-message-id": "m-1"})
"""What both SendGrid and Twilio mean by yes."""
_DELIVERY = re.compile(rb'delivery_id(?:" ?: ?"|%3D)([0-9a-f-]{36})')
_ADDRESSES = {Channel.EMAIL: "{user}@acme.test", Channel.SMS: "+1555010{number:04}"}
_PATIENCE_S = 30.0


class Worker:
    """A process that does what its orders say."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def killed(self) -> None:
        """Return once it died of SIGKILL."""
        async with asyncio.timeout(_PATIENCE_S):
            assert await self._process.wait() == -signal.SIGKILL

    async def stopped(self) -> None:
        """Return once it stands still."""
        process = psutil.Process(self._process.pid)
        await eventually(lambda: process.status() == psutil.STATUS_STOPPED, _PATIENCE_S)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    async def finish(self) -> None:
        """Have it stop cleanly."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(_PATIENCE_S):
            assert await self._process.wait() == 0

    async def end(self) -> None:
        """Whatever it is doing."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


class Scene:
    """One store, one provider's server, everybody who was told something."""

    def __init__(self, where: str, server: ScriptedServer) -> None:
        self.where = where
        self.server = server
        self.answered: dict[UserKey, list[str]] = {}
        self._workers: list[Worker] = []
        self._numbers = count(1)
        server.script(ACCEPTS)

    @property
    def many_processes(self) -> bool:
        return not self.where.startswith("sqlite:")

    async def worker(self, point: str = "", **orders: float | str) -> Worker:
        """A worker process that is at work. ``point``: where it gets its signal."""
        told = replace(Orders(self.where, self.server.url, point=point), **orders)  # type: ignore[arg-type]  # its fields
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.deliveries.worker", told.to_json()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        self._workers.append(worker := Worker(process))
        assert process.stdout is not None
        async with asyncio.timeout(_PATIENCE_S):
            line = await process.stdout.readline()
        assert line == b"working\n" or point
        return worker

    async def close(self) -> None:
        for worker in self._workers:
            await worker.end()

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        """The store, in this process: on SQLite only while no worker lives."""
        store = open_store(self.where)
        await store.open()
        try:
            yield store
        finally:
            await store.close()

    @asynccontextmanager
    async def rescuer(self, store: Store) -> AsyncIterator[Dispatcher]:
        """A dispatcher without faults, in this process."""
        providers: list[Provider] = [email(self.server.url), sms(self.server.url)]
        dispatcher = Dispatcher(store, providers, owner="rescuer", settings=SETTINGS)
        await dispatcher.open()
        try:
            yield dispatcher
        finally:
            await dispatcher.close()

    async def notify(
        self, store: Store, users: int = 1, *, channel: Channel = Channel.EMAIL, tenant: str = "acme", key: str = "n-1"
    ) -> list[str]:
        """One Notify to new users; the ids of its deliveries, due now."""
        people = [(f"user-{number}", number) for number in (next(self._numbers) for _ in range(users))]
        recipients = tuple(
            Recipient(user, (Target(channel, _ADDRESSES[channel].format(user=user, number=number)),))
            for user, number in people
        )
        created = await store.create(Notice(tenant, key, Content("title", "body"), (channel,), recipients, 1))
        for user, _ in people:
            self.answered.setdefault(UserKey(tenant, user), []).append(key)
        return [one.deliveries[0].id for one in created]

    def accepts(self) -> Counter[str]:
        """How often the provider took each delivery id, by its ledger."""
        found = [_DELIVERY.search(request.body) for request in self.server.accepted]
        return Counter(match[1].decode() for match in found if match)

    async def until(self, store: Store, state: DeliveryState, ids: Collection[str]) -> None:
        """Once these deliveries are all in a state."""

        async def there() -> bool:
            for id in ids:
                if (await store.get_delivery(id))[0].state is not state:
                    return False
            return True

        await eventually(there, _PATIENCE_S)

    async def check(self, store: Store) -> None:
        """All invariants, with nothing left open."""
        await check_invariants(store, self.answered, accepts=self.accepts(), settled=True)


async def states(store: Store, ids: Collection[str]) -> list[DeliveryState]:
    return [(await store.get_delivery(id))[0].state for id in ids]


async def audited(store: Store, id: str) -> tuple[Delivery, list[Attempt]]:
    return await store.get_delivery(id)
