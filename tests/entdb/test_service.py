"""The whole service on EntDB: two instances over one server, one of them killed."""

from __future__ import annotations

from typing import Any

from notify.v1 import client_service_pb2 as client_pb

from tests.support.service_process import as_user, instance


async def test_what_one_instance_takes_the_other_serves_and_a_stream_goes_on_there(address: str, tenant: str) -> None:
    settings: dict[str, Any] = {"store_driver": "entdb", "entdb_address": address, "entdb_tenant_id": [tenant]}
    async with instance(**settings) as first, instance(**settings) as second:
        stream = first.listen()
        assert await stream.caught_up() == []
        await first.notify("a")
        assert await stream.keys(1) == ["a"]
        first.process.kill()
        assert (await second.notify("a")).duplicates == 1
        await second.notify("b", users=["ada", "bob"])
        resumed = second.listen(resume_after=stream.cursor)
        assert await resumed.caught_up() == ["b"]
        [newest, oldest] = await second.inbox()
        assert (newest.notification_id, oldest.notification_id) == ("b", "a")
        ada = as_user("ada")
        await second.recipient.AckNotification(client_pb.AckNotificationRequest(id=newest.id), metadata=ada)
        page = await second.recipient.GetNotifications(client_pb.GetNotificationsRequest(), metadata=ada)
        assert page.unread_count == 1
