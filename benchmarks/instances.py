"""Two instances on one PostgreSQL: from a producer at one to a stream at the other, and two workers against one."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.load import Streams, calls_per_second, channel, percentile
from benchmarks.notify import NOTIFY, request
from benchmarks.report import Row, latency, rate
from benchmarks.servers import Running, running
from benchmarks.streams import STREAM, as_user, notify_to
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.store import Notice, Recipient
from notify_grpc.stores.postgres import PostgresStore
from tests.support.postgres import PostgresServer, fresh_database
from tests.support.redis import RedisServer

_TIMES = 300
_SECONDS = 3.0
_IN_FLIGHT = 64
_PEOPLE = [f"user-{i}" for i in range(1_000)]


async def measure() -> list[Row]:
    rows = []
    with PostgresServer() as server, RedisServer() as redis:
        for bus, more in (("postgres", {}), ("redis", {"bus_driver": "redis", "redis_url": redis.url})):
            with fresh_database(server.dsn()) as dsn:
                settings: dict[str, Any] = {"store_driver": "postgres", "postgres_dsn": dsn, **more}
                async with running("service", **settings) as one, running("service", **settings) as other:
                    within = await _times(one, one, f"within-{bus}")
                    across = await _times(one, other, f"across-{bus}")
            for share in (0.5, 0.99):
                name = f"to a stream on another instance, {bus} bus, p{round(share * 100)}, against one instance"
                rows.append(latency(name, percentile(across, share) * 1e3, "ms", percentile(within, share) * 1e3))
        with fresh_database(server.dsn()) as dsn:
            settings = {"store_driver": "postgres", "postgres_dsn": dsn}
            one_worker = await _rate([settings])
            two_workers = await _rate([settings, settings])
        with fresh_database(server.dsn()) as dsn:
            direct = await _bulk_at_the_store(dsn)
        with fresh_database(server.dsn()) as dsn:
            called = await _bulk_by_rpc(dsn)
    rows.append(rate("Notify on two processes, against one", two_workers, "calls/s", one_worker))
    rows.append(rate("1,000 recipients a call by RPC, against the store itself", called, "recipients/s", direct))
    return rows


async def _times(sender: Running, listener: Running, user: str) -> list[float]:
    """Seconds from a Notify to its event, one after the other."""
    streams = Streams()
    await streams.open(listener.client, STREAM, [b""], [as_user(user)], skip=2)
    times = []
    async with channel(sender.internal) as producer:
        notify: Any = producer.unary_unary(NOTIFY)
        for sent in range(1, _TIMES + 1):
            started = time.perf_counter()
            await notify(notify_to(f"{user}-{sent}", user))
            await streams.until(sent)
            times.append(time.perf_counter() - started)
    await streams.close()
    return times


@asynccontextmanager
async def _both(settings: list[dict[str, Any]]) -> AsyncIterator[list[Running]]:
    async with running("service", **settings[0]) as one:
        if len(settings) == 1:
            yield [one]
        else:
            async with running("service", **settings[1]) as other:
                yield [one, other]


async def _rate(settings: list[dict[str, Any]]) -> float:
    """Calls per second over these instances, the same number in flight at each."""
    numbers = itertools.count()
    async with _both(settings) as servers:
        channels = [channel(server.internal) for server in servers]
        notifies: list[Any] = [one.unary_unary(NOTIFY) for one in channels]
        turn = itertools.cycle(notifies)

        async def call() -> None:
            await next(turn)(request(next(numbers)).SerializeToString())

        best = await calls_per_second(call, seconds=_SECONDS, in_flight=_IN_FLIGHT * len(servers))
        for one in channels:
            await one.close()
    return best


async def _bulk_at_the_store(dsn: str) -> float:
    """Recipients per second of the store in this process, four calls of 1,000 in flight."""
    store = PostgresStore(dsn)
    await store.open()
    numbers = itertools.count()

    async def call() -> None:
        one = request(0)
        content = Content(title=one.title, body=one.body)
        recipients = tuple(map(Recipient, _PEOPLE))
        await store.create(Notice("acme", f"n{next(numbers)}", content, (Channel.IN_APP,), recipients, 1))

    found = await calls_per_second(call, seconds=_SECONDS, in_flight=4) * len(_PEOPLE)
    await store.close()
    return found


async def _bulk_by_rpc(dsn: str) -> float:
    """The same calls through a service process."""
    numbers = itertools.count()
    async with running("service", store_driver="postgres", postgres_dsn=dsn) as server, channel(server.internal) as to:
        notify: Any = to.unary_unary(NOTIFY)

        async def call() -> None:
            one = request(0)
            one.notification_id = f"n{next(numbers)}"
            one.user_ids[:] = _PEOPLE
            await notify(one.SerializeToString())

        return await calls_per_second(call, seconds=_SECONDS, in_flight=4) * len(_PEOPLE)
