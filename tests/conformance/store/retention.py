"""prune and erase_user: what goes, what stays, and that both can be told afterwards."""

from __future__ import annotations

import pytest

from notify_grpc.domain.deliveries import DeliveryState, ErrorClass, Outcome
from notify_grpc.domain.errors import NotFound
from notify_grpc.domain.models import EXTERNAL_CHANNELS, Channel, Content, Device, DeviceType
from notify_grpc.ports.store import DeliveryFilter, Erased, Store
from tests.conformance.store.making import (
    ALICE,
    BOB,
    EMAIL,
    SMS,
    T0,
    inbox_of,
    keys,
    notice,
    send,
    send_many,
    whole_changes,
    whole_inbox,
)


class Retention:
    async def test_prune_deletes_what_is_older_and_nothing_else(self, store: Store) -> None:
        for number in range(1, 6):
            await store.create(notice(ALICE, BOB, key=f"n-{number}", at_ms=T0 + number))
        assert await store.prune(T0 + 3, limit=100) == 4
        for user in (ALICE, BOB):
            assert keys(await whole_inbox(store, user)) == ["n-5", "n-4", "n-3"]
            assert keys(await whole_changes(store, user)) == ["n-3", "n-4", "n-5"]
            assert (await inbox_of(store, user))[1:] == (5, 5, 2, 3)
        assert await store.prune(T0 + 3, limit=100) == 0

    async def test_prune_goes_in_batches(self, store: Store) -> None:
        await send_many(store, ALICE, 7)
        assert [await store.prune(T0 + 1, limit=3) for _ in range(4)] == [3, 3, 1, 0]
        assert await whole_inbox(store, ALICE) == []
        assert (await inbox_of(store, ALICE))[1:] == (7, 7, 7, 0)

    async def test_positions_go_on_after_a_prune(self, store: Store) -> None:
        await send_many(store, ALICE, 3)
        await store.prune(T0 + 1, limit=100)
        created = await send(store, ALICE, "n-4")
        assert (created.position, created.change_seq, created.unread) == (4, 4, 1)

    async def test_pruned_seq_is_the_latest_change_deleted(self, store: Store) -> None:
        created = await send_many(store, ALICE, 3)
        await store.mark_read(ALICE, created[0].id, T0 + 5)
        assert await store.prune(T0 + 1, limit=100) == 3
        assert (await inbox_of(store, ALICE))[1:] == (3, 4, 4, 0)

    async def test_read_rows_do_not_lower_unread_when_they_go(self, store: Store) -> None:
        for number in range(1, 5):
            created = (await store.create(notice(ALICE, key=f"n-{number}", at_ms=T0 + number)))[0]
            if number % 2:
                await store.mark_read(ALICE, created.id, T0 + 9)
        assert await store.prune(T0 + 3, limit=100) == 2
        assert (await inbox_of(store, ALICE)).unread == 1

    async def test_a_pruned_key_may_be_used_again(self, store: Store) -> None:
        first = await send(store, ALICE)
        await store.prune(T0 + 1, limit=100)
        with pytest.raises(NotFound):
            await store.get_notification(ALICE, first.id)
        second = await send(store, ALICE)
        assert not second.duplicate
        assert second.id != first.id
        assert await store.list_recipients("acme", "n-1", limit=10) == [await store.get_notification(ALICE, second.id)]

    async def test_content_shared_with_a_younger_row_stays(self, store: Store) -> None:
        content = Content("shared", "by two calls")
        await store.create(notice(ALICE, key="n-1", content=content, at_ms=T0))
        await store.create(notice(ALICE, BOB, key="n-2", content=content, at_ms=T0 + 5))
        assert await store.prune(T0 + 1, limit=100) == 1
        for user in (ALICE, BOB):
            assert [row.content for row in await whole_inbox(store, user)] == [content]

    async def test_rows_with_an_open_delivery_are_kept_until_it_ends(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL, SMS)
        await send(store, ALICE, "n-2", EMAIL)
        await send(store, ALICE, "n-3")
        jobs = await store.claim("w", limit=10, lease_s=30, channels=EXTERNAL_CHANNELS, per_tenant=10)
        done = [job for job in jobs if (job.delivery.notification_id, job.delivery.channel) != ("n-1", SMS.channel)]
        await store.finish([Outcome(job.lease, DeliveryState.FAILED, "w") for job in done])
        assert await store.prune(T0 + 1, limit=100) == 2
        assert keys(await whole_inbox(store, ALICE)) == ["n-1"]
        left = await store.list_deliveries(DeliveryFilter(), limit=10)
        assert {(delivery.notification_id, delivery.channel) for delivery in left} == {
            ("n-1", SMS.channel),
            ("n-1", EMAIL.channel),
        }
        [last] = [job for job in jobs if job not in done]
        await store.finish([Outcome(last.lease, DeliveryState.FAILED, "w")])
        assert await store.prune(T0 + 1, limit=100) == 1
        assert await store.list_deliveries(DeliveryFilter(), limit=10) == []

    async def test_kept_rows_do_not_stop_a_prune_in_batches(self, store: Store) -> None:
        for number in range(5):
            await send(store, ALICE, f"open-{number}", EMAIL)
        await send_many(store, ALICE, 5)
        assert [await store.prune(T0 + 1, limit=2) for _ in range(4)] == [2, 2, 1, 0]

    async def test_what_waits_where_nobody_serves_is_ended_and_goes(self, store: Store) -> None:
        both, alone = await send(store, ALICE, "both", EMAIL, SMS), await send(store, BOB, "alone", SMS)
        [young] = await store.create(notice(ALICE, key="young", targets=[SMS], at_ms=T0 + 1))
        assert await store.prune(T0 + 1, limit=10) == 0

        ended = await store.abandon(T0 + 1, {Channel.SMS, Channel.WHATSAPP}, limit=10)

        assert sorted(delivery.notification_id for delivery in ended) == ["alone", "both"]
        for delivery in ended:
            told = (delivery.state, delivery.last_error_class, delivery.last_error_code)
            assert told == (DeliveryState.EXPIRED, ErrorClass.MISCONFIGURED, "no_provider")
            found, [attempt] = await store.get_delivery(delivery.id)
            assert found == delivery
            assert (attempt.state, attempt.error_class, attempt.error_code, attempt.stale) == (*told, False)
        kept = [d for d in both.deliveries if d.channel is EMAIL.channel] + list(young.deliveries)
        assert [(await store.get_delivery(d.id))[0].state for d in kept] == [DeliveryState.PENDING] * 2
        assert await store.abandon(T0 + 1, {Channel.SMS}, limit=10) == []
        assert await store.prune(T0 + 1, limit=10) == 1
        with pytest.raises(NotFound):
            await store.get_delivery(alone.deliveries[0].id)

    async def test_nobody_gets_what_was_ended_and_an_operator_may_bring_it_back(self, store: Store) -> None:
        await send(store, ALICE, "n-1", SMS)
        [ended] = await store.abandon(T0 + 1, {Channel.SMS}, limit=10)
        assert await store.claim("w", limit=10, lease_s=30, channels=EXTERNAL_CHANNELS, per_tenant=10) == []
        assert (await store.due_stats()).due == 0
        await store.retry_delivery(ended.id)
        [job] = await store.claim("w", limit=10, lease_s=30, channels=EXTERNAL_CHANNELS, per_tenant=10)
        assert job.delivery.id == ended.id

    async def test_what_failed_before_is_ended_with_its_audit_and_what_is_held_is_not(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        await send(store, ALICE, "n-2", EMAIL)
        jobs = await store.claim("w", limit=10, lease_s=30, channels=EXTERNAL_CHANNELS, per_tenant=10)
        [failed, held] = jobs
        retry = Outcome(failed.lease, DeliveryState.RETRY, "w", "smtp", error_code="451", error="busy", due_in_s=60)
        await store.finish([retry])
        assert [one.id for one in await store.abandon(T0 + 1, {Channel.EMAIL}, limit=10)] == [failed.delivery.id]
        ended, audit = await store.get_delivery(failed.delivery.id)
        assert (ended.last_error, ended.attempts, ended.fence) == ("", 1, 1)
        assert [attempt.error_code for attempt in audit] == ["451", "no_provider"]
        assert await store.start_sending([held.lease]) == {held.delivery.id}

    async def test_it_ends_no_more_than_it_is_asked_to(self, store: Store) -> None:
        for number in range(5):
            await send(store, ALICE, f"n-{number}", SMS)
        ended = [await store.abandon(T0 + 1, {Channel.SMS}, limit=2) for _ in range(4)]
        assert [len(some) for some in ended] == [2, 2, 1, 0]

    async def test_erase_removes_every_row_and_says_how_many(self, store: Store) -> None:
        created = [await send(store, ALICE, f"n-{number}", EMAIL, SMS) for number in range(3)]
        await store.upsert_device(ALICE, Device(DeviceType.IOS, "a", "token-a"), T0)
        await store.upsert_device(ALICE, Device(DeviceType.IOS, "b", "token-b"), T0)
        await send(store, BOB, "n-0", EMAIL)
        assert await store.erase_user(ALICE) == Erased(notifications=3, deliveries=6, devices=2)
        assert await whole_inbox(store, ALICE) == []
        assert await store.get_inboxes([ALICE]) == {}
        assert await store.list_devices("acme", ["alice"]) == {}
        assert await store.list_deliveries_of([row.id for row in created]) == {}
        for row in created:
            with pytest.raises(NotFound):
                await store.get_notification(ALICE, row.id)
            with pytest.raises(NotFound):
                await store.get_delivery(row.deliveries[0].id)
        assert [row.user for row in await store.list_recipients("acme", "n-0", limit=10)] == [BOB]
        assert await store.erase_user(ALICE) == Erased(0, 0, 0)

    async def test_erased_deliveries_are_not_claimed_and_their_outcomes_change_nothing(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await store.claim("w", limit=10, lease_s=30, channels=EXTERNAL_CHANNELS, per_tenant=10)
        await send(store, ALICE, "n-2", EMAIL)
        await store.erase_user(ALICE)
        assert await store.claim("w", limit=10, lease_s=30, channels=EXTERNAL_CHANNELS, per_tenant=10) == []
        assert await store.start_sending([job.lease]) == set()
        assert await store.finish([Outcome(job.lease, DeliveryState.FAILED, "w")]) == [False]
        assert await store.renew([job.lease], 30) == set()
        assert await store.release([job.lease]) == 0

    async def test_an_erased_users_key_and_token_may_be_used_again(self, store: Store) -> None:
        await send(store, ALICE)
        await store.upsert_device(ALICE, Device(DeviceType.IOS, "a", "token"), T0)
        await store.erase_user(ALICE)
        assert not (await send(store, ALICE)).duplicate
        await store.upsert_device(BOB, Device(DeviceType.IOS, "b", "token"), T0)
        assert set(await store.list_devices("acme", ["alice", "bob"])) == {"bob"}

    async def test_erasing_many_rows(self, store: Store) -> None:
        await send_many(store, ALICE, 300)
        await store.mark_all_read(ALICE, T0 + 1, limit=100)
        assert (await store.erase_user(ALICE)).notifications == 300
        assert await store.list_notifications(ALICE, before=None, limit=10) == ([], None, 0)
