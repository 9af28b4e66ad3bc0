"""A stream goes on where it stopped, whatever happens to its connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import grpc
import pytest
from grpc import StatusCode
from notify.v1 import client_service_pb2 as pb
from opentelemetry import context, trace

from notify_grpc.client import InboxClient, Reconnects
from notify_grpc.client.live import LiveStream
from notify_grpc.domain.errors import (
    InvalidArgument,
    NotifyError,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
    Unimplemented,
)
from tests.support.ports import free_port
from tests.unit.client.scripted import (
    HANG,
    Said,
    ScriptedInbox,
    auth_expiring,
    heartbeat,
    notification,
    reconnect,
    serving,
)


class RecordedClock:
    """Sleeps no time and remembers for how long it was asked to."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now_ms(self) -> int:
        return 0

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Longest(Random):
    """Jitter at its upper end."""

    def uniform(self, a: float, b: float) -> float:
        return b


Connect = Callable[..., Awaitable[tuple[ScriptedInbox, InboxClient]]]


@pytest.fixture
def clock() -> RecordedClock:
    return RecordedClock()


@pytest.fixture
async def connect(clock: RecordedClock) -> AsyncIterator[Connect]:
    async with AsyncExitStack() as stack:

        async def start(*calls: list[Said], token: Any = "t", **options: Any) -> tuple[ScriptedInbox, InboxClient]:
            servicer = ScriptedInbox(*calls)
            address = await stack.enter_async_context(serving(servicer))
            reconnects = Reconnects(first_s=1.0, longest_s=4.0, random=Longest(), **options)
            client = InboxClient(address, token=token, reconnects=reconnects, clock=clock)
            return servicer, await stack.enter_async_context(client)

        yield start


async def take(stream: AsyncIterator[pb.StreamEvent], count: int) -> list[str]:
    """The cursors of the next ``count`` events."""
    return [(await asyncio.wait_for(anext(stream), 10)).cursor for _ in range(count)]


async def test_resumes_after_the_last_event(connect: Connect) -> None:
    server, client = await connect(
        [notification("1:1"), notification("1:2"), StatusCode.UNAVAILABLE], [notification("1:3"), HANG]
    )
    assert await take(client.stream(resume_after="1:0"), 3) == ["1:1", "1:2", "1:3"]
    assert server.resumed_after == ["1:0", "1:2"]


@pytest.mark.parametrize(
    "ending", [[], [StatusCode.UNAVAILABLE], [StatusCode.INTERNAL], [StatusCode.RESOURCE_EXHAUSTED]]
)
async def test_any_passing_end_is_resumed(connect: Connect, ending: list[Said]) -> None:
    server, client = await connect([notification("1:1"), *ending], [notification("1:2"), HANG])
    assert await take(client.stream(), 2) == ["1:1", "1:2"]
    assert server.resumed_after == ["", "1:1"]


async def test_every_event_with_a_cursor_moves_it(connect: Connect) -> None:
    caught_up = pb.StreamEvent(caught_up=pb.CaughtUpEvent(), cursor="1:7")
    server, client = await connect([heartbeat(), caught_up, heartbeat(), StatusCode.UNAVAILABLE], [notification("1:8")])
    assert await take(client.stream(), 4) == ["", "1:7", "", "1:8"]
    assert server.resumed_after == ["", "1:7"]


async def test_an_event_sent_again_is_told_once(connect: Connect) -> None:
    _, client = await connect([notification("1:1"), StatusCode.UNAVAILABLE], [notification("1:1"), notification("1:2")])
    assert await take(client.stream(), 2) == ["1:1", "1:2"]


async def test_resync_is_told_and_moves_the_cursor(connect: Connect) -> None:
    resync = pb.StreamEvent(resync=pb.ResyncEvent(reason=pb.RESYNC_REASON_EXPIRED), cursor="2:9")
    server, client = await connect([resync, StatusCode.UNAVAILABLE], [notification("2:10")])
    stream = client.stream(resume_after="1:1")
    assert (await anext(stream)).resync.reason == pb.RESYNC_REASON_EXPIRED
    assert await take(stream, 1) == ["2:10"]
    assert server.resumed_after == ["1:1", "2:9"]


async def test_waits_as_long_as_the_server_asks(connect: Connect, clock: RecordedClock) -> None:
    _, client = await connect([reconnect(1_500), StatusCode.UNAVAILABLE], [notification("1:1")])
    assert await take(client.stream(), 1) == ["1:1"]
    assert clock.slept == [1.5]


async def test_backs_off_and_begins_anew_after_success(connect: Connect, clock: RecordedClock) -> None:
    refused: list[Said] = [StatusCode.INTERNAL]
    _, client = await connect(*[refused] * 4, [notification("1:1"), StatusCode.INTERNAL], [notification("1:2")])
    assert await take(client.stream(), 2) == ["1:1", "1:2"]
    assert clock.slept == [1.0, 2.0, 4.0, 4.0, 1.0]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (StatusCode.UNAUTHENTICATED, Unauthenticated),
        (StatusCode.PERMISSION_DENIED, PermissionDenied),
        (StatusCode.INVALID_ARGUMENT, InvalidArgument),
        (StatusCode.UNIMPLEMENTED, Unimplemented),
    ],
)
async def test_ends_where_trying_again_is_no_use(
    connect: Connect, clock: RecordedClock, status: grpc.StatusCode, error: type[NotifyError]
) -> None:
    _, client = await connect([status])
    with pytest.raises(error, match="as scripted"):
        await take(client.stream(), 1)
    assert clock.slept == []


async def test_silence_is_a_dead_connection(connect: Connect) -> None:
    server, client = await connect([notification("1:1"), HANG], [notification("1:2"), HANG], silence_s=0.2)
    assert await take(client.stream(), 2) == ["1:1", "1:2"]
    assert server.resumed_after == ["", "1:1"]


async def test_each_connection_asks_for_a_fresh_token(connect: Connect) -> None:
    fresh = iter(["first", "second"])

    async def provider() -> str:
        return next(fresh)

    server, client = await connect(
        [notification("1:1"), StatusCode.UNAUTHENTICATED], [notification("1:2")], token=provider
    )
    assert await take(client.stream(), 2) == ["1:1", "1:2"]
    assert server.tokens == ["Bearer first", "Bearer second"]


async def test_a_provider_may_be_unavailable_for_a_while(connect: Connect, clock: RecordedClock) -> None:
    answers: list[str | None] = [None, "good"]

    def provider() -> str:
        answer = answers.pop(0)
        if answer is None:
            raise Unavailable("the token service is down")
        return answer

    server, client = await connect([notification("1:1")], token=provider)
    assert await take(client.stream(), 1) == ["1:1"]
    assert (server.tokens, clock.slept) == (["Bearer good"], [1.0])


async def test_an_expiring_token_is_refreshed_on_the_open_stream(connect: Connect) -> None:
    fresh = iter(["first", "second"])
    server, client = await connect([auth_expiring(), notification("1:1"), HANG], token=lambda: next(fresh))
    assert await take(client.stream(), 1) == ["1:1"]
    assert (server.refreshed, server.tokens) == ([("s", "Bearer second")], ["Bearer first"])


async def test_a_fixed_token_is_not_refreshed(connect: Connect) -> None:
    server, client = await connect([auth_expiring(), notification("1:1"), HANG])
    assert await take(client.stream(), 1) == ["1:1"]
    assert server.refreshed == []


async def test_the_callers_trace_goes_with_the_call(connect: Connect) -> None:
    span = trace.NonRecordingSpan(trace.SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=trace.TraceFlags(1)))
    server, client = await connect([notification("1:1"), HANG])
    token = context.attach(trace.set_span_in_context(span))
    try:
        await take(client.stream(), 1)
    finally:
        context.detach(token)
    assert server.metadata["traceparent"] == f"00-{0xABC:032x}-{0xDEF:016x}-01"


async def test_connects_to_a_server_that_comes_later() -> None:
    port, soon = free_port(), Reconnects(first_s=0.05, longest_s=0.1)
    async with InboxClient(f"127.0.0.1:{port}", token="t", reconnects=soon) as client:
        first = asyncio.create_task(take(client.stream(), 1))
        async with serving(ScriptedInbox([notification("1:1"), HANG]), port):
            assert await asyncio.wait_for(first, 20) == ["1:1"]


async def test_a_cancellation_that_meets_an_event_is_not_lost() -> None:
    event, nothing_more = (asyncio.get_running_loop().create_future() for _ in range(2))
    reads = iter([event, nothing_more])

    class Call:
        async def read(self) -> pb.StreamEvent:
            return await next(reads)

    stream = object.__new__(LiveStream)  # only its reading: no connection
    stream._reconnects = Reconnects()

    async def listen() -> None:
        while True:
            await stream._read(Call())

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    event.set_result(pb.StreamEvent())
    await asyncio.sleep(0)

    listening.cancel()

    done, _ = await asyncio.wait([listening], timeout=2)
    assert done
