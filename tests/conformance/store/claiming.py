"""create with deliveries, and claim: what is due, to whom, in which order."""

from __future__ import annotations

from asyncio import gather
from itertools import cycle

from notify_grpc.domain.deliveries import Delivery, DeliveryState, Target
from notify_grpc.domain.models import Channel, Content, UserKey
from notify_grpc.ports.store import Notice, Recipient, Store
from tests.conformance.store.database import Database
from tests.conformance.store.making import ALICE, BOB, EMAIL, PUSH, SMS, T0, notice, send
from tests.conformance.store.working import claim, finish, ids, now


class Claiming:
    async def test_new_deliveries_are_pending_in_the_order_of_their_targets(self, store: Store) -> None:
        created = await send(store, ALICE, "n-1", SMS, EMAIL, PUSH)
        for target, delivery in zip([SMS, EMAIL, PUSH], created.deliveries, strict=True):
            assert (await now(store, delivery.id)) == delivery
            assert (delivery.channel, delivery.target) == (target.channel, target.address)
            assert (delivery.tenant_id, delivery.user_id) == ALICE
            assert (delivery.notification_ref, delivery.notification_id) == (created.id, "n-1")
            assert (delivery.state, delivery.fence, delivery.attempts, delivery.failures) == (
                DeliveryState.PENDING,
                0,
                0,
                0,
            )
            assert (delivery.created_at_ms, delivery.lease_owner, delivery.lease_until_ms) == (T0, "", 0)

    async def test_each_recipient_gets_the_deliveries_of_its_own_targets(self, store: Store) -> None:
        to_bob = Target(Channel.EMAIL, "bob@acme.test")
        answers = await store.create(
            Notice(
                "acme",
                "n-1",
                Content("hi"),
                (Channel.IN_APP, Channel.EMAIL),
                (Recipient("alice", (EMAIL, SMS)), Recipient("carol"), Recipient("bob", (to_bob,))),
                T0,
            )
        )
        assert [[delivery.target for delivery in answer.deliveries] for answer in answers] == [
            [EMAIL.address, SMS.address],
            [],
            [to_bob.address],
        ]

    async def test_deliveries_born_leased_are_held_by_their_owner(self, store: Store, database: Database) -> None:
        [created] = await store.create(notice(ALICE, targets=[EMAIL, SMS], lease_owner="me", lease_s=60))
        for delivery in created.deliveries:
            assert (delivery.state, delivery.fence, delivery.attempts) == (DeliveryState.LEASED, 1, 1)
            assert delivery.lease_owner == "me"
            assert abs(delivery.lease_until_ms - database.now_ms() - 60_000) < 30_000
            assert await now(store, delivery.id) == delivery
        assert await claim(store) == []

    async def test_a_claim_leases_and_brings_all_a_provider_needs(self, store: Store, database: Database) -> None:
        content = Content("title", "body", "ref", "type", {"a": "b"})
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        [created] = await store.create(notice(ALICE, content=content, targets=[EMAIL], traceparent=trace))
        [job] = await claim(store, "w-1", lease_s=60)
        assert (job.content, job.traceparent) == (content, trace)
        claimed = job.delivery
        assert (claimed.id, claimed.state) == (created.deliveries[0].id, DeliveryState.LEASED)
        assert (claimed.fence, claimed.attempts, claimed.failures, claimed.lease_owner) == (1, 1, 0, "w-1")
        assert abs(claimed.lease_until_ms - database.now_ms() - 60_000) < 30_000
        assert await now(store, claimed.id) == claimed

    async def test_what_is_held_is_not_claimed_again(self, store: Store, other: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        assert len(await claim(store)) == 1
        assert await claim(other, "w-2") == []
        assert await claim(store) == []

    async def test_the_fence_rises_with_each_lease(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        for turn in (1, 2, 3):
            [job] = await claim(store)
            assert (job.delivery.fence, job.delivery.attempts) == (turn, turn)
            assert await finish(store, job, DeliveryState.RETRY)

    async def test_a_retry_is_claimed_when_it_is_due_and_not_before(self, store: Store, database: Database) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim(store)
        assert await finish(store, job, DeliveryState.RETRY, due_in_s=600)
        assert await claim(store) == []
        await database.advance(500)
        assert await claim(store) == []
        await database.advance(150)
        assert ids(await claim(store)) == [job.delivery.id]

    async def test_a_row_due_later_does_not_hold_up_one_due_now(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim(store)
        assert await finish(store, job, DeliveryState.RETRY, due_in_s=600)
        assert await claim(store) == []
        await send(store, ALICE, "n-2", EMAIL)
        assert [job.delivery.notification_id for job in await claim(store)] == ["n-2"]

    async def test_only_the_channels_asked_for(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL, SMS, PUSH)
        assert await claim(store, channels=[]) == []
        jobs = await claim(store, channels=[Channel.SMS, Channel.WHATSAPP])
        assert [job.delivery.channel for job in jobs] == [Channel.SMS]
        jobs = await claim(store, channels=frozenset({Channel.EMAIL, Channel.MOBILE_PUSH}))
        assert {job.delivery.channel for job in jobs} == {Channel.EMAIL, Channel.MOBILE_PUSH}

    async def test_no_more_than_the_limit(self, store: Store) -> None:
        for number in range(7):
            await send(store, ALICE, f"n-{number}", EMAIL)
        assert [len(await claim(store, limit=3)) for _ in range(4)] == [3, 3, 1, 0]

    async def test_oldest_due_first_within_a_tenant(self, store: Store, database: Database) -> None:
        sent: list[Delivery] = []
        for number in range(4):
            sent += (await send(store, ALICE, f"n-{number}", EMAIL)).deliveries
            await database.advance(60)
        [first] = await claim(store, limit=1)
        assert await finish(store, first, DeliveryState.RETRY)
        later = [(await claim(store, limit=1))[0].delivery.id for _ in range(4)]
        assert [first.delivery.id, *later] == [*(delivery.id for delivery in sent), sent[0].id]

    async def test_expired_rows_are_left_to_the_sweep(self, store: Store, database: Database) -> None:
        soon = database.now_ms() + 600_000
        await store.create(notice(ALICE, targets=[EMAIL], expires_at_ms=soon))
        await send(store, ALICE, "n-2", EMAIL)
        await database.advance(900)
        assert [job.delivery.notification_id for job in await claim(store)] == ["n-2"]

    async def test_a_backlog_does_not_delay_another_tenant(self, store: Store, database: Database) -> None:
        crowd = [UserKey(f"tenant-{number}", "user") for number in range(5)]
        for user in crowd:
            await store.create(notice(*(user._replace(user_id=f"u-{n}") for n in range(30)), targets=[EMAIL]))
        await database.advance(60)
        otp = (await send(store, ALICE, "otp", SMS)).deliveries[0]
        jobs = await claim(store, limit=12, per_tenant=4)
        assert otp.id in ids(jobs)
        served = [job.delivery.tenant_id for job in jobs]
        assert len(served) == 12
        assert {user.tenant_id for user in crowd} < set(served)
        assert max(served.count(tenant) for tenant in served) <= 4

    async def test_a_tenant_alone_gets_no_more_than_its_share_of_one_claim(self, store: Store) -> None:
        users = [UserKey("acme", f"u-{number}") for number in range(10)]
        await store.create(notice(*users, targets=[EMAIL]))
        claims = [len(await claim(store, limit=10, per_tenant=4)) for _ in range(4)]
        assert claims == [4, 4, 2, 0]

    async def test_many_claimers_get_each_row_once(self, store: Store, other: Store) -> None:
        users = [UserKey(f"tenant-{number % 4}", f"u-{number}") for number in range(200)]
        for tenant in range(4):
            await store.create(notice(*(user for user in users if user.tenant_id == f"tenant-{tenant}"), targets=[SMS]))

        async def drain(instance: Store, owner: str) -> list[str]:
            mine: list[str] = []
            while jobs := await claim(instance, owner, limit=9, per_tenant=5):
                mine += ids(jobs)
            return mine

        drained = await gather(*(drain(instance, f"w-{n}") for n, instance in zip(range(6), cycle([store, other]))))
        claimed = [id for mine in drained for id in mine]
        # A claimer may come away empty while another one's claim is still in flight; nothing is claimed twice.
        claimed += await drain(store, "last")
        assert len(claimed) == len(set(claimed)) == 200

    async def test_the_other_instance_sees_what_is_due_at_once(self, store: Store, other: Store) -> None:
        await send(store, BOB, "n-1", EMAIL)
        assert len(await claim(other)) == 1
