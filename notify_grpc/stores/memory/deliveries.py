"""The queue of deliveries in memory."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from notify_grpc.domain.backoff import MAX_CLAIMS
from notify_grpc.domain.deliveries import (
    ABANDONED,
    HELD,
    PARKING_CHANNELS,
    RETRYABLE_BY_OPERATOR,
    WAITING,
    Attempt,
    Delivery,
    DeliveryState,
    ErrorClass,
    Job,
    Lease,
    Outcome,
    may,
)
from notify_grpc.domain.errors import FailedPrecondition, NotFound
from notify_grpc.domain.models import Channel
from notify_grpc.ports.store import DeliveryFilter, DueStats, Report
from notify_grpc.stores.memory.delivery_rows import FREE, DeliveryRow, DeliveryRows

_DUE_BOUND = 10_000
TOO_MANY_CLAIMS = "too_many_claims"


class Deliveries(DeliveryRows):
    """`DeliveryStore`: what may become of a row, and when."""

    async def claim(
        self,
        owner: str,
        *,
        limit: int,
        lease_s: float,
        channels: Collection[Channel],
        per_tenant: int,
    ) -> list[Job]:
        now_ms = self._clock.now_ms()
        rows = [self._deliveries[id] for id in self._due.take(now_ms, channels, limit, per_tenant)]
        return [Job(self._lease(row, owner, now_ms, lease_s), row.content, row.traceparent) for row in rows]

    def _lease(self, row: DeliveryRow, owner: str, now_ms: int, lease_s: float) -> Delivery:
        return self._move(
            row,
            state=DeliveryState.LEASED,
            fence=row.delivery.fence + 1,
            attempts=row.delivery.attempts + 1,
            lease_owner=owner,
            lease_until_ms=now_ms + round(lease_s * 1000),
        )

    async def start_sending(self, leases: Sequence[Lease]) -> set[str]:
        now_ms = self._clock.now_ms()
        started = [
            row
            for row in self._held(leases)
            if row.delivery.state is DeliveryState.LEASED and row.delivery.lease_until_ms > now_ms
        ]
        return {self._move(row, state=DeliveryState.SENDING).id for row in started}

    async def finish(self, outcomes: Sequence[Outcome]) -> list[bool]:
        return [self._finish(outcome) for outcome in outcomes]

    def _finish(self, outcome: Outcome) -> bool:
        row = self._deliveries.get(outcome.lease.delivery_id)
        if row is None:
            return False
        before = row.delivery
        holds = before.state in HELD and before.fence == outcome.lease.fence and may(before.state, outcome.state)
        self._audit(row, outcome, stale=not holds)
        if holds:
            self._move(
                row,
                state=outcome.state,
                due_at_ms=self._clock.now_ms() + round(outcome.due_in_s * 1000),
                failures=before.failures + outcome.counts_as_failure,
                provider=outcome.provider,
                provider_message_id=outcome.provider_message_id,
                last_error_class=outcome.error_class,
                last_error_code=outcome.error_code,
                last_error=outcome.error,
                **FREE,
            )
        return holds

    def _audit(self, row: DeliveryRow, outcome: Outcome, *, stale: bool) -> None:
        now_ms = self._clock.now_ms()
        row.audit += (replace(earlier, at_ms=earlier.at_ms or now_ms, stale=stale) for earlier in outcome.attempts)
        row.audit.append(
            Attempt(
                at_ms=now_ms,
                fence=outcome.lease.fence,
                owner=outcome.owner,
                provider=outcome.provider,
                state=outcome.state,
                error_class=outcome.error_class,
                error_code=outcome.error_code,
                error=outcome.error,
                duration_ms=outcome.duration_ms,
                stale=stale,
            )
        )

    async def renew(self, leases: Sequence[Lease], lease_s: float) -> set[str]:
        until_ms = self._clock.now_ms() + round(lease_s * 1000)
        return {self._move(row, lease_until_ms=until_ms).id for row in self._held(leases)}

    async def release(self, leases: Sequence[Lease], due_in_s: float = 0.0) -> int:
        due_ms = self._clock.now_ms() + round(due_in_s * 1000)
        rows = [row for row in self._held(leases) if row.delivery.state is DeliveryState.LEASED]
        for row in rows:
            self._move(row, state=DeliveryState.PENDING, due_at_ms=due_ms, attempts=row.delivery.attempts - 1, **FREE)
        return len(rows)

    def _held(self, leases: Sequence[Lease]) -> list[DeliveryRow]:
        rows = ((self._deliveries.get(lease.delivery_id), lease.fence) for lease in dict.fromkeys(leases))
        return [row for row, fence in rows if row and row.delivery.state in HELD and row.delivery.fence == fence]

    async def sweep_deliveries(self, limit: int) -> list[Delivery]:
        return list(islice(self._sweep(), limit))

    def _sweep(self) -> Iterator[Delivery]:
        now_ms = self._clock.now_ms()
        while self._leases and self._leases[0][0] <= now_ms:
            until_ms, id, fence = heapq.heappop(self._leases)
            row = self._deliveries.get(id)
            if (
                row
                and row.delivery.state in HELD
                and (row.delivery.lease_until_ms, row.delivery.fence) == (until_ms, fence)
            ):
                yield self._run_out(row, now_ms)
        while self._expiries and self._expiries[0][0] <= now_ms:
            row = self._deliveries.get(heapq.heappop(self._expiries)[1])
            if row and row.delivery.state in WAITING and self._expired(row.delivery):
                yield self._move(row, state=DeliveryState.EXPIRED)
        for row in list(self._worn.values()):
            yield self._bury(row)

    def _run_out(self, row: DeliveryRow, now_ms: int) -> Delivery:
        """What becomes of a row whose lease ran out."""
        before = row.delivery
        if before.state is DeliveryState.SENDING:
            parks = before.channel in PARKING_CHANNELS
            self._note_unknown(row, DeliveryState.PARKED if parks else DeliveryState.RETRY)
            if parks:
                return self._move(row, state=DeliveryState.PARKED, last_error_class=ErrorClass.UNKNOWN_OUTCOME, **FREE)
        if before.attempts >= MAX_CLAIMS:
            return self._bury(row)
        unknown = ErrorClass.UNKNOWN_OUTCOME if before.state is DeliveryState.SENDING else before.last_error_class
        return self._move(row, state=DeliveryState.RETRY, due_at_ms=now_ms, last_error_class=unknown, **FREE)

    def _note_unknown(self, row: DeliveryRow, state: DeliveryState) -> None:
        delivery = row.delivery
        row.audit.append(
            Attempt(
                at_ms=self._clock.now_ms(),
                fence=delivery.fence,
                owner=delivery.lease_owner,
                provider=delivery.provider,
                state=state,
                error_class=ErrorClass.UNKNOWN_OUTCOME,
            )
        )

    def _abandon(self, row: DeliveryRow) -> Delivery:
        state, error, code = ABANDONED
        row.audit.append(Attempt(self._clock.now_ms(), row.delivery.fence, "", "", state, error, code))
        return self._move(row, state=state, last_error_class=error, last_error_code=code, last_error="")

    def _bury(self, row: DeliveryRow) -> Delivery:
        return self._move(row, state=DeliveryState.FAILED, last_error_code=TOO_MANY_CLAIMS, **FREE)

    async def get_delivery(self, id: str) -> tuple[Delivery, list[Attempt]]:
        row = self._find(id)
        return row.delivery, list(row.audit)

    def _find(self, id: str) -> DeliveryRow:
        row = self._deliveries.get(id)
        if row is None:
            raise NotFound("no such delivery")
        return row

    async def list_deliveries(self, where: DeliveryFilter, *, after: str = "", limit: int) -> list[Delivery]:
        ids = islice(self._ids, bisect_right(self._ids, after), None)
        deliveries = (self._deliveries[id].delivery for id in ids)
        return list(islice((delivery for delivery in deliveries if _matches(delivery, where)), limit))

    async def list_deliveries_of(
        self, notification_refs: Collection[str]
    ) -> Mapping[str, Sequence[tuple[Delivery, list[Attempt]]]]:
        found = {ref: self._of[ref] for ref in notification_refs if ref in self._of}
        return {ref: [(row.delivery, list(row.audit)) for row in rows] for ref, rows in found.items()}

    async def retry_delivery(self, id: str) -> Delivery:
        row = self._find(id)
        if row.delivery.state not in RETRYABLE_BY_OPERATOR:
            raise FailedPrecondition(f"a delivery that is {row.delivery.state} cannot be retried")
        return self._move(
            row,
            state=DeliveryState.PENDING,
            due_at_ms=self._clock.now_ms(),
            failures=0,
            attempts=0,
            expires_at_ms=0 if self._expired(row.delivery) else row.delivery.expires_at_ms,
        )

    async def report_delivery(self, report: Report) -> Delivery | None:
        key = (report.provider, report.provider_message_id)
        row = self._deliveries.get(report.delivery_id) if report.delivery_id else self._messages.get(key)
        if row is None or not may(row.delivery.state, report.state):
            return None
        return self._move(
            row,
            state=report.state,
            provider=row.delivery.provider or report.provider,
            provider_message_id=row.delivery.provider_message_id or report.provider_message_id,
            last_error_class=report.error_class,
            last_error_code=report.error_code,
            last_error=report.error,
            **FREE,
        )

    async def due_stats(self) -> DueStats:
        now_ms = self._clock.now_ms()
        due = [entry.due_at_ms for entry in self._due.due(now_ms, _DUE_BOUND)]
        return DueStats(len(due), (now_ms - min(due)) / 1000 if due else 0.0)


def _matches(delivery: Delivery, where: DeliveryFilter) -> bool:
    return (
        (not where.tenant_id or delivery.tenant_id == where.tenant_id)
        and (not where.states or delivery.state in where.states)
        and (not where.channels or delivery.channel in where.channels)
        and (not where.created_before_ms or delivery.created_at_ms < where.created_before_ms)
    )
