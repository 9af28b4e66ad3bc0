"""A rollout under load: an instance is asked to go while 500 recipients listen through Envoy."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

import pytest

from examples.front import envoy
from notify_grpc.client import InboxClient, NotifyClient, NotifyRequest, Reconnects
from notify_grpc.domain.errors import NotifyError
from notify_grpc.domain.models import UserKey
from notify_grpc.stores.postgres import PostgresStore
from tests.faults.instances.conftest import on_postgres
from tests.support.invariants import check_invariants
from tests.support.ports import free_port
from tests.support.service_process import Instance, instance
from tests.support.waiting import eventually

PEOPLE = [f"u{i:03}" for i in range(500)]
BUDGET_S = 15.0


class Listener:
    """A recipient's program: what it was told, and how often its stream was lost."""

    def __init__(self, port: int, user: str) -> None:
        self.user = user
        self.seen: list[str] = []
        self.live = False
        self.lost = 0
        self._client = InboxClient(
            f"127.0.0.1:{port}", token=f"dev:{user}:acme", reconnects=Reconnects(first_s=0.2, longest_s=1.0)
        )

    async def listen(self) -> None:
        async with self._client:
            async for event in self._client.stream(on_lost=self._on_lost):
                kind = event.WhichOneof("event")
                self.live = self.live or kind == "caught_up"
                if kind == "notification":
                    self.seen.append(event.notification.notification.notification_id)

    def _on_lost(self, _: NotifyError | None) -> None:
        self.live = False
        self.lost += 1


class Producer:
    """Notifies everybody again and again through one instance; ``answered`` has the keys answered OK."""

    def __init__(self, to: Instance, name: str) -> None:
        self._client = NotifyClient(f"127.0.0.1:{to.internal_port}", token="unused in dev mode")
        self._name = name
        self.answered: list[str] = []
        self.enough = asyncio.Event()

    async def produce(self) -> None:
        async with self._client:
            while not self.enough.is_set():
                key = f"{self._name}{len(self.answered):03}"
                await self._client.notify(
                    NotifyRequest(tenant_id="acme", notification_id=key, user_ids=PEOPLE, title=key)
                )
                self.answered.append(key)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.enough.wait(), 0.1)


@pytest.mark.timeout(180)
async def test_nothing_is_lost_and_every_stream_resumes(own_postgres_dsn: str, store: PostgresStore) -> None:
    """FAULTS 13, 20; the exit code is 0 within NOTIFY_SHUTDOWN_TIMEOUT."""
    settings = on_postgres(own_postgres_dsn, shutdown_timeout=BUDGET_S, shutdown_spread=1.0)
    port, probes_port = free_port(), free_port()
    async with instance(**settings) as going, instance(**settings) as staying:
        with envoy.running(port, probes_port, [going.client_port, staying.client_port], []):
            listeners = [Listener(port, user) for user in PEOPLE]
            producer = Producer(staying, "n")
            async with asyncio.TaskGroup() as tasks:
                listening = [tasks.create_task(one.listen()) for one in listeners]
                await eventually(lambda: all(one.live for one in listeners), timeout=40)
                producing = tasks.create_task(producer.produce())
                await eventually(lambda: len(producer.answered) >= 3, timeout=20)

                going.signal(signal.SIGTERM)
                asked_at = asyncio.get_running_loop().time()
                assert await going.ended() == 0
                assert asyncio.get_running_loop().time() - asked_at <= BUDGET_S

                await eventually(lambda: all(one.live for one in listeners), timeout=40)
                until = len(producer.answered) + 3
                await eventually(lambda: len(producer.answered) >= until, timeout=20)
                producer.enough.set()
                await producing
                await eventually(lambda: all(len(one.seen) >= len(producer.answered) for one in listeners), timeout=40)
                for task in listening:
                    task.cancel()

    assert sum(one.lost > 0 for one in listeners) > len(PEOPLE) / 10, "hardly anybody was on the instance that went"
    assert [one.user for one in listeners if one.seen != producer.answered] == []
    await check_invariants(store, {UserKey("acme", user): producer.answered for user in PEOPLE})
