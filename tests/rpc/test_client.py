"""notify_grpc.client against real servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from notify_grpc.client import (
    DeviceType,
    InboxClient,
    NotifyClient,
    NotifyRequest,
    Reconnects,
    StreamEvent,
)
from notify_grpc.core.realtime.registry import RealtimeSettings
from notify_grpc.domain.errors import InvalidArgument, NotFound, Unauthenticated, Unavailable, Unimplemented
from notify_grpc.domain.models import UserKey
from tests.rpc.service import TOKEN, Service, notice, running_service, with_settings
from tests.support.waiting import eventually

QUICK = Reconnects(first_s=0.01, longest_s=0.1)


@asynccontextmanager
async def clients(service: Service, user: str = "ada") -> AsyncIterator[tuple[NotifyClient, InboxClient]]:
    ports = service.servers.ports
    async with (
        NotifyClient(f"127.0.0.1:{ports.internal}", token=TOKEN) as producer,
        InboxClient(f"127.0.0.1:{ports.client}", token=f"dev:{user}:acme", reconnects=QUICK) as inbox,
    ):
        yield producer, inbox


@pytest.fixture
async def both(service: Service) -> AsyncIterator[tuple[NotifyClient, InboxClient]]:
    async with clients(service) as pair:
        yield pair


Both = tuple[NotifyClient, InboxClient]


async def until(events: AsyncIterator[StreamEvent], kind: str) -> StreamEvent:
    async with asyncio.timeout(10):
        async for event in events:
            if event.WhichOneof("event") == kind:
                return event
    raise AssertionError("the stream ended")


async def test_a_notification_from_producer_to_reader(both: Both) -> None:
    producer, inbox = both
    events = inbox.stream(device_type=DeviceType.DEVICE_TYPE_BROWSER)
    await until(events, "caught_up")
    response = await producer.notify(notice("n1", "ada", title="Hi"))
    assert (response.delivered, response.pending) == (1, 0)

    new = await until(events, "notification")
    assert (new.notification.notification.title, new.unread_count) == ("Hi", 1)
    await inbox.ack(new.notification.notification.id)
    read = await until(events, "notification")
    assert (read.notification.notification.read_at_ms > 0, read.unread_count) == (True, 0)
    [item] = (await inbox.page()).notifications
    assert item.id == new.notification.notification.id
    await events.aclose()


async def test_the_whole_inbox_over_its_pages(both: Both) -> None:
    producer, inbox = both
    for i in range(25):
        await producer.notify(notice(f"n{i}", "ada"))
    found = [n.notification_id async for n in inbox.notifications(page_size=10)]
    assert found == [f"n{i}" for i in reversed(range(25))]
    assert await inbox.mark_all_read() == 25
    assert [n async for n in inbox.notifications(unread_only=True)] == []


async def test_errors_have_types_and_name_the_field(both: Both, service: Service) -> None:
    producer, inbox = both
    with pytest.raises(InvalidArgument) as wrong:
        await producer.notify(NotifyRequest(tenant_id="acme", user_ids=["ada"]))
    assert wrong.value.field == "notification_id"
    with pytest.raises(NotFound):
        await inbox.ack("019ad7c1-0000-7000-8000-000000000000")
    with pytest.raises(NotFound):
        await producer.retry("019ad7c1-0000-7000-8000-000000000000")
    async with NotifyClient(f"127.0.0.1:{service.servers.ports.internal}", token="wrong") as stranger:
        with pytest.raises(Unauthenticated):
            await stranger.notify(notice("n1", "ada"))


async def test_a_stream_that_cannot_be_ends(service: Service) -> None:
    async with InboxClient(f"127.0.0.1:{service.servers.ports.client}", token="no token") as stranger:
        with pytest.raises(Unauthenticated):
            await until(stranger.stream(), "caught_up")
    async with running_service(settings=with_settings(live=False)) as quiet, clients(quiet) as (_, inbox):
        with pytest.raises(Unimplemented):
            await until(inbox.stream(), "caught_up")


async def test_a_stream_goes_on_over_ends_of_connections() -> None:
    async with running_service(realtime=RealtimeSettings(max_lifetime_s=0.2, reconnect_spread_s=0.0)) as service:
        ends: list[object] = []
        async with clients(service) as (producer, inbox):
            events = inbox.stream(on_lost=ends.append)
            await until(events, "caught_up")
            for i in range(3):
                await eventually(lambda: len(service.notifier.sessions), timeout=10)
                await producer.notify(notice(f"n{i}", "ada"))
                event = await until(events, "notification")
                assert event.notification.notification.notification_id == f"n{i}"
                assert (await until(events, "caught_up")).unread_count == i + 1
            await events.aclose()
    assert len(ends) >= 3


async def test_bulk_answers_every_request_in_order(both: Both) -> None:
    producer, inbox = both

    def requests() -> Iterator[NotifyRequest]:
        for i in range(1_000):
            yield notice(f"n{i}", "ada" if i % 100 else "")

    results = [result async for result in producer.notify_stream(requests())]
    refused = [i for i, result in enumerate(results) if result.WhichOneof("outcome") == "error"]
    assert (len(results), refused) == (1_000, list(range(0, 1_000, 100)))
    assert results[100].error.field == "user_ids[0]"
    assert (await inbox.page()).unread_count == 990


async def test_bulk_from_a_source_that_fails_answers_what_came_before(both: Both) -> None:
    producer, inbox = both

    async def requests() -> AsyncIterator[NotifyRequest]:
        for i in range(150):
            yield notice(f"n{i}", "ada")
        raise LookupError("the source broke")

    results = producer.notify_stream(requests())
    answered = [await anext(results) for _ in range(150)]
    with pytest.raises(LookupError):
        await anext(results)
    assert (len(answered), (await inbox.page()).unread_count) == (150, 150)


async def test_bulk_against_a_server_that_stops_is_unavailable() -> None:
    """Whatever the write meets (grpc/grpc#36066), and what was answered is stored."""
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running_service())
        producer, _ = await stack.enter_async_context(clients(service))
        answered = 0

        async def requests() -> AsyncIterator[NotifyRequest]:
            number = 0
            while True:
                yield notice(f"n{number}", "ada")
                number += 1
                await asyncio.sleep(0)

        async def produce() -> None:
            nonlocal answered
            async for _ in producer.notify_stream(requests(), batch=10):
                answered += 1

        producing = asyncio.create_task(produce())
        await eventually(lambda: answered > 100, timeout=20)
        await service.servers.stop(5)
        with pytest.raises(Unavailable):
            await asyncio.wait_for(producing, 10)
        stored = [n async for n in _all_of(service)]
        assert len(stored) >= answered
        assert set(stored) >= {f"n{i}" for i in range(answered)}


async def _all_of(service: Service) -> AsyncIterator[str]:
    changes = await service.store.list_changes(UserKey("acme", "ada"), since=0, limit=1_000_000)
    for notification in changes.notifications:
        yield notification.notification_id


async def test_bulk_may_be_left_early(both: Both) -> None:
    producer, _ = both
    results = producer.notify_stream(notice(f"n{i}", "ada") for i in range(10_000))
    assert (await anext(results)).response.pending == 1
    await results.aclose()
    assert (await producer.notify(notice("n0", "ada"))).duplicates == 1


async def test_status_presence_and_erasure(both: Both) -> None:
    producer, inbox = both
    users = [f"u{i:03}" for i in range(150)]
    await producer.notify(notice("n1", *users))
    assert [r.user_id async for r in producer.get_status("acme", "n1")] == users
    [one] = [r async for r in producer.get_status("acme", "n1", user_ids=["u007"])]
    assert one.notification.notification_id == "n1"
    assert [d async for d in producer.deliveries()] == []

    events = inbox.stream()
    await until(events, "caught_up")
    assert [p.online for p in await producer.presence("acme", ["ada", "u007"])] == [True, False]
    await events.aclose()
    assert (await producer.erase("acme", "u007")).notifications == 1
    with pytest.raises(NotFound):
        _ = [r async for r in producer.get_status("acme", "n1", user_ids=["u007"])]


async def test_a_data_change_is_told_until_it_is_acknowledged() -> None:
    often = RealtimeSettings(retry_interval_s=0.1, retry_max_attempts=1_000)
    async with running_service(realtime=often) as service, clients(service) as (producer, inbox):
        events = inbox.stream()
        await until(events, "caught_up")
        assert await producer.publish_data_change("acme", ["ada"], "k1", subject_ref="42") == 1
        first = await until(events, "data_change")
        assert (first.data_change.subject_ref, first.session_id != "") == ("42", True)
        again = await until(events, "data_change")
        assert again.data_change == first.data_change
        await inbox.ack_data_change(again)
        assert await producer.publish_data_change("acme", ["ada"], "k2") == 1
        while (event := await until(events, "data_change")).data_change.idempotency_key == "k1":
            pass  # on its way before the acknowledgement
        assert event.data_change.idempotency_key == "k2"
        await events.aclose()


async def test_devices_come_and_go(both: Both, service: Service) -> None:
    _, inbox = both

    async def devices() -> list[str]:
        found = await service.store.list_devices("acme", ["ada"])
        return [d.device_id for d in found.get("ada", ())]

    await inbox.register_device(DeviceType.DEVICE_TYPE_ANDROID, "token-1", device_id="phone")
    await inbox.register_device(DeviceType.DEVICE_TYPE_ANDROID, "token-2", device_id="tablet")
    assert sorted(await devices()) == ["phone", "tablet"]
    await inbox.unregister_device(DeviceType.DEVICE_TYPE_ANDROID, device_id="phone")
    assert await devices() == ["tablet"]
