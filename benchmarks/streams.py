"""Events to many live streams, against bare grpc.aio streams that get the same bytes; memory; Notify-to-stream time."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from notify.v1 import client_service_pb2 as client_pb

from benchmarks.load import Streams, channel, percentile
from benchmarks.notify import NOTIFY, request
from benchmarks.report import Row, latency, rate
from benchmarks.servers import BROADCAST, LISTEN, Running, running

STREAM = "/notify.v1.NotificationClientService/StreamEvents"
SIZES = (1, 100, 1_000, 5_000)
_EVENTS = 20_000
"""Events per measurement, over all streams."""
_IDLE = 5_000
_LATENCIES = 500


def as_user(user: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer dev:{user}:acme"),)


def notify_to(key: str, user: str) -> bytes:
    """A Notify request for one user."""
    one = request(0)
    one.notification_id = key
    one.user_ids[:] = [user]
    return one.SerializeToString()


def _event() -> bytes:
    """What a bare server sends: as many bytes as a notification event has."""
    one = request(0)
    event = client_pb.StreamEvent(session_id="x" * 36, cursor="x" * 16, unread_count=1)
    notification = event.notification.notification
    notification.id = "x" * 36
    notification.notification_id, notification.title, notification.body = one.notification_id, one.title, one.body
    notification.created_at_ms = notification.delivered_at_ms = 2**40
    return event.SerializeToString()


async def measure() -> list[Row]:
    rows = []
    for size in SIZES:
        bare = await _events_per_second(size, service=False)
        rows.append(
            rate(
                f"events to {size:,} streams of one user",
                await _events_per_second(size, service=True),
                "events/s",
                bare,
            )
        )
        print(rows[-1], flush=True)
    rows += await _memory()
    rows += await _latencies()
    return rows


async def _events_per_second(size: int, *, service: bool) -> float:
    rounds = max(_EVENTS // size, 5)
    kind = "service" if service else "bare"
    async with running(kind, live_max_sessions_per_user=10_000) as server, channel(server.internal) as sender:
        streams = Streams()
        send: Any
        if service:
            await streams.open(server.client, STREAM, [b""] * size, [as_user("ada")] * size, skip=2)
            send = sender.unary_unary(NOTIFY)
            payloads = [notify_to(f"n{i}", "ada") for i in range(rounds)]
        else:
            await streams.open(server.client, LISTEN, [b""] * size, [()] * size, skip=1)
            send = sender.unary_unary(BROADCAST)
            payloads = [_event()] * rounds
        started = time.perf_counter()
        for sent, payload in enumerate(payloads, 1):
            await send(payload)
            await streams.until(sent * size)
        elapsed = time.perf_counter() - started
        await streams.close()
    return rounds * size / elapsed


async def _memory() -> list[Row]:
    async with running("bare") as bare:
        floor = await _kib_per_stream(bare, LISTEN, [()] * _IDLE, skip=1)
    async with running("service") as service:
        metadata = [as_user(f"u{i}") for i in range(_IDLE)]
        ours = await _kib_per_stream(service, STREAM, metadata, skip=2)
    return [latency(f"memory per idle session, {_IDLE:,} users", ours, "KiB", floor)]


async def _kib_per_stream(server: Running, path: str, metadata: list[tuple[tuple[str, str], ...]], skip: int) -> float:
    before = server.resident_kib()
    streams = Streams()
    await streams.open(server.client, path, [b""] * _IDLE, metadata, skip)
    grown = server.resident_kib() - before
    await streams.close()
    return grown / _IDLE


async def _latencies() -> list[Row]:
    """One after the other, to one user among 1,000 idle ones; the bare server has one stream."""
    async with running("bare") as bare, channel(bare.internal) as sender:
        send: Any = sender.unary_unary(BROADCAST)
        floor = await _times(bare, LISTEN, [()], 1, send, [_event()] * _LATENCIES)
    async with running("service") as service, channel(service.internal) as sender:
        metadata = [as_user(f"u{i}") for i in range(1_000)]
        payloads = [notify_to(f"n{i}", "u500") for i in range(_LATENCIES)]
        times = await _times(service, STREAM, metadata, 2, sender.unary_unary(NOTIFY), payloads)
    return [
        latency(f"Notify to stream, p{round(p * 100)}", percentile(times, p) * 1e3, "ms", percentile(floor, p) * 1e3)
        for p in (0.5, 0.99)
    ]


async def _times(
    server: Running,
    path: str,
    metadata: list[tuple[tuple[str, str], ...]],
    skip: int,
    send: Any,
    payloads: list[bytes],
) -> list[float]:
    streams = Streams()
    await streams.open(server.client, path, [b""] * len(metadata), metadata, skip)
    times = []
    for sent, payload in enumerate(payloads, 1):
        started = time.perf_counter()
        call = asyncio.ensure_future(send(payload))
        await streams.until(sent)
        times.append(time.perf_counter() - started)
        await call
    await streams.close()
    return times
