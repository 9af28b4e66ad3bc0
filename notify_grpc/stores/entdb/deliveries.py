"""The queue of deliveries, but for claiming: `DeliveryStore`. Each move compares and sets the row it was decided on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from notify_grpc.domain.deliveries import WAITING, Attempt, Delivery, Lease, Outcome
from notify_grpc.domain.errors import NotFound
from notify_grpc.domain.ids import is_id
from notify_grpc.domain.models import Channel
from notify_grpc.ports.store import DeliveryFilter, Report
from notify_grpc.stores.entdb import moves
from notify_grpc.stores.entdb.attempts import Attempts
from notify_grpc.stores.entdb.connection import Conflict
from notify_grpc.stores.entdb.delivery_rows import DeliveryRow, read_row
from notify_grpc.stores.entdb.keys import key
from notify_grpc.stores.entdb.moves import Move
from notify_grpc.stores.entdb.nodes import EQ, GT, GTE, LT, LTE, Node, where
from notify_grpc.stores.entdb.notification_rows import read_row as read_notification
from notify_grpc.stores.entdb.part import Part
from notify_grpc.stores.entdb.schema import DeliveryField, NotificationField, Type
from notify_grpc.stores.entdb.walk import Axis, walk

_PLAN = 200
_BEGINNING_MS = 1_700_000_000_000
"""No delivery is older."""
_HOUR_MS = 3_600_000
_MINUTE_MS = 60_000

Decide = Callable[[Delivery, int], Move | None]
"""What becomes of a delivery at a time."""


class Deliveries(Part):
    """Reads rows, decides by `moves`, commits what was decided."""

    async def start_sending(self, leases: Sequence[Lease]) -> set[str]:
        """See `DeliveryStore`."""
        return set(await self._under(leases, moves.start))

    async def renew(self, leases: Sequence[Lease], lease_s: float) -> set[str]:
        """See `DeliveryStore`."""
        return set(await self._under(leases, lambda row, now_ms, lease: moves.renew(row, now_ms, lease, lease_s)))

    async def release(self, leases: Sequence[Lease], due_in_s: float = 0.0) -> int:
        """See `DeliveryStore`."""
        released = await self._under(leases, lambda row, now_ms, lease: moves.release(row, now_ms, lease, due_in_s))
        return len(released)

    async def finish(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """See `DeliveryStore`."""
        answers = [False] * len(outcomes)
        waiting = dict(enumerate(outcomes))
        while waiting:
            # Several outcomes of one delivery are taken one after the other.
            turn = {outcome.lease.delivery_id: number for number, outcome in reversed(waiting.items())}
            made = await self._finish({id: waiting.pop(number) for id, number in turn.items()})
            for id, number in turn.items():
                answers[number] = id in made and made[id].held
        return answers

    async def _finish(self, outcomes: Mapping[str, Outcome]) -> dict[str, Move]:
        return await self._change(outcomes, lambda row, now_ms: moves.finish(row, now_ms, outcomes[row.id]))

    async def sweep_deliveries(self, limit: int) -> list[Delivery]:
        """See `DeliveryStore`."""
        overdue = (
            where(DeliveryField.WATCH, GTE, 0),
            where(DeliveryField.WATCH, LTE, await self._time.now_ms()),
        )
        nodes, _ = await self._connection.query(Type.DELIVERY, *overdue, size=limit)
        made = await self._change([node.id for node in nodes], moves.sweep)
        return [move.delivery for move in made.values()]

    async def get_delivery(self, id: str) -> tuple[Delivery, list[Attempt]]:
        """See `DeliveryStore`."""
        for row in (await self._delivery_rows([id])).values():
            return row.delivery, list(row.audit)
        raise NotFound("no such delivery")

    async def list_deliveries(self, where_: DeliveryFilter, *, after: str = "", limit: int) -> list[Delivery]:
        """See `DeliveryStore`. Walks along the time of creation; EntDB filters by tenant and a single state."""
        conditions = [where(DeliveryField.ID, GT, after)]
        if where_.tenant_id:
            conditions.append(where(DeliveryField.TENANT, EQ, where_.tenant_id))
        if len(where_.states) == 1:
            conditions += (where(DeliveryField.STATE, EQ, state) for state in where_.states)
        axis = Axis(Type.DELIVERY, DeliveryField.ID, _id_from, tuple(conditions))
        nodes = await walk(
            self._connection,
            axis,
            _created_ms(after) if is_id(after) else _BEGINNING_MS,
            await self._time.now_ms() + _HOUR_MS,
            want=limit,
            width=_MINUTE_MS,
            keep=lambda node: _matches(node, where_),
        )
        return [read_row(node).delivery for node in nodes]

    async def list_deliveries_of(
        self, notification_refs: Collection[str]
    ) -> Mapping[str, Sequence[tuple[Delivery, list[Attempt]]]]:
        """See `DeliveryStore`."""
        nodes = await self._connection.get(Type.NOTIFICATION, filter(is_id, notification_refs))
        ids = {ref: read_notification(node).delivery_ids for ref, node in nodes.items()}
        rows = await self._delivery_rows([id for each in ids.values() for id in each])
        found = {ref: [rows[id] for id in each if id in rows] for ref, each in ids.items()}
        return {ref: [(row.delivery, list(row.audit)) for row in each] for ref, each in found.items() if each}

    async def abandon(self, created_before_ms: int, channels: Collection[Channel], *, limit: int) -> list[Delivery]:
        """See `Retention`."""
        old = (where(NotificationField.AGE, GTE, 0), where(NotificationField.AGE, LT, created_before_ms))
        abandoned: list[Delivery] = []
        async for page in self._connection.pages(Type.NOTIFICATION, *old):
            rows = await self._delivery_rows([id for node in page for id in read_notification(node).delivery_ids])
            there = (row.delivery for row in rows.values() if row.delivery.channel in channels)
            waiting = [delivery.id for delivery in there if delivery.state in WAITING]
            made = await self._change(waiting[: limit - len(abandoned)], moves.abandon)
            abandoned += (move.delivery for move in made.values())
            if len(abandoned) >= limit:
                break
        return abandoned

    async def retry_delivery(self, id: str) -> Delivery:
        """See `DeliveryStore`."""
        made = await self._change([id], moves.retry)
        if id not in made:
            raise NotFound("no such delivery")
        return made[id].delivery

    async def report_delivery(self, report: Report) -> Delivery | None:
        """See `DeliveryStore`."""
        ids = [report.delivery_id] if report.delivery_id else await self._reported(report)
        made = await self._change(ids, lambda row, now_ms: moves.report(row, now_ms, report))
        return next((move.delivery for move in made.values()), None)

    async def _reported(self, report: Report) -> list[str]:
        named = where(DeliveryField.REPORT, EQ, key(report.provider, report.provider_message_id))
        nodes, _ = await self._connection.query(Type.DELIVERY, named, size=1)
        return [node.id for node in nodes]

    async def _delivery_rows(self, ids: Collection[str]) -> dict[str, DeliveryRow]:
        nodes = await self._connection.get(Type.DELIVERY, filter(is_id, ids))
        return {id: read_row(nodes[id]) for id in ids if id in nodes}

    async def _under(
        self, leases: Sequence[Lease], decide: Callable[[Delivery, int, Lease], Move | None]
    ) -> dict[str, Move]:
        """Change rows for leases that are good. Of two leases of one row only the higher fence can be."""
        latest = {lease.delivery_id: lease for lease in sorted(leases, key=lambda lease: lease.fence)}
        return await self._change(latest, lambda row, now_ms: decide(row, now_ms, latest[row.id]))

    async def _change(self, ids: Collection[str], decide: Decide) -> dict[str, Move]:
        """What was made of each row that changed."""
        ordered, made = list(ids), dict[str, Move]()
        for start in range(0, len(ordered), _PLAN):
            made |= await self._change_some(ordered[start : start + _PLAN], decide)
        return made

    async def _change_some(self, ids: Collection[str], decide: Decide) -> dict[str, Move]:
        async for _ in Attempts():
            rows, now_ms = await self._delivery_rows(ids), await self._time.now_ms()
            decided = {id: decide(row.delivery, now_ms) for id, row in rows.items()}
            made = {id: move for id, move in decided.items() if move is not None}
            if not made:
                return {}
            operations: list[Any] = [rows[id].changed(move.delivery, *move.attempts) for id, move in made.items()]
            operations += await self._buckets.touches(move.delivery for move in made.values())
            try:
                await self._connection.commit(operations)
            except Conflict:
                self._buckets.forget()
                continue
            return made
        raise AssertionError("Attempts end by raising")


def _id_from(created_ms: int) -> str:
    """What ids of this millisecond and later sort after."""
    digits = f"{created_ms:012x}"
    return f"{digits[:8]}-{digits[8:]}"


def _created_ms(id: str) -> int:
    return int(id[:8] + id[9:13], 16)


def _matches(node: Node, where_: DeliveryFilter) -> bool:
    delivery = read_row(node).delivery
    return (
        (not where_.states or delivery.state in where_.states)
        and (not where_.channels or delivery.channel in where_.channels)
        and (not where_.created_before_ms or delivery.created_at_ms < where_.created_before_ms)
    )
