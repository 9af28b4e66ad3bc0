"""What producers do, over the wire."""

from __future__ import annotations

import grpc
import pytest
from notify.v1 import internal_service_pb2 as pb
from notify.v1 import notification_pb2 as notification_pb

from notify_grpc.domain.deliveries import Target
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.store import Notice, Recipient
from tests.rpc.service import PRODUCER, Service, as_user, notice, refusal


async def test_a_user_listed_twice_counts_once_and_a_repeat_is_a_duplicate(service: Service) -> None:
    first = await service.notify("n", "ann", "ben", "ann", title="t")
    assert (first.pending, first.delivered, first.duplicates) == (2, 0, 0)
    again = await service.notify("n", "ann", "ben", "cal", title="t")
    assert (again.pending, again.duplicates) == (1, 2)
    assert (await service.inbox("ann")).unread_count == 1


async def test_results_explain_each_recipient(service: Service) -> None:
    await service.notify("n", "ann", title="t")
    sms = notification_pb.DELIVERY_CHANNEL_SMS
    channels = [notification_pb.DELIVERY_CHANNEL_IN_APP, sms]
    response = await service.notify("n", "ann", "ben", title="other", channels=channels, return_results=True)
    ann, ben = response.results
    assert (ann.user_id, ann.duplicate, ann.content_mismatch) == ("ann", True, True)
    assert (ben.user_id, ben.duplicate, ben.content_mismatch) == ("ben", False, False)
    by_channel = {c.channel: c for c in ben.channels}
    assert by_channel[sms].status == notification_pb.DELIVERY_STATUS_PENDING
    assert by_channel[sms].reason == pb.CHANNEL_REASON_NO_PROVIDER
    assert by_channel[notification_pb.DELIVERY_CHANNEL_IN_APP].reason == pb.CHANNEL_REASON_NO_SESSION


async def test_a_live_stream_makes_it_delivered(service: Service) -> None:
    stream, _ = await service.listen(as_user("ann"))
    response = await service.notify("n", "ann", "ben")
    assert (response.delivered, response.pending) == (1, 1)
    stream.cancel()


async def deliveries_of(service: Service, notification_id: str, users: list[str], tenant: str = "acme") -> list[str]:
    """Store a notification with one email delivery per user; the deliveries' ids."""
    recipients = tuple(Recipient(user, (Target(Channel.EMAIL, f"{user}@example.com"),)) for user in users)
    made = Notice(tenant, notification_id, Content("t"), (Channel.IN_APP, Channel.EMAIL), recipients, 1)
    return [created.deliveries[0].id for created in await service.store.create(made)]


async def test_the_status_of_a_notification_is_paged_by_recipient(service: Service) -> None:
    await deliveries_of(service, "n", ["ann", "ben", "cal"])
    request = pb.GetNotificationStatusRequest(tenant_id="acme", notification_id="n", limit=2)
    first = await service.internal.GetNotificationStatus(request, metadata=PRODUCER)
    request.cursor = first.next_cursor
    second = await service.internal.GetNotificationStatus(request, metadata=PRODUCER)
    assert [r.user_id for r in [*first.recipients, *second.recipients]] == ["ann", "ben", "cal"]
    assert second.next_cursor == ""
    [delivery] = first.recipients[0].notification.deliveries
    assert (delivery.target, delivery.channel) == ("ann@example.com", notification_pb.DELIVERY_CHANNEL_EMAIL)
    assert delivery.state == notification_pb.DELIVERY_STATE_PENDING


async def test_the_status_of_some_recipients(service: Service) -> None:
    await service.notify("n", "ann", "ben")
    request = pb.GetNotificationStatusRequest(tenant_id="acme", notification_id="n", user_ids=["ben", "nobody"])
    answer = await service.internal.GetNotificationStatus(request, metadata=PRODUCER)
    assert [r.user_id for r in answer.recipients] == ["ben"]


async def test_deliveries_are_listed_by_tenant_channel_and_state(service: Service) -> None:
    acme = await deliveries_of(service, "n", ["ann", "ben", "cal"])
    await deliveries_of(service, "n", ["ann"], tenant="other")
    request = pb.ListDeliveriesRequest(
        tenant_id="acme",
        channels=[notification_pb.DELIVERY_CHANNEL_EMAIL],
        states=[notification_pb.DELIVERY_STATE_PENDING],
        limit=2,
    )
    first = await service.internal.ListDeliveries(request, metadata=PRODUCER)
    request.cursor = first.next_cursor
    second = await service.internal.ListDeliveries(request, metadata=PRODUCER)
    assert [d.id for d in [*first.deliveries, *second.deliveries]] == sorted(acme)
    assert second.next_cursor == ""
    failed = pb.ListDeliveriesRequest(states=[notification_pb.DELIVERY_STATE_FAILED])
    assert not (await service.internal.ListDeliveries(failed, metadata=PRODUCER)).deliveries


async def test_only_a_delivery_that_ended_can_be_retried(service: Service) -> None:
    [id] = await deliveries_of(service, "n", ["ann"])
    error = await refusal(service.internal.RetryDelivery(pb.RetryDeliveryRequest(id=id), metadata=PRODUCER))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    error = await refusal(service.internal.RetryDelivery(pb.RetryDeliveryRequest(id="gone"), metadata=PRODUCER))
    assert error.code() is grpc.StatusCode.NOT_FOUND


async def test_presence_is_answered_for_each_user_in_order(service: Service) -> None:
    stream, _ = await service.listen(as_user("ann"))
    request = pb.GetPresenceRequest(tenant_id="acme", user_ids=["ben", "ann"])
    ben, ann = (await service.internal.GetPresence(request, metadata=PRODUCER)).users
    assert (ben.user_id, ben.online, ben.sessions) == ("ben", False, 0)
    assert (ann.user_id, ann.online, ann.sessions, ann.instances) == ("ann", True, 1, 1)
    assert list(ann.device_types) == [notification_pb.DEVICE_TYPE_UNSPECIFIED]
    stream.cancel()


async def test_an_erased_user_is_gone(service: Service) -> None:
    await deliveries_of(service, "n", ["ann", "ben"])
    erased = await service.internal.EraseUser(pb.EraseUserRequest(tenant_id="acme", user_id="ann"), metadata=PRODUCER)
    assert (erased.notifications, erased.deliveries, erased.devices) == (1, 1, 0)
    assert not (await service.inbox("ann")).notifications
    assert (await service.inbox("ben")).unread_count == 1


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (notice("n"), "user_ids"),
        (notice("", "ann"), "notification_id"),
        (notice("n", "ann", tenant=""), "tenant_id"),
        (notice("n", *(f"u{i}" for i in range(10_001))), "user_ids"),
        (notice("n", "ann", ""), "user_ids[1]"),
        (notice("n" * 257, "ann"), "notification_id"),
        (notice("n", "ann", title="\0"), "title"),
        (notice("n", "ann", channels=[99]), "channels[0]"),
        (notice("n", "ann", channels=[1, 0]), "channels[1]"),
        (notice("n", "ann", dispatch=7), "dispatch"),
        (notice("n", "ann", expires_at_ms=1), "expires_at_ms"),
        (notice("n", "ann", addresses={"ben": pb.ChannelAddresses()}), "addresses[ben]"),
    ],
)
async def test_a_wrong_field_is_named(service: Service, request_: pb.NotifyRequest, field: str) -> None:
    error = await refusal(service.internal.Notify(request_, metadata=PRODUCER))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (error.details() or "").startswith(f"{field}: ")


async def test_a_data_change_needs_users(service: Service) -> None:
    request = pb.PublishDataChangeRequest(tenant_id="acme", idempotency_key="k")
    error = await refusal(service.internal.PublishDataChange(request, metadata=PRODUCER))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_largest_allowed_call(service: Service) -> None:
    users = [f"user-{i}" for i in range(10_000)]
    assert (await service.notify("n", *users, body="x" * 512 * 1024)).pending == 10_000
