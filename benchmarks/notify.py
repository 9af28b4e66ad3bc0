"""Notify through the RPC on the memory store, against an echo of the same messages; NotifyStream against Notify."""

from __future__ import annotations

import itertools
from typing import Any

from notify.v1 import internal_service_pb2 as pb

from benchmarks.load import Call, calls_per_second, channel
from benchmarks.report import Row, rate
from benchmarks.servers import ECHO, running

NOTIFY = "/notify.v1.NotificationInternalService/Notify"
NOTIFY_STREAM = "/notify.v1.NotificationInternalService/NotifyStream"
_SECONDS = 2.0
_ROUNDS = 3
_IN_FLIGHT = 64
_BATCH = 100


def request(number: int) -> pb.NotifyRequest:
    """One recipient, a short message."""
    return pb.NotifyRequest(
        tenant_id="acme",
        notification_id=f"n-{number}",
        user_ids=[f"u-{number % 10_000}"],
        title="Your order has shipped",
        body="It arrives on Tuesday between 10 and 12.",
    )


async def measure() -> list[Row]:
    """Rounds alternate, so that what else the machine does falls on both; the best of each counts."""
    numbers = itertools.count()
    async with (
        running("bare") as bare,
        running("service") as service,
        channel(bare.internal) as echo_channel,
        channel(service.internal) as service_channel,
    ):
        echo: Any = echo_channel.unary_unary(ECHO)
        notify: Any = service_channel.unary_unary(NOTIFY)

        async def call_echo() -> None:
            await echo(request(next(numbers)).SerializeToString())

        async def call_notify() -> None:
            await notify(request(next(numbers)).SerializeToString())

        echoes, notifies = await _alternate(call_echo, call_notify)
        stream: Any = service_channel.stream_stream(NOTIFY_STREAM)()

        async def call_stream() -> None:
            batch = pb.NotifyStreamRequest(requests=[request(next(numbers)) for _ in range(_BATCH)])
            await stream.write(batch.SerializeToString())
            await stream.read()

        bulk = await calls_per_second(call_stream, seconds=_SECONDS, in_flight=1) * _BATCH
    return [
        rate("Notify to one user, memory store", notifies, "calls/s", echoes),
        rate("NotifyStream, batches of 100, against Notify", bulk, "requests/s", notifies),
    ]


async def _alternate(one: Call, other: Call) -> tuple[float, float]:
    best = [0.0, 0.0]
    for _ in range(_ROUNDS):
        for i, call in enumerate((one, other)):
            best[i] = max(best[i], await calls_per_second(call, seconds=_SECONDS, in_flight=_IN_FLIGHT))
    return best[0], best[1]
