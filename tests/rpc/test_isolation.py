"""FAULTS 32: what belongs to another user or tenant is exactly as what does not exist."""

from __future__ import annotations

import grpc
import pytest
from notify.v1 import client_service_pb2 as pb
from notify.v1 import internal_service_pb2 as internal_pb
from notify.v1 import notification_pb2 as notification_pb

from tests.rpc.service import PRODUCER, Metadata, Service, as_user, notice, read_until, refusal
from tests.support.waiting import eventually

ANN = as_user("ann")
STRANGER_NAMES = [("ben", "acme"), ("ann", "other"), ("acme", "ann"), ("Ann", "acme")]
STRANGERS = [as_user(*names) for names in STRANGER_NAMES]
ABSENT_ID = "00000000-0000-7000-8000-000000000000"


async def refused_as(service: Service, id: str, metadata: Metadata) -> tuple[grpc.StatusCode, str | None]:
    error = await refusal(service.client.AckNotification(pb.AckNotificationRequest(id=id), metadata=metadata))
    return error.code(), error.details()


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_strangers_ack_is_as_one_of_nothing(service: Service, stranger: Metadata) -> None:
    await service.notify("n", "ann")
    [item] = (await service.inbox("ann")).notifications
    probe = await refused_as(service, item.id, stranger)
    assert probe == await refused_as(service, ABSENT_ID, stranger)
    assert probe[0] is grpc.StatusCode.NOT_FOUND
    assert (await service.inbox("ann")).unread_count == 1


@pytest.mark.parametrize("id", ["nonsense", "'; DROP TABLE x; --", "x" * 10_000, "acme\0ann"])
async def test_an_id_that_is_none_is_not_found(service: Service, id: str) -> None:
    assert (await refused_as(service, id, ANN))[0] is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_strangers_cursor_opens_only_their_own_inbox(service: Service, stranger: Metadata) -> None:
    for i in range(3):
        await service.notify(f"n{i}", "ann")
    cursor = (await service.inbox("ann", limit=1)).next_cursor
    page = await service.client.GetNotifications(pb.GetNotificationsRequest(cursor=cursor), metadata=stranger)
    assert page == pb.GetNotificationsResponse()


@pytest.mark.parametrize(("user", "tenant"), STRANGER_NAMES)
async def test_a_strangers_stream_shows_only_their_own(service: Service, user: str, tenant: str) -> None:
    anns, events = await service.listen(ANN)
    await service.notify("secret", "ann")
    await read_until(anns, "notification")
    theirs, seen = await service.listen(as_user(user, tenant), resume_after=events[-1].cursor)
    assert not [e for e in seen if e.HasField("notification")]
    await service.notify("secret-2", "ann")
    await service.internal.Notify(notice("own", user, tenant=tenant), metadata=PRODUCER)
    [first] = await read_until(theirs, "notification")
    assert first.notification.notification.notification_id == "own"
    anns.cancel()
    theirs.cancel()


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_stranger_cannot_act_on_a_session(service: Service, stranger: Metadata) -> None:
    stream, [hello, _] = await service.listen(ANN)
    error = await refusal(
        service.client.RefreshStream(pb.RefreshStreamRequest(session_id=hello.session_id), metadata=stranger)
    )
    assert error.code() is grpc.StatusCode.NOT_FOUND
    change = internal_pb.PublishDataChangeRequest(tenant_id="acme", user_ids=["ann"], idempotency_key="k")
    await service.internal.PublishDataChange(change, metadata=PRODUCER)
    ack = pb.AckDataChangeRequest(idempotency_key="k", session_id=hello.session_id)
    assert await service.client.AckDataChange(ack, metadata=stranger) == pb.AckDataChangeResponse()
    [live] = service.notifier.sessions.live_sessions()
    kept = service.notifier.sessions.find(live.session_id, live.user)
    assert kept is not None
    assert kept.data_changes
    stream.cancel()


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_stranger_cannot_forget_a_device(service: Service, stranger: Metadata) -> None:
    android = notification_pb.DEVICE_TYPE_ANDROID
    register = pb.RegisterPushTokenRequest(device_type=android, token="t", device_id="d")
    await service.client.RegisterPushToken(register, metadata=ANN)
    forget = pb.UnregisterPushTokenRequest(device_type=android, device_id="d")
    await service.client.UnregisterPushToken(forget, metadata=stranger)
    assert (await service.store.list_devices("acme", ["ann"]))["ann"]


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_stranger_reads_only_their_own(service: Service, stranger: Metadata) -> None:
    await service.notify("n", "ann")
    assert (await service.client.MarkAllRead(pb.MarkAllReadRequest(), metadata=stranger)).marked == 0
    assert (await service.inbox("ann")).unread_count == 1


async def test_the_same_ids_in_two_tenants_are_two_notifications(service: Service) -> None:
    await service.notify("n", "ann", title="ours")
    response = await service.internal.Notify(notice("n", "ann", tenant="other", title="theirs"), metadata=PRODUCER)
    assert response.duplicates == 0
    assert [n.title for n in (await service.inbox("ann")).notifications] == ["ours"]
    assert [n.title for n in (await service.inbox("ann", tenant="other")).notifications] == ["theirs"]


async def test_another_tenants_notification_has_no_status(service: Service) -> None:
    await service.notify("n", "ann")
    request = internal_pb.GetNotificationStatusRequest(tenant_id="other", notification_id="n")
    error = await refusal(service.internal.GetNotificationStatus(request, metadata=PRODUCER))
    assert error.code() is grpc.StatusCode.NOT_FOUND


async def test_ids_that_join_to_the_same_text_do_not_collide(service: Service) -> None:
    for tenant, user in (("a:b", "c"), ("a", "b:c"), ("a\x1fb", "c"), ("a", "b\x1fc")):
        await service.internal.Notify(notice(f"{tenant}+{user}", user, tenant=tenant), metadata=PRODUCER)
    request = internal_pb.GetNotificationStatusRequest(tenant_id="a", notification_id="a+b:c")
    [status] = (await service.internal.GetNotificationStatus(request, metadata=PRODUCER)).recipients
    assert status.user_id == "b:c"
    request = internal_pb.GetNotificationStatusRequest(tenant_id="a:b", notification_id="a+b:c")
    error = await refusal(service.internal.GetNotificationStatus(request, metadata=PRODUCER))
    assert error.code() is grpc.StatusCode.NOT_FOUND


async def test_a_users_streams_end_with_their_erasure_told(service: Service) -> None:
    await service.notify("n", "ann")
    stream, _ = await service.listen(ANN)
    erase = internal_pb.EraseUserRequest(tenant_id="acme", user_id="ann")
    await service.internal.EraseUser(erase, metadata=PRODUCER)
    events = await read_until(stream, "resync")
    assert events[-1].unread_count == 0
    stream.cancel()
    await eventually(lambda: len(service.notifier.sessions) == 0)
