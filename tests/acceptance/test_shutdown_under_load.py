"""SIGTERM while producers send and recipients listen: what was answered OK is there, and everybody hears of it once."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from notify_grpc.client import InboxClient, NotifyClient, NotifyRequest, Reconnects
from notify_grpc.domain.errors import Unavailable
from tests.acceptance.process import Server, serving
from tests.support.waiting import eventually

USERS = [f"u{i}" for i in range(20)]
SETTINGS = {"NOTIFY_SHUTDOWN_SPREAD": "1s", "NOTIFY_SHUTDOWN_TIMEOUT": "30s"}


class Load:
    """Producers that note what was answered OK, and recipients that note what they heard."""

    def __init__(self, server: Server) -> None:
        self._ports = server.ports
        self.accepted: set[tuple[str, str]] = set()
        self.heard: Counter[tuple[str, str]] = Counter()
        self.caught_up: Counter[str] = Counter()

    async def listen(self, user: str) -> None:
        async with self.inbox(user) as inbox:
            async for event in inbox.stream():
                if event.WhichOneof("event") == "notification":
                    self.heard[user, event.notification.notification.notification_id] += 1
                elif event.WhichOneof("event") == "caught_up":
                    self.caught_up[user] += 1

    async def send_one_by_one(self, name: str) -> None:
        """Until the server is gone."""
        async with self._producer() as producer:
            for request in self._requests(name):
                try:
                    await producer.notify(request)
                except Unavailable:
                    return
                self._note(request)

    async def send_in_bulk(self, name: str) -> None:
        """Until the server is gone."""
        sent: list[NotifyRequest] = []

        async def requests() -> AsyncIterator[NotifyRequest]:
            for request in self._requests(name):
                sent.append(request)
                yield request
                await asyncio.sleep(0)

        answered = count()
        async with self._producer() as producer:
            try:
                async for result in producer.notify_stream(requests(), batch=10, in_flight=2):
                    request = sent[next(answered)]
                    if result.WhichOneof("outcome") == "response":
                        self._note(request)
            except Unavailable:
                return

    def inbox(self, user: str) -> InboxClient:
        reconnects = Reconnects(first_s=0.05, longest_s=0.5)
        return InboxClient(f"127.0.0.1:{self._ports.client}", token=f"dev:{user}:demo", reconnects=reconnects)

    def _producer(self) -> NotifyClient:
        return NotifyClient(f"127.0.0.1:{self._ports.internal}")

    def _requests(self, name: str) -> Iterator[NotifyRequest]:
        for i in count():
            users = [USERS[i % len(USERS)], USERS[(i * 7 + 3) % len(USERS)]]
            yield NotifyRequest(tenant_id="demo", notification_id=f"{name}-{i}", user_ids=users, title="Hi")

    def _note(self, request: NotifyRequest) -> None:
        self.accepted |= {(user, request.notification_id) for user in request.user_ids}


@asynccontextmanager
async def running(coroutines: Iterable[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Tasks that run until the end of the block."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_nothing_answered_is_lost_and_nobody_misses_anything(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(serving(tmp_path, settings=SETTINGS))
        load = Load(first)
        await stack.enter_async_context(running(load.listen(user) for user in USERS))
        await eventually(lambda: len(load.caught_up) == len(USERS), timeout=20)

        producers = [asyncio.create_task(load.send_one_by_one(f"one{i}")) for i in range(4)]
        producers.append(asyncio.create_task(load.send_in_bulk("bulk")))
        await eventually(lambda: len(load.accepted) > 500, timeout=20)
        first.signal(signal.SIGTERM)
        assert await first.ended() == 0, first.log
        await asyncio.wait_for(asyncio.gather(*producers), 20)

        await stack.enter_async_context(serving(tmp_path, ports=first.ports, settings=SETTINGS))
        stored: set[tuple[str, str]] = set()
        for user in USERS:
            async with load.inbox(user) as inbox:
                stored |= {(user, item.notification_id) async for item in inbox.notifications()}
        assert load.accepted <= stored
        await eventually(lambda: load.heard.keys() == stored, timeout=20)
        assert set(load.heard.values()) == {1}
