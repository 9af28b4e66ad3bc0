"""What an operator does: look at deliveries, try one again, watch the backlog."""

from __future__ import annotations

import pytest

from notify_grpc.domain.deliveries import DeliveryState
from notify_grpc.domain.errors import FailedPrecondition, NotFound
from notify_grpc.domain.models import Channel, UserKey
from notify_grpc.ports.store import DeliveryFilter, Store
from tests.conformance.store.database import Database
from tests.conformance.store.making import ALICE, BOB, EMAIL, NAMESAKE, PUSH, SMS, T0, notice, send
from tests.conformance.store.working import claim, claim_to_send, finish, ids, now

S = DeliveryState
EVERYTHING = DeliveryFilter()


class Operating:
    async def test_an_unknown_delivery_is_not_found(self, store: Store) -> None:
        for unknown in ("", "x" * 300, "01900000-0000-7000-8000-000000000000"):
            with pytest.raises(NotFound):
                await store.get_delivery(unknown)
            with pytest.raises(NotFound):
                await store.retry_delivery(unknown)

    async def test_deliveries_are_listed_by_id_page_by_page(self, store: Store) -> None:
        created = [await send(store, ALICE, f"n-{number}", EMAIL, SMS) for number in range(4)]
        wanted = sorted(delivery.id for row in created for delivery in row.deliveries)
        seen: list[str] = []
        while page := await store.list_deliveries(EVERYTHING, after=seen[-1] if seen else "", limit=3):
            assert len(page) <= 3
            seen += [delivery.id for delivery in page]
        assert seen == wanted

    async def test_deliveries_are_filtered_by_tenant_state_channel_and_age(self, store: Store) -> None:
        for number, user in enumerate([ALICE, BOB, NAMESAKE]):
            await store.create(notice(user, targets=[EMAIL, SMS, PUSH], at_ms=T0 + number))
        for job in await claim(store, channels=[Channel.SMS]):
            await finish(store, job, S.FAILED)

        async def found(where: DeliveryFilter = EVERYTHING) -> set[tuple[str, str]]:
            page = await store.list_deliveries(where, limit=100)
            return {(f"{delivery.tenant_id}/{delivery.user_id}", delivery.channel) for delivery in page}

        acme_sms = {("acme/alice", "sms"), ("acme/bob", "sms")}
        assert len(await found()) == 9
        assert await found(DeliveryFilter(tenant_id="umbrella")) == {
            ("umbrella/alice", c) for c in ("email", "sms", "mobile_push")
        }
        assert await found(DeliveryFilter(states=frozenset({S.FAILED}))) == acme_sms | {("umbrella/alice", "sms")}
        assert await found(DeliveryFilter(channels=frozenset({Channel.SMS}), tenant_id="acme")) == acme_sms
        assert await found(DeliveryFilter(created_before_ms=T0 + 1, channels=frozenset({Channel.EMAIL}))) == {
            ("acme/alice", "email")
        }
        assert await found(
            DeliveryFilter(states=frozenset({S.PENDING, S.FAILED}), tenant_id="acme", created_before_ms=T0 + 2)
        ) == {(f"acme/{name}", channel) for name in ("alice", "bob") for channel in ("email", "sms", "mobile_push")}
        assert await found(DeliveryFilter(states=frozenset({S.PARKED}))) == set()

    async def test_a_filtered_list_pages_too(self, store: Store) -> None:
        users = [UserKey("acme" if number % 3 else "umbrella", f"u-{number}") for number in range(12)]
        for user in users:
            await send(store, user, "n-1", EMAIL)
        seen: list[str] = []
        where = DeliveryFilter(tenant_id="umbrella")
        while page := await store.list_deliveries(where, after=seen[-1] if seen else "", limit=2):
            assert {delivery.tenant_id for delivery in page} == {"umbrella"}
            seen += [delivery.id for delivery in page]
        assert len(seen) == len(set(seen)) == 4

    async def test_deliveries_of_notifications_come_with_their_audits(self, store: Store) -> None:
        mine = await send(store, ALICE, "n-1", SMS, EMAIL, PUSH)
        yours = await send(store, BOB, "n-1", EMAIL)
        bare = await send(store, ALICE, "n-2")
        [job] = await claim(store, channels=[Channel.SMS])
        await finish(store, job, S.RETRY, due_in_s=600)
        found = await store.list_deliveries_of([mine.id, bare.id, yours.id, "unknown"])
        assert set(found) == {mine.id, yours.id}
        assert [delivery.id for delivery, _ in found[mine.id]] == [delivery.id for delivery in mine.deliveries]
        assert [[attempt.state for attempt in audit] for _, audit in found[mine.id]] == [[S.RETRY], [], []]
        assert [(delivery, list(audit)) for delivery, audit in found[yours.id]] == [(yours.deliveries[0], [])]
        assert await store.list_deliveries_of([]) == {}

    @pytest.mark.parametrize("state", [S.FAILED, S.PARKED, S.EXPIRED])
    async def test_a_delivery_that_ended_badly_may_be_tried_again(self, store: Store, state: DeliveryState) -> None:
        await send(store, ALICE, "n-1", SMS)
        [job] = await claim_to_send(store)
        assert await finish(store, job, state)
        again = await store.retry_delivery(job.delivery.id)
        assert (again.state, again.attempts, again.failures, again.fence) == (S.PENDING, 0, 0, 1)
        assert await now(store, again.id) == again
        [retried] = await claim(store)
        assert (retried.delivery.id, retried.delivery.fence, retried.delivery.attempts) == (again.id, 2, 1)

    async def test_a_retry_clears_an_expiry_that_is_past(self, store: Store, database: Database) -> None:
        soon = database.now_ms() + 600_000
        await store.create(notice(ALICE, targets=[EMAIL], expires_at_ms=soon))
        await database.advance(900)
        [expired] = await store.sweep_deliveries(10)
        assert (await store.retry_delivery(expired.id)).expires_at_ms == 0
        assert ids(await claim(store)) == [expired.id]

    async def test_a_retry_keeps_an_expiry_to_come(self, store: Store, database: Database) -> None:
        later = database.now_ms() + 600_000
        await store.create(notice(ALICE, targets=[EMAIL], expires_at_ms=later))
        [job] = await claim(store)
        await finish(store, job, S.FAILED)
        assert abs((await store.retry_delivery(job.delivery.id)).expires_at_ms - later) < 30_000
        await database.advance(900)
        assert await claim(store) == []

    async def test_what_is_open_or_succeeded_is_not_tried_again(self, store: Store) -> None:
        [delivery] = (await send(store, ALICE, "n-1", EMAIL)).deliveries

        async def refused() -> None:
            before = await now(store, delivery.id)
            with pytest.raises(FailedPrecondition):
                await store.retry_delivery(delivery.id)
            assert await now(store, delivery.id) == before

        await refused()
        [job] = await claim(store)
        await refused()
        await store.start_sending([job.lease])
        await refused()
        await finish(store, job, S.RETRY)
        await refused()
        [job] = await claim_to_send(store)
        await finish(store, job, S.DELIVERED)
        await refused()

    async def test_the_backlog_is_what_is_due_and_not_held(self, store: Store, database: Database) -> None:
        assert await store.due_stats() == (0, 0.0)
        for number in range(3):
            await send(store, ALICE, f"n-{number}", EMAIL)
            await database.advance(600)
        due, oldest_s = await store.due_stats()
        assert due == 3
        assert abs(oldest_s - 1_800) < 60
        [job] = await claim(store, limit=1)
        due, oldest_s = await store.due_stats()
        assert due == 2
        assert abs(oldest_s - 1_200) < 60
        await finish(store, job, S.RETRY, due_in_s=3_600)
        assert (await store.due_stats()).due == 2
        await database.advance(4_200)
        assert (await store.due_stats()).due == 3

    async def test_the_backlog_counts_all_tenants_and_channels(self, store: Store) -> None:
        for user in (ALICE, BOB, NAMESAKE):
            await send(store, user, "n-1", EMAIL, SMS)
        assert (await store.due_stats()).due == 6
