"""grpc.health.v1: whether the process lives, and whether it can serve."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import cast

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2 as pb

from notify_grpc.domain.errors import NotFound
from notify_grpc.rpc.draining import Draining
from notify_grpc.rpc.handlers import Context

SERVICE = cast(ServiceDescriptor, pb.DESCRIPTOR.services_by_name["Health"])
HEALTH_PACKAGES = ("grpc.health.v1",)
LIVENESS = "liveness"
READINESS = "readiness"
_LIST_RESPONSE = "HealthListResponse"
"""By name: the stubs are older than the contract."""
_Status = pb.HealthCheckResponse


class Health:
    """The statuses of both servers: ``liveness`` serves while the process answers; other names follow `set_ready`."""

    def __init__(self, services: Iterable[str], draining: Draining) -> None:
        self._ready_names = frozenset({"", READINESS, *services})
        self._draining = draining
        self._ready = False
        self._changed = asyncio.Event()

    def set_ready(self, ready: bool) -> None:
        """Say whether the store can be used. Not ready until first told so."""
        if ready is not self._ready:
            self._ready = ready
            self._changed.set()
            self._changed = asyncio.Event()

    @property
    def ready(self) -> bool:
        """What was said last."""
        return self._ready

    async def check(self, request: pb.HealthCheckRequest, _: Context) -> pb.HealthCheckResponse:
        """Raises NotFound for a name nobody serves."""
        status = self._status(request.service)
        if status == _Status.SERVICE_UNKNOWN:
            raise NotFound("no such service")
        return _Status(status=status)

    async def list(self, _: object, __: Context) -> Message:
        """Every name's status, as a HealthListResponse."""
        response_type: type[Message] = getattr(pb, _LIST_RESPONSE)
        names = (LIVENESS, *self._ready_names)
        return response_type(statuses={name: _Status(status=self._status(name)) for name in names})

    async def watch(self, request: pb.HealthCheckRequest, context: Context) -> None:
        """The status now and after each change, until the servers stop."""
        await self._draining.until_begun(self._watch(request.service, context))

    async def _watch(self, service: str, context: Context) -> None:
        last = -1
        while True:
            changed, status = self._changed, self._status(service)
            if status != last:
                await context.write(_Status(status=status).SerializeToString())
            last = status
            await changed.wait()

    def _status(self, service: str) -> int:
        if service == LIVENESS:
            return _Status.SERVING
        if service not in self._ready_names:
            return _Status.SERVICE_UNKNOWN
        return _Status.SERVING if self._ready else _Status.NOT_SERVING
