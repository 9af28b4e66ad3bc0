"""Nodes as EntDB holds them, and the operations on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from notify_grpc.stores.entdb.schema import DOC, VERSION
from notify_grpc.stores.entdb.sdk import pb

Value = str | int | None
"""None is null: no index knows the node by that field then."""
EQ, GT, GTE, LT, LTE = pb.EQ, pb.GT, pb.GTE, pb.LT, pb.LTE


class Node(NamedTuple):
    """A stored node; `fields` by field number."""

    id: str
    type: int
    fields: Mapping[int, Any]
    updated_at_ms: int

    @property
    def version(self) -> int:
        return int(self.fields[VERSION])

    def doc(self) -> dict[str, Any]:
        """The row beside its indexes."""
        found: dict[str, Any] = json.loads(self.fields[DOC])
        return found


def read(node: Any) -> Node:
    """A message ``Node`` as our tuple."""
    fields = {number: _plain(value) for number, value in node.typed_payload.items()}
    return Node(node.node_id, node.type_id, fields, node.updated_at)


def create(type_: int, fields: Mapping[int, Value], *, id: str = "") -> Any:
    """Add a node. An `id` must be fresh and random: EntDB's applier stops for good at one that is taken."""
    return pb.Operation(create_node=pb.CreateNodeOp(type_id=type_, id=id, typed_data=_values({VERSION: 1, **fields})))


def update(node: Node, fields: Mapping[int, Value]) -> Any:
    """Change a node that is still as it was read; else the whole plan is refused."""
    return guarded(node.type, node.id, {VERSION: node.version + 1, **fields}, VERSION, node.version)


def guarded(type_: int, id: str, fields: Mapping[int, Value], field: int, expected: Value) -> Any:
    """Change a node whose `field` has the expected value; else, or if it is gone, the whole plan is refused."""
    precondition = pb.UpdateNodePrecondition(field_id=field, typed_equals=_value(expected))
    change = pb.UpdateNodeOp(type_id=type_, id=id, typed_patch=_values(fields), precondition=precondition)
    return pb.Operation(update_node=change)


def overwrite(type_: int, id: str, fields: Mapping[int, Value]) -> Any:
    """Change a node whatever it holds."""
    return pb.Operation(update_node=pb.UpdateNodeOp(type_id=type_, id=id, typed_patch=_values(fields)))


def delete(node: Node) -> list[Any]:
    """Remove a node that is still as it was read; else the whole plan is refused."""
    return [update(node, {}), remove(node.type, node.id)]


def remove(type_: int, id: str) -> Any:
    """Remove a node whatever it holds."""
    return pb.Operation(delete_node=pb.DeleteNodeOp(type_id=type_, id=id))


def where(field: int, operator: int, value: Value) -> Any:
    """One condition of a query; they are joined by AND."""
    return pb.FieldFilter(field=str(field), op=operator, typed_value=_value(value))


def dumps(doc: Mapping[str, Any]) -> str:
    """A DOC."""
    return json.dumps(doc, ensure_ascii=False, separators=(",", ":"))


def _values(fields: Mapping[int, Value]) -> dict[int, Any]:
    return {int(number): _value(value) for number, value in fields.items()}


def _value(value: Value) -> Any:
    # Zeros and empty strings are set on purpose: a field that is not written is absent, which is not equal to 0.
    if value is None:
        return pb.EntValue()
    return pb.EntValue(string_value=value) if isinstance(value, str) else pb.EntValue(int_value=value)


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("v")
    return getattr(value, kind) if kind else None
