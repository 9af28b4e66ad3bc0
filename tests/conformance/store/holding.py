"""start_sending, renew and release: what the holder of a lease may do, and nobody else."""

from __future__ import annotations

from notify_grpc.domain.deliveries import DeliveryState, Lease
from notify_grpc.ports.store import Store
from tests.conformance.store.database import Database
from tests.conformance.store.making import ALICE, EMAIL, SMS, notice, send
from tests.conformance.store.working import claim, claim_to_send, finish, ids, now

ABSENT = Lease("01900000-0000-7000-8000-000000000000", 1)


class Holding:
    async def test_start_sending_moves_leased_rows_and_answers_which(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL, SMS)
        jobs = await claim(store)
        assert await store.start_sending([job.lease for job in jobs] + [ABSENT]) == set(ids(jobs))
        assert {(await now(store, id)).state for id in ids(jobs)} == {DeliveryState.SENDING}

    async def test_a_row_is_started_once(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim_to_send(store)
        assert await store.start_sending([job.lease]) == set()
        assert await store.start_sending([]) == set()

    async def test_a_row_born_leased_can_be_started(self, store: Store) -> None:
        [created] = await store.create(notice(ALICE, targets=[EMAIL], lease_owner="me"))
        [delivery] = created.deliveries
        assert await store.start_sending([Lease(delivery.id, delivery.fence)]) == {delivery.id}

    async def test_a_wrong_fence_starts_nothing(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim(store)
        wrong = [job.lease._replace(fence=job.lease.fence + off) for off in (-1, 1)]
        assert await store.start_sending(wrong) == set()
        assert (await now(store, job.delivery.id)).state is DeliveryState.LEASED

    async def test_a_lease_that_ran_out_starts_nothing(self, store: Store, database: Database) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim(store, lease_s=60)
        await database.advance(90)
        assert await store.start_sending([job.lease]) == set()
        assert (await now(store, job.delivery.id)).state is DeliveryState.LEASED

    async def test_renew_lengthens_a_lease_from_now(self, store: Store, database: Database) -> None:
        await send(store, ALICE, "n-1", EMAIL, SMS)
        jobs = await claim(store, lease_s=60)
        assert await store.start_sending([jobs[0].lease]) == {jobs[0].delivery.id}
        await database.advance(30)
        assert await store.renew([job.lease for job in jobs] + [ABSENT], 60) == set(ids(jobs))
        await database.advance(45)
        assert await store.sweep_deliveries(10) == []
        assert await store.start_sending([jobs[1].lease]) == {jobs[1].delivery.id}
        await database.advance(45)
        assert {delivery.id for delivery in await store.sweep_deliveries(10)} == set(ids(jobs))

    async def test_renew_takes_no_wrong_fence_and_no_row_that_is_done(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL, SMS)
        done, held = await claim_to_send(store)
        assert await finish(store, done, DeliveryState.DELIVERED)
        before = await now(store, held.delivery.id)
        wrong = [held.lease._replace(fence=held.lease.fence + off) for off in (-1, 1)]
        assert await store.renew([done.lease, *wrong], 600) == set()
        assert (await now(store, held.delivery.id)).lease_until_ms == before.lease_until_ms

    async def test_release_gives_rows_back_uncounted_and_due_now(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL, SMS)
        jobs = await claim(store, "w-1")
        assert await store.release([job.lease for job in jobs] + [ABSENT]) == 2
        for job in jobs:
            released, audit = await store.get_delivery(job.delivery.id)
            assert (released.state, released.attempts, released.fence) == (DeliveryState.PENDING, 0, 1)
            assert (released.lease_owner, released.lease_until_ms, audit) == ("", 0, [])
        again = await claim(store, "w-2")
        assert {(job.delivery.fence, job.delivery.attempts) for job in again} == {(2, 1)}
        assert len(again) == 2

    async def test_release_with_a_delay_defers(self, store: Store, database: Database) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim(store)
        assert await store.release([job.lease], due_in_s=600) == 1
        await database.advance(500)
        assert await claim(store) == []
        await database.advance(150)
        assert ids(await claim(store)) == [job.delivery.id]

    async def test_release_gives_back_only_what_is_leased_by_that_lease(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL, SMS)
        sending, leased = await claim(store)
        await store.start_sending([sending.lease])
        wrong = [leased.lease._replace(fence=leased.lease.fence + off) for off in (-1, 1)]
        assert await store.release([sending.lease, *wrong]) == 0
        assert (await now(store, sending.delivery.id)).state is DeliveryState.SENDING
        assert (await now(store, leased.delivery.id)).state is DeliveryState.LEASED

    async def test_a_released_lease_is_worth_nothing(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim(store)
        await store.release([job.lease])
        assert await store.release([job.lease]) == 0
        assert await store.start_sending([job.lease]) == set()
        assert await store.renew([job.lease], 60) == set()
        assert not await finish(store, job, DeliveryState.RETRY)
