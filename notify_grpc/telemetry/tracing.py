"""Spans by OpenTelemetry. Entry points decide about sampling; everything inside follows the current span."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MappingProxyType
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.grpc import aio_server_interceptor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from notify_grpc.telemetry.sampling import Sampling

Attributes = Mapping[str, str | int | float | bool]
_NO_ATTRIBUTES: Attributes = MappingProxyType({})
_NO_SPAN = nullcontext()
_KINDS = {kind.name.lower(): kind for kind in SpanKind}
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.ASCII)
_NAME = "notify_grpc"
_SERVER_ERRORS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})


def make_provider(service_name: str, version: str, exporter: SpanExporter | None = None) -> TracerProvider:
    """A provider that exports in batches; without ``exporter`` by OTLP over gRPC as the OTEL_* variables say."""
    if exporter is None:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter()
    resource = Resource.create({"service.name": service_name, "service.version": version})
    provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def parse_traceparent(text: str) -> SpanContext | None:
    """W3C Trace Context §3.2.2; None for anything else."""
    match = _TRACEPARENT.fullmatch(text)
    if match is None or match[0].startswith("ff"):
        return None
    context = SpanContext(
        int(match[1], 16), int(match[2], 16), is_remote=True, trace_flags=TraceFlags(int(match[3], 16))
    )
    return context if context.is_valid else None


class CallSpan:
    """The span of one call."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def ended(self, code: str) -> None:
        """Semantic conventions for gRPC: what is the caller's fault, or the caller's wish, is no error of a server."""
        self._span.set_attribute("rpc.response.status_code", code)
        if code in _SERVER_ERRORS:
            self._span.set_attribute("error.type", code)
            self._span.set_status(Status(StatusCode.ERROR))


class Tracing:
    """A ports.telemetry.Tracer. The provider is passed in; nothing is registered globally."""

    def __init__(self, provider: TracerProvider, sampling: Sampling, version: str = "") -> None:
        self._provider = provider
        self._sampling = sampling
        self._tracer = provider.get_tracer(_NAME, version)

    def span(
        self, name: str, *, kind: str = "internal", attributes: Attributes = _NO_ATTRIBUTES
    ) -> AbstractContextManager[object]:
        if not _sampled():
            return _NO_SPAN
        return self._open(name, kind, attributes)

    def linked_span(
        self,
        name: str,
        traceparent: str,
        *,
        kind: str = "internal",
        attributes: Attributes = _NO_ATTRIBUTES,
        remote_parent: bool = False,
    ) -> AbstractContextManager[object]:
        other = parse_traceparent(traceparent) if traceparent else None
        if other is None or not other.trace_flags.sampled:
            return _NO_SPAN
        parent = _context_of(other) if remote_parent else Context()
        return self._open(name, kind, attributes, parent, [Link(other)])

    def entry(
        self, name: str, traceparent: str, *, join: bool, attributes: Attributes = _NO_ATTRIBUTES
    ) -> AbstractContextManager[CallSpan | None]:
        caller = parse_traceparent(traceparent) if traceparent else None
        trusted = caller.trace_flags.sampled if caller is not None and join else None
        if not self._sampling.decide(trusted):
            return _NO_SPAN
        parent = _context_of(caller) if caller is not None and join else Context()
        links = [Link(caller)] if caller is not None and not join else []
        return self._open_call(name, attributes, parent, links)

    def traceparent(self) -> str:
        context = trace.get_current_span().get_span_context()
        if not context.trace_flags.sampled:
            return ""
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-01"

    def trace_id(self) -> str:
        """The current sampled trace, for exemplars; "" when there is none."""
        context = trace.get_current_span().get_span_context()
        return f"{context.trace_id:032x}" if context.trace_flags.sampled else ""

    def grpc_interceptor(self, services: Sequence[str]) -> Any:
        """The official aio interceptor for the unary calls of these services, asked only about sampled ones.

        It joins the caller's trace, so it is for trusted callers; methods that stream are left to ``entry``.
        """
        paths = tuple(f"/{service}/" for service in services)

        def wanted(details: Any) -> bool:
            if not details.method.startswith(paths) or details.method.endswith("Stream"):
                return False
            sent = next((v for k, v in details.invocation_metadata or () if k == "traceparent"), "")
            caller = parse_traceparent(sent) if sent else None
            return self._sampling.decide(None if caller is None else bool(caller.trace_flags.sampled))

        return aio_server_interceptor(self._provider, filter_=wanted)  # type: ignore[no-untyped-call]  # it has no types

    def shutdown(self) -> None:
        """Export what is left; blocks until that is done or given up."""
        self._provider.shutdown()

    @contextmanager
    def _open_call(
        self, name: str, attributes: Attributes, parent: Context, links: Sequence[Link]
    ) -> Iterator[CallSpan]:
        with self._tracer.start_as_current_span(
            name,
            parent,
            SpanKind.SERVER,
            dict(attributes),
            links,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield CallSpan(span)

    @contextmanager
    def _open(
        self,
        name: str,
        kind: str,
        attributes: Attributes,
        context: Context | None = None,
        links: Sequence[Link] = (),
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name,
            context,
            _KINDS[kind],
            dict(attributes),
            links,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except Exception as exc:  # not BaseException: being cancelled is no error
                span.set_attribute("error.type", type(exc).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise


def _sampled() -> bool:
    return bool(trace.get_current_span().get_span_context().trace_flags.sampled)


def _context_of(parent: SpanContext) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())
