"""A store, a dispatcher on a manual clock, and scripted providers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from itertools import count
from random import Random
from typing import Any

from notify_grpc.core.dispatch import Dispatcher, DispatchSettings
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import Attempt, Delivery, DeliveryState, Job, Target
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.events import ServiceEvent
from notify_grpc.ports.provider import Provider
from notify_grpc.ports.store import Created, Notice, Recipient
from notify_grpc.ports.telemetry import NoTracer, Tracer
from tests.conformance.store import Database
from tests.support.clock import ManualClock
from tests.support.faulty_store import FaultyStore
from tests.support.scripted_provider import ScriptedProvider
from tests.support.waiting import eventually

LEASE_S = 20.0
SETTINGS = DispatchSettings(lease_s=LEASE_S, poll_s=1.0, sweep_s=2.0, drain_s=0.2, concurrency=4, queue=8)
CONTENT = Content("title", "a body nobody logs")
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OWNER = "instance-1"


class Recorder:
    """Metrics and events, as they were reported."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        self.gauges: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        self.observed: list[tuple[str, float, dict[str, str]]] = []
        self.events: list[ServiceEvent] = []

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        key = (name, frozenset(labels.items()))
        self.counts[key] = self.counts.get(key, 0) + amount

    def observe(self, name: str, value: float, **labels: str) -> None:
        self.observed.append((name, value, labels))

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.gauges[name, frozenset(labels.items())] = value

    def publish(self, event: ServiceEvent) -> None:
        self.events.append(event)

    def counted(self, name: str, **labels: str) -> float:
        return self.counts.get((name, frozenset(labels.items())), 0)

    def gauged(self, name: str, **labels: str) -> float | None:
        return self.gauges.get((name, frozenset(labels.items())))

    def types(self) -> list[str]:
        return [event.type for event in self.events]


class World:
    """What the tests act on."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = ManualClock()
        self.store = FaultyStore(database.connect())
        self.recorder = Recorder()
        self._dispatchers: list[Dispatcher] = []
        self._keys = count(1)
        self._loops = 0

    def dispatcher(
        self,
        *providers: Provider,
        settings: DispatchSettings = SETTINGS,
        owner: str = OWNER,
        clock: Clock | None = None,
        tracer: Tracer = NoTracer(),
    ) -> Dispatcher:
        """Not opened yet; closed at the end of the test."""
        dispatcher = Dispatcher(
            self.store.as_store(),
            providers,
            owner=owner,
            settings=settings,
            clock=clock or self.clock,
            metrics=self.recorder,
            tracer=tracer,
            events=self.recorder,
            random=Random(1),
        )
        self._dispatchers.append(dispatcher)
        return dispatcher

    async def opened(self, *providers: Provider, **options: Any) -> Dispatcher:
        """A dispatcher that has looked at the store once and waits for the next time."""
        dispatcher = self.dispatcher(*providers, **options)
        await dispatcher.open()
        self._loops += 3
        await self.idle()
        return dispatcher

    async def idle(self) -> None:
        """Until poll, sweep and renewal of every open dispatcher wait for time to pass."""
        await self.clock.until_sleeping(self._loops)

    async def close(self) -> None:
        self.store.down = None
        self.store.first.clear()
        for dispatcher in self._dispatchers:
            await dispatcher.close()
        await self.store.close()

    async def notify(
        self,
        *users: str,
        channel: Channel = Channel.EMAIL,
        targets: Sequence[str] = ("{user}@acme.test",),
        tenant: str = "acme",
        lease_to: str = "",
        expires_in_s: float = 0,
    ) -> list[Job]:
        """One Notify on one channel; the deliveries are leased if ``lease_to``, else due now."""
        notice = Notice(
            tenant,
            f"n-{next(self._keys)}",
            CONTENT,
            (channel,),
            tuple(
                Recipient(user, tuple(Target(channel, target.format(user=user)) for target in targets))
                for user in users or ("alice",)
            ),
            self.database.now_ms(),
            self.database.now_ms() + round(expires_in_s * 1000) if expires_in_s else 0,
            traceparent=TRACEPARENT,
            lease_owner=lease_to,
            lease_s=LEASE_S if lease_to else 0,
        )
        return _jobs(await self.store.create(notice))

    async def leased(self, *users: str, **options: Any) -> list[Job]:
        """A Notify whose deliveries are leased to us, as the Notifier makes them."""
        return await self.notify(*users, lease_to=OWNER, **options)

    async def advance(self, seconds: float) -> None:
        """Let time pass here and in the store: slowly enough that calls of a real store are no match for a lease."""
        while seconds > 0:
            step = min(seconds, LEASE_S / 4)
            await self.database.advance(step)
            await self.clock.advance(step)
            await self.idle()
            seconds -= step

    async def delivery(self, job: Job) -> Delivery:
        found, _ = await self.audited(job)
        return found

    async def audited(self, job: Job) -> tuple[Delivery, list[Attempt]]:
        found: tuple[Delivery, list[Attempt]] = await self.store.get_delivery(job.delivery.id)
        return found

    async def states(self, jobs: Collection[Job]) -> list[DeliveryState]:
        return [(await self.delivery(job)).state for job in jobs]

    async def until(self, state: DeliveryState, *jobs: Job) -> Delivery:
        """Once these are in a state; the first of them."""

        async def there() -> bool:
            return set(await self.states(jobs)) == {state}

        await eventually(there)
        return await self.delivery(jobs[0])

    async def sent(self, provider: ScriptedProvider, count: int = 1) -> None:
        """Once a provider was sent that many messages."""
        await eventually(lambda: len(provider.sent) >= count)


def _jobs(created: Sequence[Created]) -> list[Job]:
    return [Job(delivery, CONTENT, TRACEPARENT) for one in created for delivery in one.deliveries]


async def turns(count: int = 50) -> None:
    """Let everything that can run do so."""
    for _ in range(count):
        await asyncio.sleep(0)
