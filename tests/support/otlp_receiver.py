"""A real OTLP receiver over gRPC that keeps the spans it gets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as pb_grpc


class Received(NamedTuple):
    """One span, and which process sent it."""

    name: str
    trace_id: str
    span_id: str
    parent: str
    service: str


class OtlpReceiver(pb_grpc.TraceServiceServicer):
    """``spans`` grow as exporters send them."""

    def __init__(self) -> None:
        self.spans: list[Received] = []
        self.port = 0

    async def Export(self, request: Any, _: object) -> Any:  # noqa: N802  # the RPC's name
        for group in request.resource_spans:
            attributes = {a.key: a.value.string_value for a in group.resource.attributes}
            for scope in group.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        Received(
                            span.name,
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            attributes.get("service.name", ""),
                        )
                    )
        return pb.ExportTraceServiceResponse()

    def of(self, trace_id: str) -> list[Received]:
        """Spans of one trace."""
        return [s for s in self.spans if s.trace_id == trace_id]


@asynccontextmanager
async def receiving() -> AsyncIterator[OtlpReceiver]:
    """A receiver on a loopback port."""
    receiver = OtlpReceiver()
    server = grpc.aio.server()
    pb_grpc.add_TraceServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]  # generated
    receiver.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield receiver
    finally:
        await server.stop(0)
