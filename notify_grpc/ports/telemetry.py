"""What the core reports about itself. Implementations never raise, block or keep what they are given."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import Protocol

Attributes = Mapping[str, str | int | float | bool]
NO_ATTRIBUTES: Attributes = MappingProxyType({})
_NO_SPAN = nullcontext()


class Metrics(Protocol):
    """Numbers. Labels come from closed sets; never a tenant, a user or an id."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter declared in telemetry/metrics.py."""
        ...

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Record one value (seconds) in a histogram declared there."""
        ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge declared there."""
        ...


class CallSpan(Protocol):
    """The span of one call."""

    def ended(self, code: str) -> None:
        """How the call ended: the name of a gRPC status code."""
        ...


class Tracer(Protocol):
    """Spans. The current span flows through contextvars."""

    def span(
        self, name: str, *, kind: str = "internal", attributes: Attributes = NO_ATTRIBUTES
    ) -> AbstractContextManager[object]:
        """A span around a block, child of the current one; an exception sets its status (cancellation does not)."""
        ...

    def linked_span(
        self,
        name: str,
        traceparent: str,
        *,
        kind: str = "internal",
        attributes: Attributes = NO_ATTRIBUTES,
        remote_parent: bool = False,
    ) -> AbstractContextManager[object]:
        """A span linked to ``traceparent`` (W3C); its child too when ``remote_parent``, else of a trace of its own."""
        ...

    def entry(
        self, name: str, traceparent: str, *, join: bool, attributes: Attributes = NO_ATTRIBUTES
    ) -> AbstractContextManager[CallSpan | None]:
        """A server span if this call is sampled, else None: the caller's child (``join``), or a trace linked to
        theirs.
        """
        ...

    def traceparent(self) -> str:
        """The current span as a W3C traceparent; "" when there is none or it is not sampled."""
        ...


class NoMetrics:
    """Records nothing."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None: ...

    def observe(self, name: str, value: float, **labels: str) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...


class NoTracer:
    """Opens no span."""

    def span(
        self, name: str, *, kind: str = "internal", attributes: Attributes = NO_ATTRIBUTES
    ) -> AbstractContextManager[object]:
        return _NO_SPAN

    def linked_span(
        self,
        name: str,
        traceparent: str,
        *,
        kind: str = "internal",
        attributes: Attributes = NO_ATTRIBUTES,
        remote_parent: bool = False,
    ) -> AbstractContextManager[object]:
        return _NO_SPAN

    def entry(
        self, name: str, traceparent: str, *, join: bool, attributes: Attributes = NO_ATTRIBUTES
    ) -> AbstractContextManager[CallSpan | None]:
        return _NO_SPAN

    def traceparent(self) -> str:
        return ""
