"""NotifyStream, over the wire."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from notify.v1 import internal_service_pb2 as pb

from notify_grpc.core.commands import NotifyCommand, NotifyResult
from notify_grpc.domain.errors import NotifyError, Unavailable
from notify_grpc.rpc import bulk
from tests.rpc.service import PRODUCER, Service, end_of, notice, running_service
from tests.support.waiting import eventually

Call = grpc.aio.StreamStreamCall[pb.NotifyStreamRequest, pb.NotifyStreamResponse]


def bulk_call(service: Service) -> Call:
    call: Call = service.internal.NotifyStream(metadata=PRODUCER)
    return call


async def answer(call: Call) -> list[pb.NotifyStreamResult]:
    response = await asyncio.wait_for(call.read(), 10)
    assert isinstance(response, pb.NotifyStreamResponse), "the stream ended"
    return list(response.results)


def batch(*requests: pb.NotifyRequest) -> pb.NotifyStreamRequest:
    return pb.NotifyStreamRequest(requests=requests)


async def test_every_message_is_answered_with_one_result_per_request_in_order(service: Service) -> None:
    call = bulk_call(service)
    sizes = [1, 3, 0, 100, 2]
    for number, size in enumerate(sizes):
        users = ["ann", "ben"] if number == 1 else ["ann"]
        await call.write(batch(*(notice(f"{number}-{i}", *users) for i in range(size))))
    await call.done_writing()
    answers = [await answer(call) for _ in sizes]
    assert [len(results) for results in answers] == sizes
    assert [r.response.pending for r in answers[1]] == [2, 2, 2]
    assert await call.read() is grpc.aio.EOF
    assert (await end_of(call))[0] is grpc.StatusCode.OK
    assert (await service.inbox("ann")).unread_count == sum(sizes)


async def test_a_bad_request_gets_its_error_and_the_stream_goes_on(service: Service) -> None:
    call = bulk_call(service)
    unknown_channel = notice("n", "ann", channels=[99])
    requests = [notice("a", "ann"), unknown_channel, notice("", "ann"), notice("b", "ann"), notice("a", "ann")]
    await call.write(batch(*requests))
    good, unknown, unnamed, also_good, repeat = await answer(call)
    assert (good.response.pending, also_good.response.pending, repeat.response.duplicates) == (1, 1, 1)
    for result, field in ((unknown, "channels[0]"), (unnamed, "notification_id")):
        assert result.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
        assert result.error.field == field
        assert result.error.message.startswith(field)
    await call.write(batch(notice("c", "ann")))
    assert [r.response.pending for r in await answer(call)] == [1]
    call.cancel()


async def test_a_malformed_message_ends_the_stream_after_what_came_before(service: Service) -> None:
    method: Any = service.internal_channel.stream_stream("/notify.v1.NotificationInternalService/NotifyStream")
    call = method(metadata=PRODUCER)
    await call.write(batch(notice("a", "ann")).SerializeToString())
    await call.write(b"\xff\xff\xff")
    first = pb.NotifyStreamResponse.FromString(await asyncio.wait_for(call.read(), 10))
    assert first.results[0].response.pending == 1
    code, details = await end_of(call)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert details == "request: is not a valid NotifyStreamRequest message"


class _Held:
    """Stands in for Notifier.notify_many: holds every batch until told, and keeps what it was given."""

    def __init__(self, outcome: NotifyResult | NotifyError) -> None:
        self.batches: list[int] = []
        self.go = asyncio.Event()
        self._outcome = outcome

    async def __call__(
        self, commands: list[NotifyCommand], *, budget_s: float | None = None
    ) -> list[NotifyResult | NotifyError]:
        self.batches.append(len(commands))
        await self.go.wait()
        return [self._outcome] * len(commands)


async def test_messages_that_wait_are_worked_on_together_and_reading_ahead_is_bounded(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = _Held(NotifyResult(pending=1))
    monkeypatch.setattr(service.notifier, "notify_many", held)
    call = bulk_call(service)
    for i in range(40):
        await call.write(batch(notice(f"{i}", "ann")))
    await eventually(lambda: held.batches == [1])
    held.go.set()
    for _ in range(40):
        assert len(await answer(call)) == 1
    assert sum(held.batches) == 40
    assert max(held.batches) <= bulk._READ_AHEAD + 1
    assert len(held.batches) < 20
    call.cancel()


async def test_a_store_that_is_down_is_a_result_of_each_request(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = _Held(Unavailable("the store is down"))
    held.go.set()
    monkeypatch.setattr(service.notifier, "notify_many", held)
    call = bulk_call(service)
    await call.write(batch(notice("a", "ann"), notice("b", "ann")))
    assert [r.error.code for r in await answer(call)] == [grpc.StatusCode.UNAVAILABLE.value[0]] * 2
    call.cancel()


async def test_a_huge_message_reaches_the_core_in_parts(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    held = _Held(NotifyResult(pending=1))
    held.go.set()
    monkeypatch.setattr(service.notifier, "notify_many", held)
    call = bulk_call(service)
    await call.write(batch(*(notice(f"{i}", "ann") for i in range(2_500))))
    assert len(await answer(call)) == 2_500
    assert held.batches == [1_000, 1_000, 500]
    call.cancel()


async def test_a_producer_that_goes_away_leaves_nothing_behind(service: Service) -> None:
    call = bulk_call(service)
    await call.write(batch(notice("a", "ann")))
    await answer(call)
    assert _readers() == 1
    call.cancel()
    await eventually(lambda: _readers() == 0)


async def test_an_idle_producer_keeps_no_shutdown_waiting() -> None:
    async with running_service() as service:
        call = bulk_call(service)
        await call.write(batch(notice("a", "ann")))
        await answer(call)
        await asyncio.wait_for(service.servers.stop(60), 10)
        assert (await end_of(call))[0] is grpc.StatusCode.UNAVAILABLE


async def test_what_was_read_before_a_shutdown_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_service() as service:
        held = _Held(NotifyResult(pending=1))
        monkeypatch.setattr(service.notifier, "notify_many", held)
        call = bulk_call(service)
        await call.write(batch(notice("a", "ann")))
        await eventually(lambda: held.batches)
        health: Any = HealthStub(service.internal_channel)
        watch = health.Watch(health_pb2.HealthCheckRequest())
        await watch.read()
        stopping = asyncio.ensure_future(service.servers.stop(60))
        assert (await end_of(watch))[0] is grpc.StatusCode.UNAVAILABLE
        held.go.set()
        assert [r.response.pending for r in await answer(call)] == [1]
        assert (await end_of(call))[0] is grpc.StatusCode.UNAVAILABLE
        await asyncio.wait_for(stopping, 10)


def _readers() -> int:
    return sum(task.get_name() == "notify-bulk-reader" for task in asyncio.all_tasks())
