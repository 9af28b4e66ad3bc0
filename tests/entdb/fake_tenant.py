"""A tenant of the fake EntDB: nodes, indexes, unique keys, compare-and-set, remembered outcomes."""

from __future__ import annotations

import time
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from notify_grpc.stores.entdb.sdk import pb


@dataclass(frozen=True)
class FakeNode:
    """A stored node. Values of `payload` are what EntDB keeps as JSON: text, whole numbers, null."""

    id: str
    type_id: int
    payload: Mapping[int, Any]
    created_at: int
    updated_at: int


class Outcome(NamedTuple):
    """What came of a plan; remembered under its idempotency key."""

    status: int
    detail: str = ""
    missed: Any = None


class Refused(Exception):
    """A plan that changes nothing."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


class Halted(Exception):
    """EntDB's applier stops at a node id that is taken, and applies nothing any more until it is started again."""


class FakeTenant:
    """Applies plans one after the other, each wholly or not at all."""

    def __init__(self, types: dict[int, Any], ahead_ms: int = 0) -> None:
        self._types = types
        self._ahead_ms = ahead_ms
        self._nodes: dict[str, FakeNode] = {}
        self._of_type: defaultdict[int, dict[str, None]] = defaultdict(dict)
        self._indexes: defaultdict[tuple[int, int], list[tuple[Any, str]]] = defaultdict(list)
        self._undo: list[Callable[[], None]] = []
        self.outcomes: dict[str, Outcome] = {}

    def get(self, id: str) -> FakeNode | None:
        """A node of any type."""
        return self._nodes.get(id)

    def apply(self, request: Any, ids: Iterable[str]) -> Outcome:
        """Apply a plan, or tell what came of it before; `ids` are those of the nodes it creates."""
        known = self.outcomes.get(request.idempotency_key)
        if known is not None:
            return known
        self._undo.clear()
        try:
            self._apply(request.operations, iter(ids))
            outcome = Outcome(pb.RECEIPT_STATUS_APPLIED)
        except Refused as refused:
            self._roll_back()
            outcome = refused.outcome
        except Halted:
            self._roll_back()
            raise
        self.outcomes[request.idempotency_key] = outcome
        return outcome

    def look_at(self, type_id: int, span: Any) -> list[FakeNode]:
        """The nodes of a type that a query has to look at: a (field, least, greatest) of an index, or all for None."""
        ids: Iterable[str] = self._span(type_id, *span) if span else self._of_type[type_id]
        return [self._nodes[id] for id in ids]

    def _span(self, type_id: int, field: int, least: Any, greatest: Any) -> Iterable[str]:
        index = self._indexes[type_id, field]
        start = bisect_left(index, (least, ""))
        while start < len(index) and index[start][0] <= greatest:
            yield index[start][1]
            start += 1

    # Applying

    def _apply(self, operations: Iterable[Any], ids: Any) -> None:
        now_ms = time.time_ns() // 1_000_000 + self._ahead_ms
        for number, operation in enumerate(operations):
            kind = operation.WhichOneof("op")
            if kind == "create_node":
                self._create(operation.create_node, next(ids), now_ms)
            elif kind == "update_node":
                self._update(operation.update_node, number, now_ms)
            elif kind == "delete_node":
                self._put(operation.delete_node.id, None)

    def _create(self, create: Any, id: str, now_ms: int) -> None:
        node = FakeNode(id, create.type_id, values(create.typed_data), now_ms, now_ms)
        self._check_unique(node)
        if id in self._nodes:
            raise Halted
        self._put(id, node)

    def _update(self, update: Any, number: int, now_ms: int) -> None:
        node = self._nodes.get(update.id)
        if update.HasField("precondition"):
            self._check(update.precondition, node, number)
        if node is None:
            return
        changed = replace(node, payload={**node.payload, **values(update.typed_patch)}, updated_at=now_ms)
        self._check_unique(changed)
        self._put(update.id, changed)

    def _check(self, precondition: Any, node: FakeNode | None, number: int) -> None:
        expected = value(precondition.typed_equals)
        field = precondition.field_id
        observed = node.payload.get(field) if node else None
        if node is None or observed != expected or type(observed) is not type(expected):
            missed = pb.PreconditionFailure(op_index=number, field=str(field))
            raise Refused(Outcome(pb.RECEIPT_STATUS_FAILED_PRECONDITION, "precondition failed", missed))

    def _check_unique(self, node: FakeNode) -> None:
        for field in self._fields(node.type_id, "unique"):
            wanted = node.payload.get(field)
            taken = [] if wanted is None else self._span(node.type_id, field, wanted, wanted)
            if any(id != node.id for id in taken):
                detail = f"Unique constraint violation: type_id={node.type_id} field_id={field} already exists"
                raise Refused(Outcome(pb.RECEIPT_STATUS_FAILED, detail))

    def _put(self, id: str, node: FakeNode | None) -> None:
        before = self._nodes.get(id)
        self._undo.append(lambda: self._replace(id, before))
        self._replace(id, node)

    def _roll_back(self) -> None:
        for undo in reversed(self._undo):
            undo()

    def _replace(self, id: str, node: FakeNode | None) -> None:
        if before := self._nodes.pop(id, None):
            del self._of_type[before.type_id][id]
            for field, indexed in self._indexed(before):
                index = self._indexes[before.type_id, field]
                del index[bisect_left(index, (indexed, id))]
        if node:
            self._nodes[id] = node
            self._of_type[node.type_id][id] = None
            for field, indexed in self._indexed(node):
                insort(self._indexes[node.type_id, field], (indexed, id))

    def _indexed(self, node: FakeNode) -> Iterable[tuple[int, Any]]:
        for field in self._fields(node.type_id, "indexed", "unique"):
            if (indexed := node.payload.get(field)) is not None:
                yield field, indexed

    def _fields(self, type_id: int, *flags: str) -> list[int]:
        definition = self._types.get(type_id)
        fields = definition.fields if definition else ()
        return [field.field_id for field in fields if any(getattr(field, flag) for flag in flags)]


def values(typed: Any) -> dict[int, Any]:
    """A message's typed values by field number."""
    return {number: value(each) for number, each in typed.items()}


def value(typed: Any) -> Any:
    """An EntValue as a plain value; null as None."""
    kind = typed.WhichOneof("v")
    return getattr(typed, kind) if kind else None
