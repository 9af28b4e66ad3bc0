"""The queue of deliveries: claim, send, finish, and what time does to them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from notify_grpc.domain.deliveries import PARKING_CHANNELS, Attempt, Delivery, Job, Lease, Outcome
from notify_grpc.domain.ids import is_id
from notify_grpc.domain.models import Channel
from notify_grpc.stores.postgres.arrays import Bigints, Texts, Uuids
from notify_grpc.stores.postgres.pool import Database, Statement
from notify_grpc.stores.postgres.queries import load
from notify_grpc.stores.postgres.rows import content, delivery

_SQL = load("deliveries")
_PARKING = Texts(sorted(PARKING_CHANNELS))


class Queue:
    """`DeliveryStore` as the dispatcher uses it."""

    _database: Database
    _last_tenant = ""
    """Who was served last; the next claim begins behind."""

    async def claim(
        self,
        owner: str,
        *,
        limit: int,
        lease_s: float,
        channels: Collection[Channel],
        per_tenant: int,
    ) -> list[Job]:
        params = {
            "owner": owner,
            "limit": limit,
            "lease_ms": _ms(lease_s),
            "channels": Texts(channels),
            "per_tenant": per_tenant,
            "after": self._last_tenant,
        }
        [rows] = await self._database.write(Statement(_SQL["claim"], params))
        jobs = [Job(delivery(row[6:]), content(*row[1:6]), row[0]) for row in rows]
        if jobs:
            self._last_tenant = jobs[-1].delivery.tenant_id
        return jobs

    async def start_sending(self, leases: Sequence[Lease]) -> set[str]:
        return await self._change_held("start_sending", leases)

    async def renew(self, leases: Sequence[Lease], lease_s: float) -> set[str]:
        return await self._change_held("renew", leases, lease_ms=_ms(lease_s))

    async def release(self, leases: Sequence[Lease], due_in_s: float = 0.0) -> int:
        return len(await self._change_held("release", leases, due_in_ms=_ms(due_in_s)))

    async def _change_held(self, statement: str, leases: Sequence[Lease], **params: int) -> set[str]:
        known = [lease for lease in leases if is_id(lease.delivery_id)]
        ids, fences = Uuids(lease.delivery_id for lease in known), Bigints(lease.fence for lease in known)
        [rows] = await self._database.write(Statement(_SQL[statement], {"ids": ids, "fences": fences, **params}))
        return {id for (id,) in rows}

    async def finish(self, outcomes: Sequence[Outcome]) -> list[bool]:
        known = [outcome for outcome in outcomes if is_id(outcome.lease.delivery_id)]
        [rows] = await self._database.write(Statement(_SQL["finish"], _outcomes(known) | _attempts(known)))
        taken = {id(known[place - 1]) for (place,) in rows}
        return [id(outcome) in taken for outcome in outcomes]

    async def sweep_deliveries(self, limit: int) -> list[Delivery]:
        [rows] = await self._database.write(Statement(_SQL["sweep"], {"limit": limit, "parking": _PARKING}))
        return [delivery(row) for row in rows]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _outcomes(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "ids": Uuids(outcome.lease.delivery_id for outcome in outcomes),
        "fences": Bigints(outcome.lease.fence for outcome in outcomes),
        "states": Texts(outcome.state for outcome in outcomes),
        "providers": Texts(outcome.provider for outcome in outcomes),
        "message_ids": Texts(outcome.provider_message_id for outcome in outcomes),
        "error_classes": Texts(outcome.error_class or "" for outcome in outcomes),
        "error_codes": Texts(outcome.error_code for outcome in outcomes),
        "errors": Texts(outcome.error for outcome in outcomes),
        "due_in_ms": Bigints(_ms(outcome.due_in_s) for outcome in outcomes),
        "failures": Bigints(int(outcome.counts_as_failure) for outcome in outcomes),
    }


def _attempts(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Every line of the audit, with the place of its outcome."""
    places, attempts = [], []
    for place, outcome in enumerate(outcomes, 1):
        for attempt in _audit(outcome):
            places.append(place)
            attempts.append(attempt)
    return {
        "a_places": Bigints(places),
        "a_at_ms": Bigints(attempt.at_ms for attempt in attempts),
        "a_fences": Bigints(attempt.fence for attempt in attempts),
        "a_owners": Texts(attempt.owner for attempt in attempts),
        "a_providers": Texts(attempt.provider for attempt in attempts),
        "a_states": Texts(attempt.state for attempt in attempts),
        "a_error_classes": Texts(attempt.error_class or "" for attempt in attempts),
        "a_error_codes": Texts(attempt.error_code for attempt in attempts),
        "a_errors": Texts(attempt.error for attempt in attempts),
        "a_durations": Bigints(attempt.duration_ms for attempt in attempts),
    }


def _audit(outcome: Outcome) -> Iterator[Attempt]:
    yield from outcome.attempts
    yield Attempt(
        at_ms=0,
        fence=outcome.lease.fence,
        owner=outcome.owner,
        provider=outcome.provider,
        state=outcome.state,
        error_class=outcome.error_class,
        error_code=outcome.error_code,
        error=outcome.error,
        duration_ms=outcome.duration_ms,
    )
