"""The store in one storage tenant: the parts over one connection, and the life cycle."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import grpc
from grpc.aio import AioRpcError

from notify_grpc.domain.clock import Clock
from notify_grpc.domain.errors import FailedPrecondition, NotifyError, Unavailable
from notify_grpc.ports.store import Capabilities, Store
from notify_grpc.stores.entdb.claiming import Claiming
from notify_grpc.stores.entdb.connection import ACTOR, Conflict, Connection, Endpoint, refuse
from notify_grpc.stores.entdb.creating import Creating
from notify_grpc.stores.entdb.deliveries import Deliveries
from notify_grpc.stores.entdb.inboxes import Inboxes
from notify_grpc.stores.entdb.nodes import create, dumps, overwrite
from notify_grpc.stores.entdb.recovery import Recovery
from notify_grpc.stores.entdb.retention import Retention
from notify_grpc.stores.entdb.schema import DOC, KEY, Type, descriptor
from notify_grpc.stores.entdb.sdk import pb
from notify_grpc.stores.entdb.server_time import GivenTime, ServerTime

_CAPABILITIES = Capabilities(name="entdb", durable=True, many_processes=True)
_PING_S = 2.0
_OPEN_S = 15.0
_REFUSED = {
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
}


class TenantStore(Creating, Inboxes, Deliveries, Claiming, Retention, Recovery, Store):
    """A store in one of the storage tenants `tenants` of an EntDB server; any number of instances may share it.

    Without a `clock`, leases, due times and expiry go by the server's.
    """

    def __init__(self, endpoint: Endpoint, tenant: str, tenants: Sequence[str], clock: Clock | None) -> None:
        connection = Connection(endpoint, tenant)
        self._tenants = list(tenants)
        self._server_time = ServerTime(connection)
        super().__init__(connection, GivenTime(clock) if clock else self._server_time)

    @property
    def capabilities(self) -> Capabilities:
        return _CAPABILITIES

    async def open(self) -> None:
        """Register the storage tenant and the schema where they are not registered yet."""
        self._connection.connect()
        try:
            async with asyncio.timeout(_OPEN_S):
                await self._create_tenant()
                await self._register_types()
                await self._check_spread()
                await self._server_time.read()
        except BaseException as exc:
            await self._connection.close()
            if isinstance(exc, TimeoutError):
                raise Unavailable("EntDB did not answer in time") from exc
            raise

    async def close(self) -> None:
        await self._finish_writes()
        await self._connection.close()

    async def ping(self) -> None:
        """Health says nothing of an applier that stopped, so this writes and reads."""
        try:
            async with asyncio.timeout(_PING_S):
                await self._server_time.read()
        except (TimeoutError, NotifyError) as exc:
            raise Unavailable("EntDB does not take writes") from exc

    async def _create_tenant(self) -> None:
        connection = self._connection
        request = pb.CreateTenantRequest(actor=ACTOR, tenant_id=connection.tenant, name=connection.tenant)
        try:
            await connection.call("CreateTenant", request, _OPEN_S)
        except AioRpcError as exc:
            # Without the right to make tenants, one that an operator made will do: registering the types tells.
            if exc.code() in _REFUSED | {grpc.StatusCode.ALREADY_EXISTS}:
                return
            refuse(exc)

    async def _register_types(self) -> None:
        """The schema rides on a write; this one changes nothing, for it names no node."""
        try:
            await self._connection.commit([overwrite(Type.CLOCK, "none", {})], schema=descriptor())
        except Conflict as exc:
            raise FailedPrecondition(_FOREIGN_TYPES) from exc
        except NotifyError as exc:
            if isinstance(exc.__cause__, AioRpcError) and exc.__cause__.code() in _REFUSED:
                raise FailedPrecondition(_NO_ACCESS) from exc
            raise

    async def _check_spread(self) -> None:
        """Rows are found by the list of storage tenants they were stored under, so the first list stays."""
        while (node := await self._connection.find(Type.CLOCK, KEY, _SPREAD)) is None:
            with contextlib.suppress(Conflict):
                doc = dumps({"tenants": self._tenants})
                await self._connection.commit([create(Type.CLOCK, {KEY: _SPREAD, DOC: doc})])
        if (stored := node.doc()["tenants"]) != self._tenants:
            raise FailedPrecondition(
                f"NOTIFY_ENTDB_TENANT_ID has to stay {','.join(stored)}: rows lie there by that list"
            )


_SPREAD = "spread"
_FOREIGN_TYPES = (
    "this EntDB server holds other definitions of our node types (7101 to 7107): "
    "run this version against another EntDB server"
)
_NO_ACCESS = (
    "EntDB refuses this service: check NOTIFY_ENTDB_TENANT_ID (letters, digits, - and _; the tenant has to exist, or "
    "the key has to be allowed to create it) and NOTIFY_ENTDB_API_KEY"
)
