"""What recipients do with their inbox, over the wire."""

from __future__ import annotations

import grpc
import pytest
from notify.v1 import client_service_pb2 as pb
from notify.v1 import notification_pb2 as notification_pb

from notify_grpc.domain.models import DeviceType
from tests.rpc.service import Service, as_user, refusal

ANN = as_user("ann")


async def test_a_notification_arrives_with_all_its_fields(service: Service) -> None:
    await service.notify(
        "order-1",
        "ann",
        title="Shipped",
        body="On its way",
        subject_ref="order/1",
        subject_type="order",
        data={"k": "v"},
    )
    [item] = (await service.inbox("ann")).notifications
    assert (item.notification_id, item.title, item.body) == ("order-1", "Shipped", "On its way")
    assert (item.subject_ref, item.subject_type, dict(item.data)) == ("order/1", "order", {"k": "v"})
    assert item.channel == notification_pb.DELIVERY_CHANNEL_IN_APP
    assert item.status == notification_pb.DELIVERY_STATUS_PENDING
    assert item.created_at_ms > 0
    assert (item.delivered_at_ms, item.ack_at_ms, item.read_at_ms) == (0, 0, 0)


async def test_pages_are_newest_first_and_the_cursor_leads_through_all(service: Service) -> None:
    for i in range(7):
        await service.notify(f"n{i}", "ann")
    seen, cursor = [], ""
    for expected_size in (3, 3, 1):
        page = await service.inbox("ann", limit=3, cursor=cursor)
        assert len(page.notifications) == expected_size
        assert page.unread_count == 7
        seen += [n.notification_id for n in page.notifications]
        cursor = page.next_cursor
    assert seen == [f"n{i}" for i in reversed(range(7))]
    assert cursor == ""


async def test_a_page_has_20_unless_asked_and_never_more_than_100(service: Service) -> None:
    for i in range(101):
        await service.notify(f"n{i}", "ann")
    assert len((await service.inbox("ann")).notifications) == 20
    assert len((await service.inbox("ann", limit=1_000)).notifications) == 100


async def test_an_acknowledged_notification_is_read_once(service: Service) -> None:
    await service.notify("n", "ann", title="t")
    [item] = (await service.inbox("ann")).notifications
    await service.client.AckNotification(pb.AckNotificationRequest(id=item.id), metadata=ANN)
    page = await service.inbox("ann")
    [read] = page.notifications
    assert read.status == notification_pb.DELIVERY_STATUS_READ
    assert read.read_at_ms == read.ack_at_ms > 0
    assert page.unread_count == 0
    await service.client.AckNotification(pb.AckNotificationRequest(id=item.id), metadata=ANN)
    assert (await service.inbox("ann")).notifications[0].read_at_ms == read.read_at_ms


async def test_only_unread_ones_when_asked(service: Service) -> None:
    for i in range(3):
        await service.notify(f"n{i}", "ann")
    newest = (await service.inbox("ann", limit=1)).notifications[0]
    await service.client.AckNotification(pb.AckNotificationRequest(id=newest.id), metadata=ANN)
    page = await service.inbox("ann", unread_only=True)
    assert [n.notification_id for n in page.notifications] == ["n1", "n0"]
    assert page.unread_count == 2


async def test_everything_can_be_marked_read(service: Service) -> None:
    for i in range(3):
        await service.notify(f"n{i}", "ann", "ben")
    marked = await service.client.MarkAllRead(pb.MarkAllReadRequest(), metadata=ANN)
    assert marked.marked == 3
    assert (await service.inbox("ann")).unread_count == 0
    assert (await service.inbox("ben")).unread_count == 3
    assert (await service.client.MarkAllRead(pb.MarkAllReadRequest(), metadata=ANN)).marked == 0


async def test_push_tokens_are_registered_replaced_and_forgotten(service: Service) -> None:
    async def tokens() -> list[tuple[DeviceType, str, str]]:
        devices = (await service.store.list_devices("acme", ["ann"])).get("ann", ())
        return [(d.device_type, d.device_id, d.token) for d in devices]

    for token, device_id in (("first", ""), ("second", ""), ("tablet", "t1")):
        await service.client.RegisterPushToken(
            pb.RegisterPushTokenRequest(
                device_type=notification_pb.DEVICE_TYPE_ANDROID, token=token, device_id=device_id
            ),
            metadata=ANN,
        )
    assert await tokens() == [(DeviceType.ANDROID, "", "second"), (DeviceType.ANDROID, "t1", "tablet")]
    for _ in range(2):
        await service.client.UnregisterPushToken(
            pb.UnregisterPushTokenRequest(device_type=notification_pb.DEVICE_TYPE_ANDROID, device_id="t1"),
            metadata=ANN,
        )
    assert await tokens() == [(DeviceType.ANDROID, "", "second")]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.GetNotificationsRequest(cursor="rubbish"), "cursor"),
        (pb.GetNotificationsRequest(cursor="p0"), "cursor"),
        (pb.GetNotificationsRequest(limit=-1), "limit"),
    ],
)
async def test_a_page_nobody_can_give(service: Service, request_: pb.GetNotificationsRequest, field: str) -> None:
    error = await refusal(service.client.GetNotifications(request_, metadata=ANN))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (error.details() or "").startswith(f"{field}: ")


async def test_an_inbox_without_anything_is_empty_again_and_again(service: Service) -> None:
    for _ in range(3):
        assert await service.inbox("nobody") == pb.GetNotificationsResponse()
