"""The loop that claims and sends.

A job's way: handed over by a Notify call or claimed by the poll → waits on its route → enters a lane → marked SENDING,
with others → provider → outcome stored, with others. Every lease held on that way is renewed; none is kept that is not
worked on.
"""

from __future__ import annotations

import asyncio
import logging
import random as randomness
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from contextvars import Context
from typing import NamedTuple

from notify_grpc.core.dispatch.batcher import Batcher
from notify_grpc.core.dispatch.finisher import Finisher
from notify_grpc.core.dispatch.held import Held
from notify_grpc.core.dispatch.lane import Lane
from notify_grpc.core.dispatch.leases import Leases
from notify_grpc.core.dispatch.loops import Loop, end
from notify_grpc.core.dispatch.poller import Poller
from notify_grpc.core.dispatch.reporting import Reporter
from notify_grpc.core.dispatch.routes import Route, Routes
from notify_grpc.core.dispatch.sender import Sender
from notify_grpc.core.dispatch.settings import Attempted, DispatchSettings
from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.domain.deliveries import NO_PROVIDER, DeliveryState, ErrorClass, Job, Outcome, Target
from notify_grpc.domain.models import Channel
from notify_grpc.ports.events import EventSink, NoEvents
from notify_grpc.ports.provider import Provider
from notify_grpc.ports.store import Store
from notify_grpc.ports.telemetry import Metrics, NoMetrics, NoTracer, Tracer

log = logging.getLogger(__name__)
_DEFAULTS = DispatchSettings()
_SWEEP_BATCH = 500
_LAST_WRITES_S = 5.0
"""What ``close`` gives the store after the drain to take the last outcomes and leases."""
_LONGEST_DEFERRAL_S = 300.0


class _Started(NamedTuple):
    """A job in a lane, to be marked SENDING."""

    held: Held
    route: Route
    lane: Lane


class Dispatcher:
    """Works deliveries until they are accepted, refused, expired or out of attempts.

    Raises ValueError when a provider's timeout does not fit the lease or two providers of a channel have one name.
    """

    def __init__(
        self,
        store: Store,
        providers: Sequence[Provider],
        *,
        owner: str,
        settings: DispatchSettings = _DEFAULTS,
        clock: Clock = SystemClock(),
        metrics: Metrics = NoMetrics(),
        tracer: Tracer = NoTracer(),
        events: EventSink = NoEvents(),
        random: randomness.Random | None = None,
    ) -> None:
        _check(providers, settings.lease_s)
        random = random or randomness.Random()
        self.owner = owner
        self.lease_s = settings.lease_s
        self._settings = settings
        self._store = store
        self._clock = clock
        self._random = random
        self._reporter = Reporter(metrics, events, clock)
        lanes = [Lane(one, _title(one, providers), settings, clock, metrics) for one in providers]
        self._routes = Routes(lanes, settings.queue)
        self.channels = self._routes.channels
        self._leases = Leases(store, clock, settings.lease_s)
        self._sender = Sender(owner, settings.schedules, clock, tracer, self._reporter, random)
        self._finisher = Finisher(store, clock, self._reporter, self._finished)
        self._starter = Batcher("notify-dispatch-start", self._start)
        self._poller = Poller(store, self, owner, self.channels, settings, clock, random)
        self._renewal = Loop("notify-dispatch-renew", self._leases.renew, self._leases.rest, clock)
        self._loops = (
            Loop("notify-dispatch-poll", self._poller.poll, self._poller.rest, clock),
            Loop("notify-dispatch-sweep", self._sweep, self._rest_from_sweeping, clock),
        )
        self._providers = AsyncExitStack()
        self._sends: set[asyncio.Task[None]] = set()
        self._running = False
        self._life = asyncio.Lock()

    def validate(self, target: Target) -> str | None:
        """What is wrong with an address, by the provider that would take it; None if nothing."""
        return self._routes.validate(target)

    def breakers(self) -> Mapping[str, str]:
        """For readiness details: each provider (``channel/name`` where names repeat) and its breaker, with why."""
        return {lane.title: lane.breaker.explain() for lane in self._routes.lanes}

    async def open(self) -> None:
        """Open the providers, or none of them; start claiming and sweeping. Raises what a provider raises."""
        async with self._life:
            if self._running:
                return
            async with AsyncExitStack() as stack:
                for lane in self._routes.lanes:
                    stack.push_async_callback(lane.provider.close)
                    await lane.provider.open()
                self._providers = stack.pop_all()
            self._running = True
            for loop in (*self._loops, self._renewal):
                loop.start()

    async def close(self) -> None:
        """Claim no more, let sends end within ``drain_s``, give back the unsent, close the providers.

        Idempotent, safe before open.
        """
        async with self._life:
            if not self._running:
                return
            self._running = False
            for loop in self._loops:
                await loop.stop()
            for route in self._routes:
                self._leases.give_back(route.pop_all())
            await self._drain()
            await self._renewal.stop()
            await self._providers.aclose()

    async def attempt(self, jobs: Sequence[Job], budget_s: float) -> dict[str, Attempted]:
        """Work leased jobs now, and answer with the state each has taken within ``budget_s``, by delivery id.

        What is missing from the answer goes on in the background, also when this is cancelled.
        """
        helds = [self._hold(job) for job in jobs]
        answers = {held.lease.delivery_id: held.watch() for held in helds}
        self._admit(helds, urgent=True)
        if answers:
            await asyncio.wait(answers.values(), timeout=budget_s)
        return {id: answer.result() for id, answer in answers.items() if answer.done() and not answer.cancelled()}

    def submit(self, jobs: Sequence[Job]) -> None:
        """Work leased jobs in the background; what does not fit is given back and found by the poll."""
        self._admit([self._hold(job) for job in jobs])

    def wake(self) -> None:
        """Something became due."""
        self._poller.wake()

    def room(self) -> dict[Channel, int]:
        """See ``Room``: a channel asks for more when half of what its lanes can take besides their sends is free."""
        room: dict[Channel, int] = {}
        for channel in self.channels:
            capacity = self._routes.capacity(channel)
            free = 2 * capacity - self._leases.claimed(channel)
            if capacity and free >= max(1, capacity // 2):
                room[channel] = free
        return room

    def take(self, jobs: Sequence[Job], since: float) -> None:
        """See ``Room``."""
        now_ms = self._clock.now_ms()
        self._admit([Held(job, since=since, lease_s=self.lease_s, now_ms=now_ms, claimed=True) for job in jobs])

    def _hold(self, job: Job) -> Held:
        return Held(job, since=self._clock.monotonic(), lease_s=self.lease_s, now_ms=self._clock.now_ms())

    def _admit(self, helds: Iterable[Held], *, urgent: bool = False) -> None:
        """Put jobs on their routes and start what can start."""
        refused: list[Held] = []
        for held in helds:
            route = self._routes.find(held.delivery.channel, held.delivery.target)
            if self._running and route is None:
                self._leases.take(held)
                unsent = self._sender.unsent(held, DeliveryState.FAILED, NO_PROVIDER, ErrorClass.PERMANENT)
                self._finisher.add(held, unsent)
            elif self._running and route is not None and route.put(held, urgent=urgent):
                self._leases.take(held)
            else:
                refused.append(held)
        self._leases.give_back(refused)
        self._pump()

    def _pump(self) -> None:
        """Let waiting jobs into their lanes as far as there is room."""
        for route in self._routes:
            while route:
                lane = route.lane()
                if lane is None:
                    self._defer(route)
                elif lane.has_room():
                    lane.enter()
                    self._starter.add(_Started(route.pop(), route, lane))
                else:
                    break

    def _defer(self, route: Route) -> None:
        """No provider takes them now: later, without a mark against them."""
        wait_s = min(max(1.0, route.blocked_s()), _LONGEST_DEFERRAL_S) * self._random.uniform(1, 1.2)
        self._leases.give_back(route.pop_all(), wait_s)

    async def _start(self, batch: list[_Started]) -> None:
        """Mark a group SENDING; then send what is still ours."""
        ready: list[_Started] = []
        for one in batch:
            remaining_s = one.held.remaining_s(self._clock.monotonic())
            if remaining_s is not None and remaining_s <= 0:
                self._abandon(one, self._sender.unsent(one.held, DeliveryState.EXPIRED, "expired"))
            else:
                ready.append(one)
        try:
            started = await self._store.start_sending([one.held.lease for one in ready]) if ready else set()
        except Exception as exc:  # whatever it was, the rows are LEASED or SENDING, and unsent
            log.exception("deliveries not started", extra={"deliveries": len(ready), "reason": type(exc).__name__})
            for one in ready:
                self._abandon(one, self._sender.unsent(one.held, DeliveryState.RETRY, "store_unavailable"))
            return
        for one in ready:
            if one.held.lease.delivery_id in started:
                self._spawn(one)
            else:
                self._abandon(one, None)

    def _abandon(self, one: _Started, outcome: Outcome | None) -> None:
        """Leave the lane without sending: with an outcome, or None if the delivery is no longer ours."""
        one.lane.leave()
        if outcome is not None:
            self._finisher.add(one.held, outcome)
        else:
            log.warning("a lease was lost before sending", extra={"delivery_id": one.held.lease.delivery_id})
            self._finished(one.held)
            one.held.resolve(None)
        self._pump()

    def _spawn(self, one: _Started) -> None:
        task = asyncio.get_running_loop().create_task(self._send(one), name="notify-dispatch-send", context=Context())
        self._sends.add(task)
        task.add_done_callback(self._sends.discard)

    async def _send(self, one: _Started) -> None:
        held, route, lane = one
        try:
            outcome = await self._sender.attempt(held, route, lane)
        except asyncio.CancelledError:
            self._finisher.add(held, self._sender.interrupted(held))
            raise
        except Exception:  # a defect of ours: the row takes an unknown outcome, the queue moves
            log.exception("an attempt failed inside the dispatcher", extra={"delivery_id": held.lease.delivery_id})
            outcome = self._sender.interrupted(held)
        self._finisher.add(held, outcome)
        self._pump()

    def _finished(self, held: Held) -> None:
        """A delivery is off our hands: there may be room for another."""
        self._leases.drop(held)
        channel = held.delivery.channel
        if self._poller.wants(channel) and channel in self.room():
            self._poller.wake()

    async def _sweep(self) -> None:
        """See what time did to deliveries, and how many are due."""
        while True:
            swept = await self._store.sweep_deliveries(_SWEEP_BATCH)
            for delivery in swept:
                self._reporter.swept(delivery)
            if any(delivery.state is DeliveryState.RETRY for delivery in swept):
                self.wake()
            if len(swept) < _SWEEP_BATCH:
                break
        self._reporter.due(await self._store.due_stats())

    async def _rest_from_sweeping(self) -> None:
        await self._clock.sleep(self._settings.sweep_s * self._random.uniform(0.8, 1.2))

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._settings.drain_s):
                await self._starter.drain()
                while self._sends:
                    await asyncio.wait(self._sends)
        except TimeoutError:
            log.warning("sends cut off at the end", extra={"sends": len(self._sends)})
        await self._starter.stop()
        await end(*self._sends)
        await self._finisher.close(_LAST_WRITES_S)
        await self._leases.close(_LAST_WRITES_S)


def _title(provider: Provider, providers: Sequence[Provider]) -> str:
    """Its name, with the channel where another channel has a provider of that name (twilio)."""
    shared = sum(other.name == provider.name for other in providers) > 1
    return f"{provider.channel}/{provider.name}" if shared else provider.name


def _check(providers: Sequence[Provider], lease_s: float) -> None:
    names = [(provider.channel, provider.name) for provider in providers]
    if len(set(names)) < len(names):
        raise ValueError("two providers of one channel have the same name")
    for provider in providers:
        if provider.timeout_s > lease_s / 2:
            raise ValueError(
                f"{provider.name}: its timeout of {provider.timeout_s} s is over half the lease of {lease_s} s"
            )
