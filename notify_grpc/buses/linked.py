"""A Bus over any transport that carries short texts to everybody: buffering, coalescing, reconnecting."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

from notify_grpc.buses.wire import Batch, decode, encode, newest
from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.ports.bus import BusListener, DataChange, SessionSignal, Wake
from notify_grpc.ports.telemetry import Metrics, NoMetrics

log = logging.getLogger(__name__)
_MAX_WAITING = 20_000
_RETRY_S = (0.1, 0.3, 1.0, 3.0, 5.0)
_FLUSH_S = 0.5


class TransportError(Exception):
    """The transport is down; carries the cause."""


class Transport(Protocol):
    """Carries payloads. Both methods raise TransportError, and nothing else, when the far side is lost."""

    @property
    def name(self) -> str:
        """For logs and metrics."""
        ...

    @property
    def max_bytes(self) -> int:
        """The largest payload."""
        ...

    async def listen(self, up: Callable[[], None], received: Callable[[str], None]) -> None:
        """Connect, call ``up``, then ``received`` for every payload, until the connection is lost."""
        ...

    async def send(self, payloads: Sequence[str]) -> None:
        """To everybody, in order, at once."""
        ...

    async def close(self) -> None:
        """Release what ``send`` holds. Idempotent."""
        ...


class LinkedBus:
    """A ports.bus.Bus. ``instance`` names the sender, whose own messages are not echoed to it."""

    shared = True

    def __init__(
        self,
        transport: Transport,
        instance: str,
        *,
        clock: Clock = SystemClock(),
        metrics: Metrics = NoMetrics(),
        random: Random | None = None,
    ) -> None:
        self._transport = transport
        self._instance = instance
        self._clock = clock
        self._metrics = metrics
        self._random = random or Random()
        self._listener: BusListener | None = None
        self._waiting = Batch()
        self._some = asyncio.Event()
        self._tried = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._connected = False
        self._outage = False
        self.reconnects = 0

    @property
    def connected(self) -> bool:
        return self._connected

    async def open(self, listener: BusListener) -> None:
        self._listener = listener
        loop = asyncio.get_running_loop()
        name = f"notify-bus-{self._transport.name}"
        self._tasks = [
            loop.create_task(self._listen_forever(), name=f"{name}-listen"),
            loop.create_task(self._send_forever(), name=f"{name}-send"),
        ]
        await self._tried.wait()

    async def close(self) -> None:
        tasks, self._tasks = self._tasks, []
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(_FLUSH_S):
                await self._flush()
        except (TransportError, TimeoutError):
            log.info("bus closed with messages unsent", extra={"bus": self._transport.name})
        self._connected = False
        await self._transport.close()

    def publish_wakes(self, wakes: Sequence[Wake]) -> None:
        if self._has_room(len(wakes)):
            self._waiting.wakes += wakes

    def publish_data_change(self, change: DataChange) -> None:
        if self._has_room(len(change.users)):
            self._waiting.changes.append(change)

    def publish_signal(self, signal: SessionSignal) -> None:
        if self._has_room(1):
            self._waiting.signals.append(signal)

    def _has_room(self, messages: int) -> bool:
        if self._waiting.size + messages > _MAX_WAITING:
            self._metrics.count("notify_bus_dropped_total", messages, bus=self._transport.name)
            return False
        self._waiting.size += messages
        self._some.set()
        return True

    async def _send_forever(self) -> None:
        """What gathers while one batch is sent goes with the next. A batch that cannot be sent is dropped."""
        while True:
            await self._some.wait()
            try:
                await self._flush()
            except TransportError as exc:
                self._lost(exc)
                self._waiting = Batch()
                await self._clock.sleep(_RETRY_S[0])

    async def _flush(self) -> None:
        self._some.clear()
        batch, self._waiting = self._waiting, Batch()
        batch.wakes = newest(batch.wakes)
        payloads, too_large = encode(self._instance, batch, self._transport.max_bytes)
        if too_large:
            self._metrics.count("notify_bus_dropped_total", too_large, bus=self._transport.name)
        if payloads:
            await self._transport.send(payloads)

    async def _listen_forever(self) -> None:
        failures = 0
        while True:
            try:
                await self._transport.listen(self._up, self._received)
            except TransportError as exc:
                failures = 0 if self._connected else failures + 1
                self._connected = False
                self._lost(exc)
            finally:
                self._tried.set()
            wait = _RETRY_S[min(failures, len(_RETRY_S) - 1)]
            await self._clock.sleep(wait * self._random.uniform(0.8, 1.2))

    def _up(self) -> None:
        """Listening again: what was said meanwhile is lost, so sessions are checked against the store."""
        assert self._listener is not None
        if self._tried.is_set():
            self.reconnects += 1
            self._metrics.count("notify_bus_reconnects_total", bus=self._transport.name)
        self._connected = True
        if self._outage:
            self._outage = False
            log.info("bus is back", extra={"bus": self._transport.name})
        self._listener.on_gap()
        self._tried.set()

    def _lost(self, exc: TransportError) -> None:
        if not self._outage:
            self._outage = True
            log.warning(
                "bus is down; streams follow the store meanwhile",
                extra={"bus": self._transport.name, "reason": str(exc.__cause__ or exc)},
            )

    def _received(self, payload: str) -> None:
        try:
            instance, batch = decode(payload)
        except ValueError:
            self._metrics.count("notify_bus_foreign_total", bus=self._transport.name)
            return
        if instance == self._instance or self._listener is None:
            return
        if batch.wakes:
            self._listener.on_wakes(batch.wakes)
        for change in batch.changes:
            self._listener.on_data_change(change)
        for signal in batch.signals:
            self._listener.on_signal(signal)
