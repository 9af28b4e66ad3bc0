"""The dispatcher against a bare loop of the same provider calls, and what a backlog costs those who are not in it."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import count, islice
from pathlib import Path

from benchmarks import http_sink
from benchmarks.postgres_server import postgres_server
from benchmarks.report import Row, latency, rate, say
from notify_grpc.channels.sendgrid import SendGridProvider, SendGridSettings
from notify_grpc.core.dispatch import Dispatcher, DispatchSettings
from notify_grpc.domain.deliveries import Target
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.events import ServiceEvent
from notify_grpc.ports.provider import Message, Receipt
from notify_grpc.ports.store import Notice, Recipient, Store
from notify_grpc.stores.memory import MemoryStore
from notify_grpc.stores.postgres import PostgresStore
from notify_grpc.stores.sqlite import SqliteStore

_DELIVERIES = 2_000
_BACKLOGS = (1_000, 100_000, 1_000_000)
_CLAIM = 32
_CLAIMS = 100
_PASSWORDS = 200
_SETTINGS = DispatchSettings()
_CONTENT = Content("Your order is on its way", "It left our warehouse this morning. " * 5, data={"order": "4711"})
_keys = count()


async def measure() -> list[Row]:
    """Deliveries per second by store, then claims and passwords by size of another tenant's backlog."""
    with tempfile.TemporaryDirectory(prefix="notify-bench-") as folder:
        return [*await _throughput(Path(folder)), *await _backlogs(Path(folder))]


async def _throughput(folder: Path) -> list[Row]:
    with postgres_server() as dsn:
        stores = (MemoryStore(), SqliteStore(folder / "throughput.db"), PostgresStore(dsn))
        async with http_sink.running() as url:
            return [await _against_a_bare_loop(store, url) for store in stores]


async def _against_a_bare_loop(store: Store, url: str) -> Row:
    async with _opened(store):
        await _through_dispatcher(store, _provider(url), 200)
        bare = await _bare_loop(_provider(url))
        value = await _through_dispatcher(store, _provider(url), _DELIVERIES)
        bare = (bare + await _bare_loop(_provider(url))) / 2
    return say(rate(f"dispatch: {store.capabilities.name}", value, "deliveries/s", bare))


@asynccontextmanager
async def _opened(store: Store) -> AsyncIterator[None]:
    await store.open()
    try:
        yield
    finally:
        await store.close()


def _provider(url: str) -> SendGridProvider:
    return SendGridProvider(SendGridSettings("key", "shop@example.com", base_url=url))


async def _bare_loop(provider: SendGridProvider) -> float:
    """Calls per second of as many callers as the dispatcher may have."""
    messages = iter([_message(number) for number in range(_DELIVERIES)])

    async def call() -> None:
        for message in messages:
            assert (await provider.send(message)).accepted

    await provider.open()
    started = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(_SETTINGS.concurrency)))
    took = time.perf_counter() - started
    await provider.close()
    return _DELIVERIES / took


def _message(number: int) -> Message:
    user = f"user-{number}"
    return Message(f"{number:036}", "n", "acme", user, Channel.EMAIL, f"{user}@acme.test", _CONTENT, 1)


class _Counter:
    """Says when that many deliveries are done."""

    def __init__(self, wanted: int) -> None:
        self._left = wanted
        self.done = asyncio.Event()

    def publish(self, event: ServiceEvent) -> None:
        self._left -= event.type == "delivery.delivered"
        if self._left <= 0:
            self.done.set()


async def _through_dispatcher(store: Store, provider: SendGridProvider, deliveries: int) -> float:
    """Deliveries per second from claim to stored outcome."""
    await _fill(store, "acme", Channel.EMAIL, deliveries)
    counter = _Counter(deliveries)
    dispatcher = Dispatcher(store, [provider], owner="bench", settings=_SETTINGS, events=counter)
    started = time.perf_counter()
    await dispatcher.open()
    await counter.done.wait()
    took = time.perf_counter() - started
    await dispatcher.close()
    return deliveries / took


async def _fill(store: Store, tenant: str, channel: Channel, deliveries: int) -> None:
    """Deliveries due now, ten to a recipient."""
    users = (f"user-{number}" for number in range(-(-deliveries // 10)))
    left = deliveries
    while some := list(islice(users, 1_000)):
        recipients = []
        for user in some:
            targets = tuple(Target(channel, f"{user}-{n}@acme.test") for n in range(min(10, left)))
            left -= len(targets)
            recipients.append(Recipient(user, targets))
        await store.create(_notice(tenant, channel, recipients))


def _notice(tenant: str, channel: Channel, recipients: Iterable[Recipient]) -> Notice:
    return Notice(tenant, f"n-{next(_keys)}", _CONTENT, (channel,), tuple(recipients), time.time_ns() // 1_000_000)


async def _backlogs(folder: Path) -> list[Row]:
    """On SQLite, which users start with; the store's own suite shows the same of the others by their plans."""
    rows: list[Row] = []
    store = SqliteStore(folder / "backlog.db")
    async with _opened(store):
        quiet = await _passwords(store)
        waiting = 0
        first = 0.0
        for backlog in _BACKLOGS:
            await _fill(store, "bulk", Channel.EMAIL, backlog - waiting)
            waiting = backlog
            claim = await _claim_ms(store)
            first = first or claim
            rows.append(latency(f"dispatch: claim {_CLAIM} of {backlog:,} waiting", claim, "ms", first))
        behind = await _passwords(store)
        rows.append(latency(f"dispatch: password behind {waiting:,}, p99", behind, "ms", quiet))
    return rows


async def _claim_ms(store: Store) -> float:
    """The median; what is claimed is given back."""
    taken = []
    for _ in range(_CLAIMS):
        started = time.perf_counter()
        jobs = await store.claim("bench", limit=_CLAIM, lease_s=60, channels=[Channel.EMAIL], per_tenant=_CLAIM)
        taken.append((time.perf_counter() - started) * 1000)
        assert len(jobs) == _CLAIM
        await store.release([job.lease for job in jobs])
    return statistics.median(taken)


class _Slow:
    """A provider that takes 20 ms, and notes when it was given a password."""

    name = "slow"
    timeout_s = 10.0
    channel = Channel.EMAIL

    def __init__(self) -> None:
        self.given: asyncio.Queue[float] = asyncio.Queue()

    def accepts(self, target: str) -> bool:
        return True

    def validate(self, target: str) -> str | None:
        return None

    async def send(self, message: Message) -> Receipt:
        if message.tenant_id == "bank":
            self.given.put_nowait(time.perf_counter())
        await asyncio.sleep(0.02)
        return Receipt()

    async def check(self) -> str | None:
        return None

    async def open(self) -> None: ...

    async def close(self) -> None: ...


async def _passwords(store: Store) -> float:
    """p99 milliseconds from a stored password to the provider, claimed like all else, the lanes being busy."""
    provider = _Slow()
    dispatcher = Dispatcher(store, [provider], owner="bench", settings=_SETTINGS)
    await dispatcher.open()
    taken = []
    for number in range(_PASSWORDS):
        target = Target(Channel.EMAIL, f"password-{number}@bank.test")
        await store.create(_notice("bank", Channel.EMAIL, [Recipient(f"user-{number}", (target,))]))
        started = time.perf_counter()
        dispatcher.wake()
        taken.append((await provider.given.get() - started) * 1000)
    await dispatcher.close()
    return statistics.quantiles(taken, n=100)[98]
