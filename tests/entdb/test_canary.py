"""The SDK's private parts are where this driver expects them. If this fails after an update, read docs/adr/0016."""

from __future__ import annotations

from importlib.metadata import version

import grpc
import pytest

from notify_grpc.stores.entdb.sdk import Stub, pb

FIELDS = {
    "RequestContext": {"tenant_id": 1, "actor": 2},
    "ExecuteAtomicRequest": {
        "context": 1,
        "idempotency_key": 2,
        "operations": 4,
        "wait_applied": 5,
        "wait_timeout_ms": 6,
        "schema": 7,
    },
    "ExecuteAtomicResponse": {"success": 1, "applied_status": 6, "precondition_failure": 7},
    "Operation": {"create_node": 1, "update_node": 2, "delete_node": 3},
    "CreateNodeOp": {"type_id": 1, "id": 2, "typed_data": 12},
    "UpdateNodeOp": {"type_id": 1, "id": 2, "precondition": 7, "typed_patch": 8},
    "UpdateNodePrecondition": {"field_id": 3, "typed_equals": 4},
    "DeleteNodeOp": {"type_id": 1, "id": 2},
    "PreconditionFailure": {"op_index": 1, "field": 2},
    "EntValue": {"int_value": 1, "string_value": 4},
    "FieldFilter": {"field": 1, "op": 2, "typed_value": 4},
    "QueryNodesRequest": {
        "context": 1,
        "type_id": 2,
        "order_by": 6,
        "filters": 8,
        "page_size": 12,
        "page_token": 13,
    },
    "QueryNodesResponse": {"nodes": 1, "next_page_token": 4},
    "GetNodesRequest": {"context": 1, "type_id": 2, "node_ids": 3},
    "GetNodesResponse": {"nodes": 1},
    "Node": {"node_id": 2, "type_id": 3, "updated_at": 6, "typed_payload": 11},
    "GetReceiptStatusRequest": {"context": 1, "idempotency_key": 2},
    "GetReceiptStatusResponse": {"status": 1, "error": 2, "precondition_failure": 3},
    "CreateTenantRequest": {"actor": 1, "tenant_id": 2, "name": 3},
    "SchemaDescriptor": {"node_types": 1},
    "SchemaNodeTypeDef": {"type_id": 1, "fields": 3},
    "SchemaFieldDef": {"field_id": 1, "kind": 3, "indexed": 7, "unique": 12},
}


def test_the_pinned_release_is_installed() -> None:
    assert version("entdb-sdk") == "2.5.0"


@pytest.mark.parametrize("message", FIELDS)
def test_messages_have_the_fields_the_driver_sets(message: str) -> None:
    found = getattr(pb, message).DESCRIPTOR.fields_by_name
    assert {name: found[name].number for name in FIELDS[message] if name in found} == FIELDS[message]


def test_statuses_and_operators_have_their_numbers() -> None:
    assert (pb.EQ, pb.GT, pb.GTE, pb.LT, pb.LTE) == (0, 2, 3, 4, 5)
    statuses = ("UNKNOWN", "PENDING", "APPLIED", "FAILED", "FAILED_PRECONDITION")
    assert [pb.ReceiptStatus.Value(f"RECEIPT_STATUS_{name}") for name in statuses] == [0, 1, 2, 3, 4]


async def test_the_stub_has_the_calls_the_driver_makes() -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        stub = Stub(channel)
        for name in ("CreateTenant", "ExecuteAtomic", "GetReceiptStatus", "GetNodes", "QueryNodes"):
            assert isinstance(getattr(stub, name), grpc.aio.UnaryUnaryMultiCallable)
