"""The queue of deliveries in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import (
    RETRYABLE_BY_OPERATOR,
    Attempt,
    Delivery,
    Job,
    Lease,
    Outcome,
)
from notify_grpc.domain.models import Channel
from notify_grpc.ports.store import DeliveryFilter, DeliveryStore, DueStats, Report
from notify_grpc.stores.sqlite import claims, settling
from notify_grpc.stores.sqlite.claims import Turn, Wanted
from notify_grpc.stores.sqlite.database import Database
from notify_grpc.stores.sqlite.queries import load
from notify_grpc.stores.sqlite.rows import attempt, delivery, text_list, to_json

_SQL = load("deliveries")


class SqliteDeliveries(Database, DeliveryStore):
    """`DeliveryStore`."""

    def __init__(self, path: str | Path, clock: Clock | None = None, *, busy_timeout_s: float = 1.0) -> None:
        super().__init__(path, clock, busy_timeout_s=busy_timeout_s)
        self._turn = Turn()

    async def claim(
        self,
        owner: str,
        *,
        limit: int,
        lease_s: float,
        channels: Collection[Channel],
        per_tenant: int,
    ) -> list[Job]:
        wanted = Wanted(limit, frozenset(channels), per_tenant)
        return await self._writer.run(claims.claim, limit, self._turn, owner, lease_s, wanted)

    async def start_sending(self, leases: Sequence[Lease]) -> set[str]:
        return await self._writer.run(claims.move_held, len(leases), "start", leases)

    async def finish(self, outcomes: Sequence[Outcome]) -> list[bool]:
        return await self._writer.run(settling.finish, len(outcomes), outcomes)

    async def renew(self, leases: Sequence[Lease], lease_s: float) -> set[str]:
        return await self._writer.run(claims.move_held, len(leases), "renew", leases, lease_s)

    async def release(self, leases: Sequence[Lease], due_in_s: float = 0.0) -> int:
        return len(await self._writer.run(claims.move_held, len(leases), "release", leases, due_in_s))

    async def sweep_deliveries(self, limit: int) -> list[Delivery]:
        return await self._writer.run(settling.sweep, limit, limit)

    async def get_delivery(self, id: str) -> tuple[Delivery, list[Attempt]]:
        return await self._readers.run(_get, id)

    async def list_deliveries(self, where: DeliveryFilter, *, after: str = "", limit: int) -> list[Delivery]:
        return await self._readers.run(_list, where, after, limit)

    async def list_deliveries_of(
        self, notification_refs: Collection[str]
    ) -> Mapping[str, Sequence[tuple[Delivery, list[Attempt]]]]:
        return await self._readers.run(_list_of, notification_refs) if notification_refs else {}

    async def retry_delivery(self, id: str) -> Delivery:
        return await self._writer.run(settling.retry, 1, id)

    async def report_delivery(self, report: Report) -> Delivery | None:
        return await self._writer.run(settling.report, 1, report)

    async def due_stats(self) -> DueStats:
        return await self._readers.run(claims.due_stats, self._clock.now_ms())


def _get(db: sqlite3.Connection, id: str) -> tuple[Delivery, list[Attempt]]:
    row = settling.get(db, id)
    return row.delivery, _audits(db, [row.number]).get(row.number, [])


def _list(db: sqlite3.Connection, where: DeliveryFilter, after: str, limit: int) -> list[Delivery]:
    trouble = where.states and where.states <= RETRYABLE_BY_OPERATOR
    values: dict[str, Any] = {
        "tenant_id": where.tenant_id or None,
        "states": text_list(where.states) if where.states else None,
        "channels": text_list(where.channels) if where.channels else None,
        "created_before_ms": where.created_before_ms or None,
        "after": after,
        "limit": limit,
    }
    return [delivery(row) for row in db.execute(_SQL["list_trouble" if trouble else "list"], values)]


def _list_of(db: sqlite3.Connection, refs: Collection[str]) -> dict[str, list[tuple[Delivery, list[Attempt]]]]:
    found = settling.rows(db, "of_notifications", {"refs": text_list(refs)})
    audits = _audits(db, [row.number for row in found])
    of: dict[str, list[tuple[Delivery, list[Attempt]]]] = {}
    for row in found:
        of.setdefault(row.delivery.notification_ref, []).append((row.delivery, audits.get(row.number, [])))
    return of


def _audits(db: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, list[Attempt]]:
    audits: dict[int, list[Attempt]] = {}
    for number, *columns in db.execute(_SQL["attempts"], {"numbers": to_json(numbers)}):
        audits.setdefault(number, []).append(attempt(tuple(columns)))
    return audits
