"""One storage tenant of an EntDB server: plans with a certain outcome, and bounded reads.

All that EntDB answers is translated here. A plan is sent under a key of its own; when its outcome is not certain, the
same plan is sent again under the same key, under which EntDB applies it once and remembers what came of it.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
from grpc.aio import AioRpcError

from notify_grpc.domain.errors import NotifyError, OutcomeUnknown, ResourceExhausted, Unavailable
from notify_grpc.stores.entdb.nodes import EQ, Node, Value, read, where
from notify_grpc.stores.entdb.sdk import Stub, pb

ACTOR = "system:notify-grpc"
PAGE = 1_000
"""The most rows EntDB gives in one answer, and the most ids it takes in one question."""
_READ_S = 4.0
_WRITE_S = 6.0
"""How long one call may take, waiting for a connection and to be applied included."""
_SETTLE_S = 12.0
"""How long the outcome of a plan that was sent is looked for."""
_APPLY_MS = 4_500
_CONCURRENT_READS = 64
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.keepalive_time_ms", 30_000),
)
_UNCERTAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
}
_TYPE = re.compile(r"\btype_id=(\d+)")


class Conflict(Exception):
    """A plan was refused as a whole: a row was not as expected, or a unique key is taken (`taken`: of which type)."""

    def __init__(self, reason: str, taken: int = 0) -> None:
        super().__init__(reason)
        self.taken = taken


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where EntDB is and how to speak to it. `tls_ca` is PEM; without it the system's authorities count."""

    address: str
    api_key: str = ""
    tls: bool = False
    tls_ca: bytes | None = None


class Connection:
    """A storage tenant over one channel. `open` before anything else."""

    def __init__(self, endpoint: Endpoint, tenant: str) -> None:
        self.tenant = tenant
        self._endpoint = endpoint
        self._channel: grpc.aio.Channel | None = None
        self._stub: Any = None
        self._context = pb.RequestContext(tenant_id=tenant, actor=ACTOR)
        self._reads = asyncio.Semaphore(_CONCURRENT_READS)
        # The server reads a key from x-api-key, a JWT from authorization; the SDK sends either in the latter.
        key = endpoint.api_key
        self._metadata = (("x-api-key", key), ("authorization", f"Bearer {key}")) if key else ()

    def connect(self) -> None:
        """Make the channel; nothing is sent yet."""
        if self._channel is None:
            self._channel = self._new_channel()
            self._stub = Stub(self._channel)

    async def close(self) -> None:
        """Refuse new calls, let those that run end, end the channel; may be called again."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close(grace=max(_READ_S, _WRITE_S))

    def _new_channel(self) -> grpc.aio.Channel:
        if not self._endpoint.tls:
            return grpc.aio.insecure_channel(self._endpoint.address, _OPTIONS)
        credentials = grpc.ssl_channel_credentials(self._endpoint.tls_ca)
        return grpc.aio.secure_channel(self._endpoint.address, credentials, _OPTIONS)

    # Plans

    async def commit(self, operations: Sequence[Any], *, schema: Any = None) -> None:
        """Apply all operations or none. Raises Conflict, Unavailable, or OutcomeUnknown."""
        request = pb.ExecuteAtomicRequest(
            context=self._context,
            idempotency_key=str(uuid.uuid4()),
            operations=operations,
            wait_applied=True,
            wait_timeout_ms=_APPLY_MS,
            schema=schema,
        )
        started, pause, sent = time.monotonic(), 0.02, False
        while True:
            sent = sent or self._is_ready()
            if await self._attempt(request):
                return
            sent = sent or self._is_ready()
            if not sent:
                raise Unavailable("the store is not there")
            if time.monotonic() + pause > started + _SETTLE_S:
                raise OutcomeUnknown("the store did not confirm")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.5)

    async def _attempt(self, request: Any) -> bool:
        """Send a plan once; whether it was certainly applied. Raises Conflict when it certainly never will be."""
        started = time.monotonic()
        try:
            answer = await self.call("ExecuteAtomic", request, _WRITE_S)
        except AioRpcError as exc:
            if exc.code() is grpc.StatusCode.ALREADY_EXISTS:
                raise _taken(exc.details() or "") from exc
            if exc.code() not in _UNCERTAIN:
                refuse(exc)
            return False
        if answer.applied_status == pb.RECEIPT_STATUS_FAILED_PRECONDITION:
            raise Conflict(f"operation {answer.precondition_failure.op_index}: {answer.precondition_failure.field}")
        # EntDB says APPLIED as well when its wait for the outcome ran out.
        in_time = time.monotonic() - started < _APPLY_MS / 1000
        if answer.applied_status == pb.RECEIPT_STATUS_APPLIED and in_time:
            return True
        return await self._has_receipt(request)

    async def _has_receipt(self, request: Any) -> bool:
        question = pb.GetReceiptStatusRequest(context=self._context, idempotency_key=request.idempotency_key)
        try:
            receipt = await self.call("GetReceiptStatus", question, _WRITE_S)
        except AioRpcError:
            return False
        if receipt.status == pb.RECEIPT_STATUS_FAILED:
            raise _taken(receipt.error)
        if receipt.status == pb.RECEIPT_STATUS_FAILED_PRECONDITION:
            raise Conflict(f"operation {receipt.precondition_failure.op_index}")
        return bool(receipt.status == pb.RECEIPT_STATUS_APPLIED)

    def _is_ready(self) -> bool:
        return self._channel is not None and self._channel.get_state() is grpc.ChannelConnectivity.READY

    # Reads

    async def query(
        self, type_: int, *conditions: Any, size: int = PAGE, token: str = "", order_by: str = ""
    ) -> tuple[list[Node], str]:
        """One page of the nodes that meet all conditions, oldest first, and the next page's token ("" on the last).

        Bound an indexed field from both sides: EntDB sorts all that meets the conditions before it cuts a page off.
        """
        request = pb.QueryNodesRequest(
            context=self._context,
            type_id=type_,
            filters=conditions,
            page_size=size,
            page_token=token,
            order_by=order_by,
        )
        answer = await self._read("QueryNodes", request)
        return [read(node) for node in answer.nodes], answer.next_page_token

    async def pages(self, type_: int, *conditions: Any, order_by: str = "") -> AsyncIterator[list[Node]]:
        """All pages of a query."""
        token, more = "", True
        while more:
            nodes, token = await self.query(type_, *conditions, token=token, order_by=order_by)
            yield nodes
            more = bool(token)

    async def find(self, type_: int, field: int, value: Value) -> Node | None:
        """The node with this value of a unique field.

        By a query: EntDB's GetNodeByKey answers "not found" to whatever goes wrong, and always after a restart.
        """
        nodes, _ = await self.query(type_, where(field, EQ, value), size=1)
        return nodes[0] if nodes else None

    async def find_many(self, type_: int, field: int, values: Collection[str]) -> list[Node]:
        """The nodes with one of these values of a unique field."""
        found = await asyncio.gather(*(self.find(type_, field, value) for value in values))
        return [node for node in found if node is not None]

    async def get(self, type_: int, ids: Iterable[str]) -> dict[str, Node]:
        """Nodes of a type by id; those that are not there are missing."""
        wanted = list(dict.fromkeys(ids))
        chunks = [wanted[start : start + PAGE] for start in range(0, len(wanted), PAGE)]
        requests = [pb.GetNodesRequest(context=self._context, type_id=type_, node_ids=chunk) for chunk in chunks]
        answers = await asyncio.gather(*(self._read("GetNodes", request) for request in requests))
        return {node.node_id: read(node) for answer in answers for node in answer.nodes if node.type_id == type_}

    async def _read(self, method: str, request: Any) -> Any:
        async with self._reads:
            try:
                return await self.call(method, request, _READ_S)
            except AioRpcError as exc:
                refuse(exc)

    async def call(self, method: str, request: Any, timeout: float) -> Any:
        """One call, as the SDK's stub makes it. Raises AioRpcError, or Unavailable if this is not open."""
        if self._channel is None:
            raise Unavailable("the store is not open")
        # Waiting for the connection, within the timeout, rides out a server that is started again.
        stub_call = getattr(self._stub, method)
        return await stub_call(request, timeout=timeout, metadata=self._metadata, wait_for_ready=True)


def refuse(exc: AioRpcError) -> NoReturn:
    """Raise what a refused call means to our callers."""
    code = exc.code()
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        raise ResourceExhausted("more than the store takes at once") from exc
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        raise NotifyError("EntDB did not understand the store") from exc
    raise Unavailable("the store is not available") from exc


def _taken(detail: str) -> Conflict:
    found = _TYPE.search(detail)
    return Conflict(detail, taken=int(found[1]) if found else -1)
