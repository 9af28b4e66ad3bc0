"""A server that speaks EntDB's own service over gRPC, in memory: as the real one, as far as the driver asks.

test_server.py asks both the same questions. The data outlives `stop`, as EntDB's files do; `faults` spoil plans.
"""

from __future__ import annotations

import json
import operator
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc

from notify_grpc.stores.entdb.sdk import pb
from tests.entdb.fake_tenant import FakeNode, FakeTenant, Halted, Outcome, value
from tests.entdb.sdk_server import serve
from tests.support.ports import free_port

_PAGE = 1_000
_ORDERS = {"updated_at": "updated_at", "node_id": "id", "type_id": "type_id"}
"""What a query may be ordered by; anything else is created_at."""
_COMPARE = {pb.EQ: operator.eq, pb.GT: operator.gt, pb.GTE: operator.ge, pb.LT: operator.lt, pb.LTE: operator.le}


@dataclass
class Faults:
    """How many of the next plans go wrong, and how; each counts down."""

    lost_requests: int = 0
    """UNAVAILABLE, and nothing was applied."""
    lost_answers: int = 0
    """UNAVAILABLE, and the plan was applied."""
    unconfirmed: int = 0
    """success without applied, though it was."""
    never_applied: int = 0
    """success without applied, and it is not: only sending it again helps."""

    def take(self, name: str) -> bool:
        """Whether this fault is due."""
        left: int = getattr(self, name)
        setattr(self, name, max(0, left - 1))
        return left > 0


class FakeEntDB:
    """The service, on a loopback port that stays the same over `stop` and `start`. With `api_key` it asks for it."""

    def __init__(
        self,
        *,
        api_key: str = "",
        may_create_tenants: bool = True,
        ahead_ms: int = 0,
        tls: tuple[bytes, bytes] | None = None,
    ) -> None:
        """`ahead_ms`: how much its clock differs from this process's. `tls`: its key and certificate, PEM."""
        self.address = f"127.0.0.1:{free_port()}"
        self.faults = Faults()
        self.plans = 0
        """Plans received."""
        self.looked_at = 0
        """Nodes that queries had to look at."""
        self._ahead_ms = ahead_ms
        self._tls = tls
        self._api_key = api_key
        self._may_create_tenants = may_create_tenants
        self._types: dict[int, Any] = {}
        self._tenants: dict[str, FakeTenant] = {}
        self._lock = threading.Lock()
        self._halted = False
        self._server: grpc.Server | None = None

    def __enter__(self) -> FakeEntDB:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, or serve again with the data there was."""
        self._halted = False
        self._server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
        serve(self._server, self._methods())
        if self._tls:
            self._server.add_secure_port(self.address, grpc.ssl_server_credentials([self._tls]))
        else:
            self._server.add_insecure_port(self.address)
        self._server.start()

    def stop(self) -> None:
        """End at once, whatever is being answered."""
        if self._server:
            self._server.stop(None).wait()
            self._server = None

    def make_tenant(self, name: str) -> None:
        """What an operator does."""
        self._tenants.setdefault(name, FakeTenant(self._types, self._ahead_ms))

    def _methods(self) -> dict[str, Callable[[Any, grpc.ServicerContext], Any]]:
        return {
            "CreateTenant": self._create_tenant,
            "ExecuteAtomic": self._execute_atomic,
            "GetReceiptStatus": self._get_receipt_status,
            "GetNodes": self._get_nodes,
            "QueryNodes": self._query_nodes,
        }

    def _create_tenant(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._authenticate(context)
        if not self._may_create_tenants:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "CreateTenant requires admin or system actor")
        if request.tenant_id in self._tenants:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "tenant already exists")
        self.make_tenant(request.tenant_id)
        return pb.CreateTenantResponse(success=True)

    def _execute_atomic(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._authenticate(context)
        with self._lock:
            self.plans += 1
            if self.faults.take("lost_requests"):
                context.abort(grpc.StatusCode.UNAVAILABLE, "lost on the way")
            return self._execute(request, context)

    def _get_receipt_status(self, request: Any, context: grpc.ServicerContext) -> Any:
        outcome = self._tenant(request.context.tenant_id, context).outcomes.get(request.idempotency_key)
        if outcome is None:
            return pb.GetReceiptStatusResponse(status=pb.RECEIPT_STATUS_PENDING)
        return pb.GetReceiptStatusResponse(
            status=outcome.status, error=outcome.detail, precondition_failure=outcome.missed
        )

    def _get_nodes(self, request: Any, context: grpc.ServicerContext) -> Any:
        tenant = self._tenant(request.context.tenant_id, context)
        if len(request.node_ids) > _PAGE:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "batch size exceeds limit 1000")
        found = {id: tenant.get(id) for id in request.node_ids}
        return pb.GetNodesResponse(
            nodes=[_message(node) for node in found.values() if node],
            missing_ids=[id for id, node in found.items() if not node],
        )

    def _query_nodes(self, request: Any, context: grpc.ServicerContext) -> Any:
        tenant = self._tenant(request.context.tenant_id, context)
        if request.type_id not in self._types:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"unknown type_id {request.type_id}")
        conditions, span = self._conditions(request, context)
        with self._lock:
            looked_at = tenant.look_at(request.type_id, span)
        self.looked_at += len(looked_at)
        nodes = [node for node in looked_at if all(holds(node.payload.get(field)) for field, holds in conditions)]
        page, token = _page(nodes, request)
        return pb.QueryNodesResponse(nodes=map(_message, page), next_page_token=token)

    # Behind it

    def _execute(self, request: Any, context: grpc.ServicerContext) -> Any:
        tenant = self._tenant(request.context.tenant_id, context)
        ids = [each.create_node.id or str(uuid.uuid4()) for each in request.operations if each.HasField("create_node")]
        outcome = Outcome(pb.RECEIPT_STATUS_PENDING)
        if not self._halted and not self.faults.take("never_applied"):
            outcome = self._apply(request, tenant, ids)
        if self.faults.take("lost_answers"):
            context.abort(grpc.StatusCode.UNAVAILABLE, "lost on the way back")
        if self.faults.take("unconfirmed"):
            outcome = Outcome(pb.RECEIPT_STATUS_PENDING)
        if outcome.status == pb.RECEIPT_STATUS_FAILED:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, outcome.detail)
        return pb.ExecuteAtomicResponse(
            success=outcome.status != pb.RECEIPT_STATUS_FAILED_PRECONDITION,
            created_node_ids=ids,
            applied_status=outcome.status,
            precondition_failure=outcome.missed,
        )

    def _apply(self, request: Any, tenant: FakeTenant, ids: list[str]) -> Outcome:
        if self._conflicts(request.schema):
            failure = pb.PreconditionFailure(field="schema: conflicting type definition")
            return Outcome(pb.RECEIPT_STATUS_FAILED_PRECONDITION, "precondition failed", failure)
        self._types.update((each.type_id, each) for each in request.schema.node_types)
        try:
            return tenant.apply(request, ids)
        except Halted:
            self._halted = True
            return Outcome(pb.RECEIPT_STATUS_PENDING)

    def _conflicts(self, schema: Any) -> bool:
        return any(self._types.get(each.type_id, each) != each for each in schema.node_types)

    def _tenant(self, name: str, context: grpc.ServicerContext) -> FakeTenant:
        self._authenticate(context)
        if name not in self._tenants:
            context.abort(grpc.StatusCode.NOT_FOUND, f'tenant "{name}" does not exist')
        return self._tenants[name]

    def _authenticate(self, context: grpc.ServicerContext) -> None:
        given = dict(context.invocation_metadata()).get("x-api-key", "")
        if self._api_key and given != self._api_key:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "no valid authentication credentials provided")

    def _conditions(self, request: Any, context: grpc.ServicerContext) -> tuple[list[Any], Any]:
        """What to check of each node, and the span of an index that holds all that can meet it."""
        fields = {field.field_id: field for field in self._types[request.type_id].fields}
        conditions, spans = [], dict[int, list[Any]]()
        for each in request.filters:
            if not each.field.isdigit() or int(each.field) not in fields or each.op not in _COMPARE:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"filter on {each.field!r} is not supported")
            field, bound = int(each.field), value(each.typed_value)
            conditions.append((field, _condition(_COMPARE[each.op], bound)))
            if fields[field].indexed or fields[field].unique:
                spans.setdefault(field, [None, None])
                if each.op in (pb.EQ, pb.GT, pb.GTE):
                    spans[field][0] = bound
                if each.op in (pb.EQ, pb.LT, pb.LTE):
                    spans[field][1] = bound
        bounded = [(field, *span) for field, span in spans.items() if None not in span]
        return conditions, bounded[0] if bounded else None


def _condition(compare: Callable[[Any, Any], bool], bound: Any) -> Callable[[Any], bool]:
    return lambda given: given is not None and type(given) is type(bound) and compare(given, bound)


def _page(nodes: list[FakeNode], request: Any) -> tuple[list[FakeNode], str]:
    """The page asked for, and the next one's token if it is full: the place of its last node."""
    first = _ORDERS.get(request.order_by, "created_at")

    def place(node: FakeNode) -> list[Any]:
        return [getattr(node, first), node.id]

    nodes = sorted(nodes, key=place, reverse=request.descending)
    if request.page_token:
        behind, last = operator.lt if request.descending else operator.gt, json.loads(request.page_token)
        nodes = [node for node in nodes if behind(place(node), last)]
    size = min(request.page_size or 100, _PAGE)
    page = nodes[:size]
    return page, json.dumps(place(page[-1])) if len(page) == size else ""


def _message(node: FakeNode) -> Any:
    message = pb.Node(node_id=node.id, type_id=node.type_id, created_at=node.created_at, updated_at=node.updated_at)
    for number, each in node.payload.items():
        if isinstance(each, str):
            message.typed_payload[number].string_value = each
        elif each is not None:
            message.typed_payload[number].int_value = each
        else:
            message.typed_payload[number].SetInParent()
    return message
