"""finish: an outcome counts while its lease does, and is audited in any case."""

from __future__ import annotations

from asyncio import gather
from dataclasses import replace

import pytest

from notify_grpc.domain.deliveries import Attempt, DeliveryState, ErrorClass, Job, Lease, Outcome
from notify_grpc.ports.store import Store
from tests.conformance.store.database import Database
from tests.conformance.store.making import ALICE, EMAIL, SMS, send
from tests.conformance.store.working import claim, claim_to_send, finish, ids, now

S = DeliveryState


def failed_try(job: Job, state: DeliveryState = S.RETRY) -> Outcome:
    return Outcome(
        job.lease,
        state,
        owner="w-1",
        provider="smtp",
        error_class=ErrorClass.TRANSIENT,
        error_code="451",
        error="try again später",
        due_in_s=600,
        counts_as_failure=True,
        duration_ms=120,
    )


class Finishing:
    async def test_an_accepted_delivery_keeps_the_providers_message_id(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim_to_send(store)
        accepted = Outcome(job.lease, S.DELIVERED, "w-1", "smtp", provider_message_id="<1@mx>", duration_ms=80)
        assert await store.finish([accepted]) == [True]
        delivery, audit = await store.get_delivery(job.delivery.id)
        assert (delivery.state, delivery.provider, delivery.provider_message_id) == (S.DELIVERED, "smtp", "<1@mx>")
        assert (delivery.failures, delivery.lease_owner, delivery.lease_until_ms) == (0, "", 0)
        [attempt] = audit
        assert attempt == Attempt(attempt.at_ms, 1, "w-1", "smtp", S.DELIVERED, duration_ms=80)

    async def test_a_failed_try_is_counted_explained_and_audited(self, store: Store, database: Database) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim_to_send(store)
        assert await store.finish([failed_try(job)]) == [True]
        delivery, [attempt] = await store.get_delivery(job.delivery.id)
        assert (delivery.state, delivery.failures, delivery.attempts) == (S.RETRY, 1, 1)
        assert (delivery.last_error_class, delivery.last_error_code, delivery.last_error) == (
            ErrorClass.TRANSIENT,
            "451",
            "try again später",
        )
        assert abs(delivery.due_at_ms - database.now_ms() - 600_000) < 30_000
        assert attempt == Attempt(
            attempt.at_ms, 1, "w-1", "smtp", S.RETRY, ErrorClass.TRANSIENT, "451", "try again später", 120
        )
        assert abs(attempt.at_ms - database.now_ms()) < 30_000

    async def test_a_retry_need_not_count_as_a_failure(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim_to_send(store)
        assert await store.finish([replace(failed_try(job), counts_as_failure=False)]) == [True]
        assert (await now(store, job.delivery.id)).failures == 0

    @pytest.mark.parametrize("state", [S.DELIVERED, S.RETRY, S.FAILED, S.PARKED, S.EXPIRED])
    async def test_what_is_being_sent_may_end_in_any_way(self, store: Store, state: DeliveryState) -> None:
        await send(store, ALICE, "n-1", SMS)
        [job] = await claim_to_send(store)
        assert await finish(store, job, state)
        assert (await now(store, job.delivery.id)).state is state
        assert ids(await claim(store)) == ([job.delivery.id] if state is S.RETRY else [])

    @pytest.mark.parametrize("state", [S.RETRY, S.FAILED, S.EXPIRED])
    async def test_what_was_not_sent_may_end_without_having_been(self, store: Store, state: DeliveryState) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim(store)
        assert await finish(store, job, state)
        assert (await now(store, job.delivery.id)).state is state

    @pytest.mark.parametrize("state", [S.DELIVERED, S.PARKED])
    async def test_what_was_not_sent_is_not_delivered(self, store: Store, state: DeliveryState) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim(store)
        assert not await finish(store, job, state)
        delivery, [attempt] = await store.get_delivery(job.delivery.id)
        assert delivery.state is S.LEASED
        assert (attempt.state, attempt.stale) == (state, True)

    async def test_a_stale_fence_changes_nothing_and_is_audited(self, store: Store, database: Database) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [late] = await claim_to_send(store, "zombie", lease_s=60)
        await database.advance(90)
        assert len(await store.sweep_deliveries(10)) == 1
        [job] = await claim_to_send(store, "w-2")
        before = await now(store, late.delivery.id)
        assert not await finish(store, late, S.DELIVERED)
        assert await now(store, late.delivery.id) == before
        assert await finish(store, job, S.DELIVERED)
        _, audit = await store.get_delivery(late.delivery.id)
        lines = [(attempt.owner, attempt.fence, attempt.state, attempt.stale) for attempt in audit[-2:]]
        assert lines == [("zombie", 1, S.DELIVERED, True), ("w-2", 2, S.DELIVERED, False)]

    @pytest.mark.parametrize("off", [-1, 1])
    async def test_a_wrong_fence_is_stale(self, store: Store, off: int) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim_to_send(store)
        wrong = Outcome(job.lease._replace(fence=job.lease.fence + off), S.FAILED, "w-9")
        assert await store.finish([wrong]) == [False]
        delivery, [attempt] = await store.get_delivery(job.delivery.id)
        assert delivery.state is S.SENDING
        assert (attempt.owner, attempt.fence, attempt.stale) == ("w-9", job.lease.fence + off, True)

    async def test_a_lease_that_ran_out_still_counts_until_somebody_else_took_over(
        self, store: Store, database: Database
    ) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim_to_send(store, lease_s=60)
        await database.advance(90)
        assert await finish(store, job, S.DELIVERED)

    async def test_an_outcome_is_taken_once(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim_to_send(store)
        assert await finish(store, job, S.DELIVERED)
        assert not await finish(store, job, S.RETRY)
        delivery, audit = await store.get_delivery(job.delivery.id)
        assert delivery.state is S.DELIVERED
        assert [attempt.stale for attempt in audit] == [False, True]

    async def test_one_of_two_outcomes_at_once_is_taken(self, store: Store, other: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim_to_send(store)
        taken = await gather(finish(store, job, S.DELIVERED), finish(other, job, S.FAILED))
        assert sorted(taken) == [False, True]
        delivery, audit = await store.get_delivery(job.delivery.id)
        assert [attempt.state for attempt in audit if not attempt.stale] == [delivery.state]
        assert len(audit) == 2

    async def test_earlier_tries_of_the_same_claim_come_first_in_the_audit(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        [job] = await claim_to_send(store)
        first = Attempt(0, 1, "w-1", "ses", S.RETRY, ErrorClass.TRANSIENT, "503", "busy", 40)
        outcome = Outcome(job.lease, S.DELIVERED, "w-1", "smtp", attempts=(first,))
        assert await store.finish([outcome]) == [True]
        _, audit = await store.get_delivery(job.delivery.id)
        assert [(attempt.provider, attempt.state, attempt.stale) for attempt in audit] == [
            ("ses", S.RETRY, False),
            ("smtp", S.DELIVERED, False),
        ]
        assert (audit[0].error_class, audit[0].error_code, audit[0].error, audit[0].duration_ms) == (
            ErrorClass.TRANSIENT,
            "503",
            "busy",
            40,
        )
        assert audit[0].at_ms > 0

    async def test_many_outcomes_are_answered_in_their_order(self, store: Store) -> None:
        for number in range(6):
            await send(store, ALICE, f"n-{number}", EMAIL)
        jobs = await claim_to_send(store)
        outcomes = [
            Outcome(job.lease._replace(fence=job.lease.fence + number % 2), S.DELIVERED, "w-1")
            for number, job in enumerate(jobs)
        ]
        absent = Outcome(Lease("01900000-0000-7000-8000-000000000000", 1), S.DELIVERED, "w-1")
        assert await store.finish([absent, *outcomes]) == [False, True, False, True, False, True, False]
        assert await store.finish([]) == []

    async def test_every_try_stays_in_the_audit(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        for _ in range(3):
            [job] = await claim_to_send(store)
            assert await finish(store, job, S.RETRY)
        _, audit = await store.get_delivery(job.delivery.id)
        assert [attempt.fence for attempt in audit] == [1, 2, 3]
        assert (await now(store, job.delivery.id)).attempts == 3
