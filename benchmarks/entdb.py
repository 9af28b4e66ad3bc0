"""The EntDB store against bare plans and reads of the same server in the same run; needs NOTIFY_TEST_ENTDB_ADDRESS."""

from __future__ import annotations

import asyncio
import os
import secrets
import statistics
import time
from collections.abc import Awaitable, Callable
from itertools import count

from benchmarks.load import calls_per_second
from benchmarks.report import Row, latency, rate
from notify_grpc.domain.deliveries import Target
from notify_grpc.domain.ids import new_id
from notify_grpc.domain.models import Channel, Content, Notification, Status, UserKey
from notify_grpc.ports.store import Notice, Recipient
from notify_grpc.stores.entdb import EntDBStore
from notify_grpc.stores.entdb.connection import Connection, Endpoint
from notify_grpc.stores.entdb.heads import Heads
from notify_grpc.stores.entdb.nodes import create
from notify_grpc.stores.entdb.notification_rows import create_content, create_row
from notify_grpc.stores.entdb.schema import DOC, Type

_SECONDS = 4.0
"""For each rate."""
_USERS = 5_000
_READS = 100
_READER = UserKey("acme", "reader")
_SIZES = (100, 10_000, 100_000)
_FILL = 1_000
_CONTENT = Content("Your order is on its way", "It left our warehouse this morning. " * 5, data={"order": "4711"})
_NOW_MS = time.time_ns() // 1_000_000


async def measure() -> list[Row]:
    """Recipients per second by size of call, claims, then latencies of a page by the length of the history."""
    address = os.environ.get("NOTIFY_TEST_ENTDB_ADDRESS")
    if not address:
        print("entdb: not run (NOTIFY_TEST_ENTDB_ADDRESS names no server)", flush=True)
        return []
    tenant = f"bench-{secrets.token_hex(6)}"
    store, bare = EntDBStore(address, [tenant]), Connection(Endpoint(address), tenant)
    await store.open()
    bare.connect()
    try:
        return [*await _rates(store, bare), *await _pages(store, bare), await _claims(store, bare)]
    finally:
        await bare.close()
        await store.close()


_keys = count()
_users = count()


def _notice(recipients: int, *targets: Target) -> Notice:
    return Notice(
        "acme",
        f"notification-{next(_keys)}",
        _CONTENT,
        (Channel.IN_APP,),
        tuple(Recipient(f"user-{next(_users) % _USERS}", targets) for _ in range(recipients)),
        _NOW_MS,
    )


async def _rates(store: EntDBStore, bare: Connection) -> list[Row]:
    """The ceiling: plans that add as many nodes, without keys, indexes, counters or compare-and-set."""
    rows = []
    for recipients, in_flight in ((1, 1), (1, 64), (1, 256), (100, 4), (1_000, 1)):
        calls = await calls_per_second(
            lambda size=recipients: store.create(_notice(size)),  # type: ignore[misc]  # the default binds the loop's
            seconds=_SECONDS,
            in_flight=in_flight,
        )
        ceiling = await _bare_creates(bare, recipients, in_flight)
        name = f"entdb: notify {recipients} recipients, {in_flight} in flight"
        rows.append(rate(name, calls * recipients, "recipients/s", ceiling))
    return rows


async def _bare_creates(bare: Connection, size: int, in_flight: int) -> float:
    row = create(Type.CONTENT, {DOC: "x" * 500})
    plans = await calls_per_second(lambda: bare.commit([row] * size), seconds=_SECONDS, in_flight=in_flight)
    return plans * size


async def _pages(store: EntDBStore, bare: Connection) -> list[Row]:
    """The ceiling: one question for as many nodes by id."""
    rows, stored = [], 0
    await store.create(_notice(1))
    for size in _SIZES:
        ids = await _fill(bare, stored, size)
        stored = size
        page = await _median_us(lambda: store.list_notifications(_READER, before=None, limit=50))
        unread = await _median_us(lambda: store.get_inboxes([_READER]))
        bare_page = await _median_us(lambda ids=ids: bare.get(Type.NOTIFICATION, ids))  # type: ignore[misc]  # as above
        bare_one = await _median_us(lambda ids=ids: bare.get(Type.NOTIFICATION, ids[:1]))  # type: ignore[misc]  # as above
        rows.append(latency(f"entdb: page of 50 of {size:,} items", page, "µs", bare_page))
        rows.append(latency(f"entdb: unread count of {size:,} items", unread, "µs", bare_one))
    return rows


async def _fill(bare: Connection, stored: int, wanted: int) -> list[str]:
    """The reader's inbox up to so many items, by the thousand; the ids of 50."""
    heads = Heads(bare)
    ids: list[str] = []
    for start in range(stored, wanted, _FILL):
        head = (await heads.read_or_begin([_READER], _NOW_MS))[_READER]
        content_id, last = new_id(_NOW_MS), min(start + _FILL, wanted)
        new = [_notification(position) for position in range(start + 1, last + 1)]
        inbox = head.inbox._replace(last_position=last, last_seq=last, unread=last)
        await bare.commit(
            [
                head.moved_to(_READER, inbox),
                create_content(content_id, _CONTENT, len(new)),
                *(create_row(row, content_id, _CONTENT.digest().hex(), ()) for row in new),
            ]
        )
        ids = [row.id for row in new]
    return ids[:50]


def _notification(position: int) -> Notification:
    return Notification(
        new_id(_NOW_MS),
        *_READER,
        f"history-{position}",
        _CONTENT,
        (Channel.IN_APP,),
        Status.PENDING,
        position,
        position,
        _NOW_MS,
    )


async def _claims(store: EntDBStore, bare: Connection) -> Row:
    """Deliveries leased per second, a hundred at a time. The ceiling: plans that add as many nodes."""
    for _ in range(4):
        await store.create(_notice(500, Target(Channel.SMS, "+15550100")))
    claimed, start = 0, time.perf_counter()
    while jobs := await store.claim("bench", limit=100, lease_s=60, channels=[Channel.SMS], per_tenant=100):
        claimed += len(jobs)
    per_second = claimed / (time.perf_counter() - start)
    return rate("entdb: claims of 100", per_second, "deliveries/s", await _bare_creates(bare, 100, 1))


async def _median_us(read: Callable[[], Awaitable[object]]) -> float:
    taken = []
    for _ in range(_READS):
        start = time.perf_counter()
        await read()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e6


if __name__ == "__main__":
    for row in asyncio.run(measure()):
        print(f"{row.name:55} {row.value:12,.0f} {row.unit:14} {row.ceiling:12,.0f} {row.ratio:6.2f}")
