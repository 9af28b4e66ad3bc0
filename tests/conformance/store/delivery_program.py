"""Workers that are late or mistaken never move a delivery that is not theirs, whatever else happens."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from notify_grpc.domain.deliveries import DeliveryState, ErrorClass, Lease, Outcome, Target
from notify_grpc.domain.errors import FailedPrecondition
from notify_grpc.domain.models import EXTERNAL_CHANNELS, Channel
from notify_grpc.ports.store import DeliveryFilter, Report, Store
from tests.conformance.store.database import Database
from tests.conformance.store.delivery_model import Item, Line, shown
from tests.conformance.store.making import notice
from tests.conformance.store.program import Program, run_program

S = DeliveryState
LEASE_S = 90.0
LIFE_S = 150.0
STEP_S = 60.0
"""Time goes in these steps, and nothing falls due within 30 s of one: a database's clock runs on meanwhile."""
PICK = st.integers(0, 20)
MISTAKE = st.sampled_from([0, 0, 0, 0, -1, 1])


class DeliveryProgram(Program):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.items: dict[str, Item] = {}
        self.granted: list[tuple[Lease, str]] = []
        """Every lease there ever was, with its owner: workers come back with old ones."""
        self.keys = count()

    def picked(self, pick: int) -> str:
        return sorted(self.items)[pick % len(self.items)]

    def lease(self, pick: int, mistake: int) -> tuple[Lease, str, Item]:
        """A lease as a worker remembers it, rightly or not; late ones are as likely as any."""
        lease, owner = self.granted[pick % len(self.granted)]
        return lease._replace(fence=lease.fence + mistake), owner, self.items[lease.delivery_id]

    @rule(
        channel=st.sampled_from([Channel.EMAIL, Channel.SMS]),
        user=st.integers(0, 2),
        leased=st.booleans(),
        mortal=st.booleans(),
    )
    def send(self, channel: Channel, user: int, leased: bool, mortal: bool) -> None:
        [created] = self.run(
            self.store.create(
                notice(
                    self.users[user],
                    key=f"n-{next(self.keys)}",
                    targets=[Target(channel, "somewhere")],
                    expires_at_ms=self.database.now_ms() + round(LIFE_S * 1000) if mortal else 0,
                    lease_owner="notifier" if leased else "",
                    lease_s=LEASE_S,
                )
            )
        )
        [delivery] = created.deliveries
        item = self.items[delivery.id] = Item(channel, self.now + LIFE_S if mortal else float("inf"), self.now)
        if leased:
            item.lease(self.now + LEASE_S)
            self.granted.append((Lease(delivery.id, delivery.fence), "notifier"))

    @rule(owner=st.sampled_from(["w-1", "w-2"]))
    def claim(self, owner: str) -> None:
        jobs = self.run(self.store.claim(owner, limit=100, lease_s=LEASE_S, channels=EXTERNAL_CHANNELS, per_tenant=100))
        expected = {id for id, item in self.items.items() if item.claimable(self.now)}
        assert {job.delivery.id for job in jobs} == expected
        assert len(jobs) == len(expected)
        for job in jobs:
            self.items[job.delivery.id].lease(self.now + LEASE_S)
            self.granted.append((job.lease, owner))

    @precondition(lambda self: self.granted)
    @rule(pick=PICK, mistake=MISTAKE)
    def start(self, pick: int, mistake: int) -> None:
        lease, _, item = self.lease(pick, mistake)
        assert self.run(self.store.start_sending([lease])) == (
            {lease.delivery_id} if item.start(lease.fence, self.now) else set()
        )

    @precondition(lambda self: self.granted)
    @rule(
        pick=PICK,
        mistake=MISTAKE,
        state=st.sampled_from([S.DELIVERED, S.RETRY, S.FAILED, S.PARKED, S.EXPIRED]),
        wait_s=st.sampled_from([0.0, 90.0]),
    )
    def finish(self, pick: int, mistake: int, state: DeliveryState, wait_s: float) -> None:
        lease, owner, item = self.lease(pick, mistake)
        outcome = Outcome(lease, state, owner, "fake", due_in_s=wait_s, counts_as_failure=True)
        taken = item.finish(lease.fence, owner, state, self.now + wait_s)
        assert self.run(self.store.finish([outcome])) == [taken]

    @precondition(lambda self: self.granted)
    @rule(pick=PICK, mistake=MISTAKE)
    def renew(self, pick: int, mistake: int) -> None:
        lease, _, item = self.lease(pick, mistake)
        if item.held(lease.fence) and item.lease_until <= self.now:
            return  # whether a lease that ran out but was not taken away can be renewed is the driver's to choose
        assert self.run(self.store.renew([lease], LEASE_S)) == (
            {lease.delivery_id} if item.renew(lease.fence, self.now + LEASE_S) else set()
        )

    @precondition(lambda self: self.granted)
    @rule(pick=PICK, mistake=MISTAKE)
    def release(self, pick: int, mistake: int) -> None:
        lease, _, item = self.lease(pick, mistake)
        assert self.run(self.store.release([lease])) == item.release(lease.fence, self.now)

    @rule(steps=st.integers(1, 3))
    def time_passes(self, steps: int) -> None:
        self.run(self.database.advance(STEP_S * steps))
        self.now += STEP_S * steps

    @rule()
    def sweep(self) -> None:
        swept: set[str] = set()
        while found := self.run(self.store.sweep_deliveries(100)):
            swept |= {delivery.id for delivery in found}
        assert swept == {id for id, item in self.items.items() if item.sweep(self.now)}

    @precondition(lambda self: self.items)
    @rule(pick=PICK)
    def retry(self, pick: int) -> None:
        id = self.picked(pick)
        if self.items[id].retry(self.now):
            assert shown(self.run(self.store.retry_delivery(id))) == self.items[id].shown()
        else:
            with pytest.raises(FailedPrecondition):
                self.run(self.store.retry_delivery(id))

    @precondition(lambda self: self.items)
    @rule(pick=PICK, state=st.sampled_from([S.ACKED, S.FAILED]))
    def report(self, pick: int, state: DeliveryState) -> None:
        id = self.picked(pick)
        reported = self.run(self.store.report_delivery(Report(state, "fake", delivery_id=id)))
        assert (reported is not None) == self.items[id].report(state)

    @invariant()
    def every_delivery_is_where_it_should_be(self) -> None:
        deliveries = self.run(self.store.list_deliveries(DeliveryFilter(), limit=1_000))
        assert {delivery.id: shown(delivery) for delivery in deliveries} == {
            id: item.shown() for id, item in self.items.items()
        }

    def teardown(self) -> None:
        try:
            for id, item in self.items.items():
                assert self.audit(id) == item.audit
        finally:
            super().teardown()

    def audit(self, id: str) -> list[Line]:
        """The workers' lines; the sweep's are tested on their own."""
        _, attempts = self.run(self.store.get_delivery(id))
        workers = [line for line in attempts if line.error_class is not ErrorClass.UNKNOWN_OUTCOME]
        return [(line.fence, line.owner, line.state, line.stale) for line in workers]


class DeliveryPrograms:
    @pytest.mark.timeout(240)
    async def test_any_program_of_late_and_mistaken_workers_leaves_what_the_model_has(
        self, database: Database, store: Store, other: Store
    ) -> None:
        await run_program(DeliveryProgram, database, store, other)
