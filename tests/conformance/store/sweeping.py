"""sweep_deliveries: what time does to rows that nobody moved."""

from __future__ import annotations

import pytest

from notify_grpc.domain.backoff import MAX_CLAIMS
from notify_grpc.domain.deliveries import PARKING_CHANNELS, DeliveryState, ErrorClass, Target
from notify_grpc.domain.models import EXTERNAL_CHANNELS, Channel
from notify_grpc.ports.store import Store
from tests.conformance.store.database import Database
from tests.conformance.store.making import ALICE, EMAIL, SMS, notice, send
from tests.conformance.store.working import claim, claim_to_send, finish, ids, now

S = DeliveryState


class Sweeping:
    async def test_there_is_nothing_to_do_while_leases_run_and_nothing_expires(
        self, store: Store, database: Database
    ) -> None:
        assert await store.sweep_deliveries(10) == []
        later = database.now_ms() + 600_000
        await store.create(notice(ALICE, targets=[EMAIL, SMS], expires_at_ms=later))
        await claim(store, channels=[Channel.EMAIL])
        assert await store.sweep_deliveries(10) == []

    async def test_a_lease_that_ran_out_before_sending_is_a_retry_due_now(
        self, store: Store, database: Database
    ) -> None:
        await send(store, ALICE, "n-1", EMAIL, SMS)
        jobs = await claim(store, lease_s=60)
        await database.advance(90)
        swept = await store.sweep_deliveries(10)
        assert {(delivery.id, delivery.state) for delivery in swept} == {(id, S.RETRY) for id in ids(jobs)}
        for delivery in swept:
            assert await now(store, delivery.id) == delivery
            assert (delivery.lease_owner, delivery.lease_until_ms, delivery.failures) == ("", 0, 0)
        assert await store.sweep_deliveries(10) == []
        again = await claim(store)
        assert {(job.delivery.fence, job.delivery.attempts) for job in again} == {(2, 2)}
        assert sorted(ids(again)) == sorted(ids(jobs))

    async def test_a_row_born_leased_is_swept_like_any_other(self, store: Store, database: Database) -> None:
        [created] = await store.create(notice(ALICE, targets=[EMAIL], lease_owner="gone", lease_s=60))
        await database.advance(90)
        [swept] = await store.sweep_deliveries(10)
        assert (swept.id, swept.state) == (created.deliveries[0].id, S.RETRY)
        assert [job.delivery.fence for job in await claim(store)] == [2]

    @pytest.mark.parametrize("channel", EXTERNAL_CHANNELS)
    async def test_a_lease_that_ran_out_while_sending_is_an_unknown_outcome(
        self, store: Store, database: Database, channel: Channel
    ) -> None:
        await send(store, ALICE, "n-1", Target(channel, "somewhere"))
        await claim_to_send(store, "w-1", lease_s=60)
        await database.advance(90)
        [swept] = await store.sweep_deliveries(10)
        delivery, [attempt] = await store.get_delivery(swept.id)
        expected = S.PARKED if channel in PARKING_CHANNELS else S.RETRY
        assert delivery == swept
        assert (delivery.state, delivery.last_error_class) == (expected, ErrorClass.UNKNOWN_OUTCOME)
        assert (attempt.state, attempt.error_class, attempt.fence) == (expected, ErrorClass.UNKNOWN_OUTCOME, 1)
        assert not attempt.stale
        assert len(await claim(store)) == (expected is S.RETRY)

    async def test_the_holder_of_a_swept_lease_comes_too_late(self, store: Store, database: Database) -> None:
        await send(store, ALICE, "n-1", EMAIL, SMS)
        jobs = await claim_to_send(store, lease_s=60)
        await database.advance(90)
        await store.sweep_deliveries(10)
        for job in jobs:
            before = await now(store, job.delivery.id)
            assert not await finish(store, job, S.DELIVERED)
            assert await now(store, job.delivery.id) == before
        assert await store.renew([job.lease for job in jobs], 60) == set()

    async def test_waiting_rows_expire(self, store: Store, database: Database) -> None:
        soon = database.now_ms() + 600_000
        await store.create(notice(ALICE, targets=[EMAIL, SMS], expires_at_ms=soon))
        [job] = await claim(store, channels=[Channel.EMAIL])
        assert await finish(store, job, S.RETRY, due_in_s=3_600)
        await send(store, ALICE, "n-2", EMAIL)
        await database.advance(900)
        swept = await store.sweep_deliveries(10)
        assert [(delivery.notification_id, delivery.state) for delivery in swept] == [("n-1", S.EXPIRED)] * 2
        assert await store.sweep_deliveries(10) == []

    async def test_what_is_held_does_not_expire_before_its_lease_runs_out(
        self, store: Store, database: Database
    ) -> None:
        soon = database.now_ms() + 60_000
        await store.create(notice(ALICE, targets=[EMAIL], expires_at_ms=soon))
        [job] = await claim_to_send(store, lease_s=600)
        await database.advance(120)
        assert await store.sweep_deliveries(10) == []
        assert await finish(store, job, S.DELIVERED)
        assert await store.sweep_deliveries(10) == []

    async def test_a_row_claimed_too_often_is_buried(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        for _ in range(MAX_CLAIMS):
            assert await store.sweep_deliveries(10) == []
            [job] = await claim(store)
            assert await finish(store, job, S.RETRY)
        [buried] = await store.sweep_deliveries(10)
        assert (buried.state, buried.last_error_code) == (S.FAILED, "too_many_claims")
        assert await now(store, buried.id) == buried
        assert await claim(store) == []

    async def test_a_row_that_crashes_each_worker_is_buried(self, store: Store, database: Database) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        for _ in range(MAX_CLAIMS):
            assert len(await claim_to_send(store, lease_s=60)) == 1
            await database.advance(90)
            [swept] = await store.sweep_deliveries(10)
        assert (swept.state, swept.last_error_code, swept.lease_owner) == (S.FAILED, "too_many_claims", "")
        assert await claim(store) == []

    async def test_a_sweep_goes_no_further_than_its_limit(self, store: Store, database: Database) -> None:
        for number in range(5):
            await send(store, ALICE, f"n-{number}", EMAIL)
        await claim(store, lease_s=60)
        await database.advance(90)
        assert [len(await store.sweep_deliveries(2)) for _ in range(4)] == [2, 2, 1, 0]
