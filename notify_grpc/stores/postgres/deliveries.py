"""Looking at deliveries, and what operators and providers do to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from notify_grpc.domain.deliveries import RETRYABLE_BY_OPERATOR, Attempt, Delivery, DeliveryState, may
from notify_grpc.domain.errors import FailedPrecondition, NotFound
from notify_grpc.domain.ids import is_id
from notify_grpc.ports.store import DeliveryFilter, DueStats, Report
from notify_grpc.stores.postgres.arrays import Texts, Uuids
from notify_grpc.stores.postgres.pool import Database, Statement
from notify_grpc.stores.postgres.queries import load
from notify_grpc.stores.postgres.rows import attempt, delivery

_SQL = load("deliveries")
_DUE_BOUND = 10_000
_NIL = "00000000-0000-0000-0000-000000000000"
_STUCK = RETRYABLE_BY_OPERATOR
"""States with an index of their own."""


class Deliveries:
    """`DeliveryStore` but for the queue."""

    _database: Database

    async def get_delivery(self, id: str) -> tuple[Delivery, list[Attempt]]:
        found = await self._get(id)
        return found, (await self._audits([id])).get(id, [])

    async def _get(self, id: str) -> Delivery:
        rows = await self._database.read(_SQL["get"], id=id) if is_id(id) else []
        if not rows:
            raise NotFound("no such delivery")
        return delivery(rows[0])

    async def _audits(self, ids: Iterable[str]) -> dict[str, list[Attempt]]:
        audits: dict[str, list[Attempt]] = {}
        for id, *columns in await self._database.read(_SQL["attempts"], ids=Uuids(ids)):
            audits.setdefault(id, []).append(attempt(tuple(columns)))
        return audits

    async def list_deliveries(self, where: DeliveryFilter, *, after: str = "", limit: int) -> list[Delivery]:
        if where.states and where.states <= _STUCK:
            statement = "list_stuck"
        else:
            statement = "list_of_tenant" if where.tenant_id else "list_all"
        rows = await self._database.read(
            _SQL[statement],
            tenant_id=where.tenant_id,
            states=Texts(where.states),
            channels=Texts(where.channels),
            created_before_ms=where.created_before_ms,
            after=after if is_id(after) else _NIL,
            limit=limit,
        )
        return [delivery(row) for row in rows]

    async def list_deliveries_of(
        self, notification_refs: Collection[str]
    ) -> Mapping[str, Sequence[tuple[Delivery, list[Attempt]]]]:
        refs = Uuids(filter(is_id, notification_refs))
        deliveries = [delivery(row) for row in await self._database.read(_SQL["list_of"], refs=refs)]
        audits = await self._audits(one.id for one in deliveries) if deliveries else {}
        found: dict[str, list[tuple[Delivery, list[Attempt]]]] = {}
        for one in deliveries:
            found.setdefault(one.notification_ref, []).append((one, audits.get(one.id, [])))
        return found

    async def retry_delivery(self, id: str) -> Delivery:
        if is_id(id):
            params = {"id": id, "from_states": Texts(RETRYABLE_BY_OPERATOR)}
            [rows] = await self._database.write(Statement(_SQL["retry"], params))
            if rows:
                return delivery(rows[0])
        found = await self._get(id)
        raise FailedPrecondition(f"a delivery that is {found.state} cannot be retried")

    async def report_delivery(self, report: Report) -> Delivery | None:
        if report.delivery_id and not is_id(report.delivery_id):
            return None
        params = {
            "id": report.delivery_id,
            "state": report.state.value,
            "provider": report.provider,
            "message_id": report.provider_message_id,
            "error_class": report.error_class.value if report.error_class else "",
            "error_code": report.error_code,
            "error": report.error,
            "from_states": Texts(state for state in DeliveryState if may(state, report.state)),
        }
        statement = "report" if report.delivery_id else "report_message"
        [rows] = await self._database.write(Statement(_SQL[statement], params))
        return delivery(rows[0]) if rows else None

    async def due_stats(self) -> DueStats:
        [[due, oldest_age_ms]] = await self._database.read(_SQL["due_stats"], after="", bound=_DUE_BOUND)
        return DueStats(due, oldest_age_ms / 1000)
