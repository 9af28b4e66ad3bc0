"""StreamEvents, over the wire."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from notify.v1 import client_service_pb2 as pb
from notify.v1 import internal_service_pb2 as internal_pb

from notify_grpc.core.realtime.registry import RealtimeSettings
from notify_grpc.domain.models import UserKey
from tests.rpc.service import (
    PRODUCER,
    Service,
    as_user,
    end_of,
    read_until,
    refusal,
    running_service,
    with_settings,
)
from tests.support.clock import ManualClock
from tests.support.waiting import eventually

ANN = as_user("ann")


async def test_a_stream_begins_with_a_heartbeat_that_names_the_session(service: Service) -> None:
    await service.notify("n", "ann")
    stream, (heartbeat, caught_up) = await service.listen(ANN)
    assert heartbeat.WhichOneof("event") == "heartbeat"
    assert heartbeat.session_id
    assert heartbeat.heartbeat.timestamp_ms > 0
    assert heartbeat.unread_count == 1
    assert caught_up.session_id == heartbeat.session_id
    assert caught_up.cursor
    stream.cancel()


async def test_every_session_of_a_user_gets_the_event_under_its_own_id(service: Service) -> None:
    phone, [first, _] = await service.listen(ANN)
    browser, [second, _] = await service.listen(ANN)
    await service.notify("n", "ann", title="hello", body="😀")
    [on_phone] = await read_until(phone, "notification")
    [in_browser] = await read_until(browser, "notification")
    assert (on_phone.session_id, in_browser.session_id) == (first.session_id, second.session_id)
    assert first.session_id != second.session_id
    assert on_phone.notification == in_browser.notification
    assert on_phone.notification.notification.body == "😀"
    assert (on_phone.cursor, on_phone.unread_count) == (in_browser.cursor, 1)
    phone.cancel()
    browser.cancel()


async def test_a_stream_resumes_without_a_hole(service: Service) -> None:
    stream, events = await service.listen(ANN)
    stream.cancel()
    for i in range(120):
        await service.notify(f"missed-{i}", "ann")
    stream, events = await service.listen(ANN, resume_after=events[-1].cursor)
    ids = [e.notification.notification.notification_id for e in events if e.HasField("notification")]
    assert ids == [f"missed-{i}" for i in range(120)]
    await service.notify("live", "ann")
    [live] = await read_until(stream, "notification")
    assert live.notification.notification.notification_id == "live"
    stream.cancel()


async def test_read_on_one_device_shows_on_the_others(service: Service) -> None:
    await service.notify("n", "ann")
    stream, _ = await service.listen(ANN)
    [item] = (await service.inbox("ann")).notifications
    await service.client.AckNotification(pb.AckNotificationRequest(id=item.id), metadata=ANN)
    [event] = await read_until(stream, "notification")
    assert event.notification.notification.read_at_ms > 0
    assert event.unread_count == 0
    stream.cancel()


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [("abc:0", pb.RESYNC_REASON_FOREIGN_EPOCH), ("0:5", pb.RESYNC_REASON_FOREIGN_EPOCH), ("", None)],
)
async def test_a_cursor_of_another_life_gets_resync(service: Service, cursor: str, reason: int | None) -> None:
    await service.notify("n", "ann")
    stream, events = await service.listen(ANN, resume_after=cursor)
    resyncs = [e.resync.reason for e in events if e.HasField("resync")]
    assert resyncs == ([reason] if reason else [])
    await service.notify("live", "ann")
    assert await read_until(stream, "notification")
    stream.cancel()


async def test_a_cursor_from_the_future_gets_resync(service: Service) -> None:
    await service.notify("n", "ann")
    stream, events = await service.listen(ANN)
    stream.cancel()
    epoch = events[-1].cursor.split(":")[0]
    stream, events = await service.listen(ANN, resume_after=f"{epoch}:99")
    assert [e.resync.reason for e in events if e.HasField("resync")] == [pb.RESYNC_REASON_FUTURE]
    assert events[1].cursor == f"{epoch}:1"
    assert events[1].unread_count == 1
    stream.cancel()


async def test_a_cursor_older_than_what_is_kept_gets_resync(service: Service) -> None:
    stream, events = await service.listen(ANN)
    stream.cancel()
    for i in range(3):
        await service.notify(f"n{i}", "ann")
    inbox = (await service.store.list_changes(UserKey("acme", "ann"), since=0, limit=1)).inbox
    assert await service.store.prune(2**62, limit=2) == 2
    stream, events = await service.listen(ANN, resume_after=f"{inbox.epoch:x}:1")
    assert [e.resync.reason for e in events if e.HasField("resync")] == [pb.RESYNC_REASON_EXPIRED]
    stream.cancel()


@pytest.mark.parametrize("cursor", ["rubbish", "1:2:3", "-1:0", "x:1", "1:" + "9" * 20, "\N{FULLWIDTH DIGIT ONE}:1"])
async def test_a_cursor_that_is_none_is_refused(service: Service, cursor: str) -> None:
    stream = service.client.StreamEvents(pb.StreamEventsRequest(resume_after=cursor), metadata=ANN)
    code, details = await end_of(stream)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert details.startswith("resume_after: ")


async def test_an_unknown_device_type_is_refused(service: Service) -> None:
    request = pb.StreamEventsRequest(device_type=42)  # type: ignore[arg-type]  # a number from the future
    code, details = await end_of(service.client.StreamEvents(request, metadata=ANN))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert details.startswith("device_type: ")


async def test_a_session_ends_with_its_call(service: Service) -> None:
    stream, _ = await service.listen(ANN)
    assert len(service.notifier.sessions) == 1
    stream.cancel()
    await eventually(lambda: len(service.notifier.sessions) == 0)


async def test_a_data_change_is_sent_and_its_repeats_end_when_acknowledged() -> None:
    clock = ManualClock()
    async with running_service(clock=clock) as service:
        stream, [hello, _] = await service.listen(ANN)
        request = internal_pb.PublishDataChangeRequest(
            tenant_id="acme", user_ids=["ann"], idempotency_key="k", subject_ref="cart/1", subject_type="cart"
        )
        assert (await service.internal.PublishDataChange(request, metadata=PRODUCER)).sessions == 1
        [event] = await read_until(stream, "data_change")
        assert (event.data_change.idempotency_key, event.data_change.subject_ref) == ("k", "cart/1")
        await clock.advance(6)
        [again] = await read_until(stream, "data_change")
        assert again.data_change == event.data_change
        ack = pb.AckDataChangeRequest(idempotency_key="k", session_id=hello.session_id)
        await service.client.AckDataChange(ack, metadata=ANN)
        await clock.advance(60)
        kinds = {e.WhichOneof("event") for e in await read_until(stream, "heartbeat")}
        assert kinds == {"heartbeat"}
        stream.cancel()


async def test_live_connections_can_be_switched_off() -> None:
    async with running_service(settings=with_settings(live=False)) as service:
        stream = service.client.StreamEvents(pb.StreamEventsRequest(), metadata=ANN)
        assert (await end_of(stream))[0] is grpc.StatusCode.UNIMPLEMENTED
        await service.notify("n", "ann")
        assert (await service.inbox("ann")).unread_count == 1


async def test_a_user_may_have_only_so_many_streams() -> None:
    async with running_service(realtime=RealtimeSettings(max_sessions_per_user=2)) as service:
        streams = [(await service.listen(ANN))[0] for _ in range(2)]
        third = service.client.StreamEvents(pb.StreamEventsRequest(), metadata=ANN)
        assert (await end_of(third))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
        bens, _ = await service.listen(as_user("ben"))
        for stream in (*streams, bens):
            stream.cancel()


async def test_refreshing_a_session_that_is_not_there(service: Service) -> None:
    error = await refusal(service.client.RefreshStream(pb.RefreshStreamRequest(session_id="gone"), metadata=ANN))
    assert error.code() is grpc.StatusCode.NOT_FOUND


async def test_a_thousand_sessions_reconnect_at_once(service: Service) -> None:
    """FAULTS 20: all resume where they were, and nothing is left of those that ended."""
    users = [f"user-{i}" for i in range(1_000)]

    async def listen(user: str, cursor: str) -> tuple[str, list[str]]:
        stream, events = await service.listen(as_user(user), resume_after=cursor)
        stream.cancel()
        return events[-1].cursor, [e.notification.notification.notification_id for e in events if e.cursor]

    cursors = [cursor for cursor, _ in await asyncio.gather(*(listen(user, "") for user in users))]
    await service.notify("first", *users)
    await service.notify("second", *users)
    resumed = await asyncio.gather(*(listen(*place) for place in zip(users, cursors, strict=True)))
    assert all(ids == ["first", "second", ""] for _, ids in resumed)
    await eventually(lambda: len(service.notifier.sessions) == 0)
