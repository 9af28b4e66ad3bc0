"""report_delivery: what a provider says later. It only ever moves a delivery on."""

from __future__ import annotations

from asyncio import gather

import pytest

from notify_grpc.domain.deliveries import DeliveryState, ErrorClass
from notify_grpc.ports.store import Report, Store
from tests.conformance.store.making import ALICE, BOB, EMAIL, SMS, send
from tests.conformance.store.working import claim, claim_to_send, deliver, finish, now

S = DeliveryState


class Reporting:
    async def test_a_report_finds_its_delivery_by_the_providers_id(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        delivered = await deliver(store, "m-1")
        await send(store, BOB, "n-1", EMAIL)
        other = await deliver(store, "m-2")
        acked = await store.report_delivery(Report(S.ACKED, "fake", "m-1"))
        assert acked is not None
        assert (acked.id, acked.state) == (delivered.id, S.ACKED)
        assert await now(store, acked.id) == acked
        assert await now(store, other.id) == other

    async def test_a_report_finds_its_delivery_by_our_id(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        delivered = await deliver(store, "m-1")
        acked = await store.report_delivery(Report(S.ACKED, "fake", delivery_id=delivered.id))
        assert acked is not None
        assert (acked.id, acked.state) == (delivered.id, S.ACKED)

    async def test_a_bounce_says_why(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        delivered = await deliver(store, "m-1")
        bounce = Report(
            S.FAILED, "fake", "m-1", error_class=ErrorClass.PERMANENT, error_code="550", error="no such mailbox"
        )
        assert await store.report_delivery(bounce) is not None
        failed = await now(store, delivered.id)
        assert (failed.state, failed.last_error_class, failed.last_error_code, failed.last_error) == (
            S.FAILED,
            ErrorClass.PERMANENT,
            "550",
            "no such mailbox",
        )

    async def test_a_repeat_changes_nothing(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        delivered = await deliver(store, "m-1")
        assert await store.report_delivery(Report(S.ACKED, "fake", "m-1")) is not None
        before = await now(store, delivered.id)
        assert await store.report_delivery(Report(S.ACKED, "fake", "m-1")) is None
        assert await now(store, delivered.id) == before

    @pytest.mark.parametrize(("first", "second"), [(S.ACKED, S.FAILED), (S.FAILED, S.ACKED)])
    async def test_the_first_of_two_reports_stays(
        self, store: Store, first: DeliveryState, second: DeliveryState
    ) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        delivered = await deliver(store, "m-1")
        assert await store.report_delivery(Report(first, "fake", "m-1")) is not None
        assert await store.report_delivery(Report(second, "fake", "m-1")) is None
        assert (await now(store, delivered.id)).state is first

    async def test_reports_at_once_change_it_once(self, store: Store, other: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        await deliver(store, "m-1")
        report = Report(S.ACKED, "fake", "m-1")
        answers = await gather(*(instance.report_delivery(report) for instance in [store, other] * 4))
        assert sum(answer is not None for answer in answers) == 1

    async def test_an_unknown_message_is_nobodys(self, store: Store) -> None:
        await send(store, ALICE, "n-1", EMAIL)
        delivered = await deliver(store, "m-1")
        for report in (
            Report(S.ACKED, "fake", "m-2"),
            Report(S.ACKED, "another", "m-1"),
            Report(S.ACKED, "fake", ""),
            Report(S.ACKED, "fake", delivery_id="01900000-0000-7000-8000-000000000000"),
        ):
            assert await store.report_delivery(report) is None
        assert await now(store, delivered.id) == delivered

    @pytest.mark.parametrize("state", [S.ACKED, S.FAILED])
    async def test_a_report_ends_an_unknown_outcome(self, store: Store, state: DeliveryState) -> None:
        await send(store, ALICE, "n-1", SMS)
        [job] = await claim_to_send(store)
        await finish(store, job, S.PARKED)
        reported = await store.report_delivery(Report(state, "fake", delivery_id=job.delivery.id))
        assert reported is not None
        assert reported.state is state

    async def test_a_report_may_come_before_the_outcome(self, store: Store) -> None:
        await send(store, ALICE, "n-1", SMS)
        [job] = await claim_to_send(store)
        acked = await store.report_delivery(Report(S.ACKED, "fake", "m-1", delivery_id=job.delivery.id))
        assert acked is not None
        assert acked.state is S.ACKED
        assert not await finish(store, job, S.DELIVERED)
        assert (await now(store, job.delivery.id)).state is S.ACKED
        assert await store.sweep_deliveries(10) == []

    async def test_what_was_never_sent_cannot_be_acked(self, store: Store) -> None:
        [delivery] = (await send(store, ALICE, "n-1", EMAIL)).deliveries
        report = Report(S.ACKED, "fake", delivery_id=delivery.id)
        assert await store.report_delivery(report) is None
        await claim(store)
        assert await store.report_delivery(report) is None
        assert (await now(store, delivery.id)).state is S.LEASED
