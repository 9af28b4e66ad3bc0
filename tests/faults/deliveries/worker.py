"""A worker process that dies, or stops, where it is told.

``python -m tests.faults.deliveries.worker '<Orders as JSON>'`` runs a real store, the dispatcher and real HTTP
providers against the scripted server until its standard input closes.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from notify_grpc.channels.sendgrid import SendGridProvider, SendGridSettings
from notify_grpc.channels.twilio import TwilioProvider, TwilioSettings
from notify_grpc.core.dispatch import Dispatcher, DispatchSettings
from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.ports.provider import Provider
from notify_grpc.ports.store import Store
from notify_grpc.stores.postgres import PostgresStore
from notify_grpc.stores.sqlite import SqliteStore

LEASE_S = 3.0
SETTINGS = DispatchSettings(lease_s=LEASE_S, poll_s=0.1, sweep_s=0.2, drain_s=1.0)


@dataclass(frozen=True)
class Orders:
    """What a worker is to do. ``point`` is ``after claim``, ``before send`` …: a store's or a provider's method."""

    store: str
    """``sqlite:<path>`` or a PostgreSQL DSN."""
    url: str
    owner: str = "worker"
    point: str = ""
    signal: int = signal.SIGKILL
    clock_ahead_s: float = 0.0
    lease_s: float = LEASE_S

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class FailPoint:
    """Sends this process a signal the first time ``point`` is passed."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._passed = False

    def passing(self, point: str) -> None:
        if point == self._orders.point and not self._passed:
            self._passed = True
            os.kill(os.getpid(), self._orders.signal)

    def around(self, thing: object) -> Any:
        """``thing``, with fail points before and after each of its coroutine methods."""
        return _Around(thing, self)


class _Around:
    def __init__(self, thing: object, point: FailPoint) -> None:
        self._thing = thing
        self._point = point

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._thing, name)
        return self._wrapped(name, value) if asyncio.iscoroutinefunction(value) else value

    def _wrapped(self, name: str, method: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def call(*args: object, **kwargs: object) -> object:
            self._point.passing(f"before {name}")
            answer = await method(*args, **kwargs)
            if answer:  # an empty claim is no claim
                self._point.passing(f"after {name}")
            return answer

        return call


class ShiftedClock(SystemClock):
    """A machine whose date is wrong."""

    def __init__(self, ahead_s: float) -> None:
        self._ahead_ms = round(ahead_s * 1000)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self._ahead_ms


def email(url: str, timeout_s: float = 1.0) -> SendGridProvider:
    return SendGridProvider(SendGridSettings("key", "shop@example.com", base_url=url, timeout_s=timeout_s))


def sms(url: str, timeout_s: float = 1.0) -> TwilioProvider:
    """Its ledger shows delivery ids in the URL for reports."""
    reports = "http://reports.test/"
    return TwilioProvider(TwilioSettings("AC1", "token", "", "+15550199", reports, base_url=url, timeout_s=timeout_s))


def open_store(where: str, clock: Clock = SystemClock()) -> Store:
    """Not opened yet. ``clock`` is SQLite's; PostgreSQL has its own."""
    if where.startswith("sqlite:"):
        return SqliteStore(Path(where.removeprefix("sqlite:")), clock)
    return PostgresStore(where, pool_min=1, pool_max=4)


async def work(orders: Orders) -> None:
    point = FailPoint(orders)
    store = cast(Store, point.around(open_store(orders.store)))
    providers = [cast(Provider, point.around(make(orders.url, orders.lease_s / 2))) for make in (email, sms)]
    clock = ShiftedClock(orders.clock_ahead_s)
    settings = replace(SETTINGS, lease_s=orders.lease_s)
    dispatcher = Dispatcher(store, providers, owner=orders.owner, settings=settings, clock=clock)
    await store.open()
    await dispatcher.open()
    print("working", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await dispatcher.close()
    await store.close()


if __name__ == "__main__":
    asyncio.run(work(Orders(**json.loads(sys.argv[1]))))
