"""Numbers in memory. Every metric is declared here; a label's values come from closed sets, so series stay few.

Plain dictionaries on one event loop: no locks, about a microsecond an update. Several processes are merged by their
snapshots (telemetry/exposition.py), not by shared memory.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any, Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram"]
Merge = Literal["sum", "max"]
_MAX_SERIES = 300
"""Series of one metric; what is beyond goes into one series labelled "other"."""
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Declaration(NamedTuple):
    """One metric. ``merge`` says how a gauge of several processes becomes one."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    merge: Merge = "sum"


def _seconds(name: str, help: str, *labels: str) -> Declaration:
    return Declaration(name, "histogram", help, labels, _SECONDS)


DECLARATIONS = (
    Declaration("notify_notify_requests_total", "counter", "Notify calls answered, by status code.", ("code",)),
    Declaration(
        "notify_send_total", "counter", "Attempts at providers, by outcome.", ("channel", "provider", "status")
    ),
    _seconds("notify_send_duration_seconds", "Time a provider took to answer.", "channel", "provider"),
    Declaration("notify_store_op_total", "counter", "Store operations, by outcome.", ("op", "code")),
    _seconds("notify_store_op_duration_seconds", "Time of a store operation.", "op"),
    Declaration("notify_live_sessions", "gauge", "Live streams.", ("device_type",)),
    Declaration("notify_stream_events_total", "counter", "Events handed to live streams.", ("kind",)),
    Declaration("notify_stream_lag_events", "gauge", "Events queued for readers that have not taken them yet."),
    Declaration("notify_session_catchups_total", "counter", "Times a stream fell behind and read from the store."),
    Declaration("notify_deliveries_due", "gauge", "Deliveries due and not held, counted up to 10,000.", merge="max"),
    Declaration(
        "notify_deliveries_oldest_due_age_seconds", "gauge", "How long the oldest due delivery waits.", merge="max"
    ),
    Declaration("notify_lease_expiries_total", "counter", "Leases that ran out while held."),
    Declaration("notify_breaker_open", "gauge", "1 while a provider's breaker is open.", ("provider",), merge="max"),
    Declaration("notify_bus_reconnects_total", "counter", "Times the bus was lost and came back.", ("bus",)),
    Declaration("notify_bus_dropped_total", "counter", "Messages the bus could not take.", ("bus",)),
    Declaration("notify_bus_foreign_total", "counter", "Bus messages that were not ours.", ("bus",)),
    Declaration("notify_ready", "gauge", "1 while the service is ready.", merge="max"),
    Declaration("notify_build_info", "gauge", "Always 1; the release is in the label.", ("version",), merge="max"),
    _seconds(
        "rpc_server_call_duration_seconds",
        "Time of a call (rpc.server.call.duration of the OpenTelemetry semantic conventions).",
        "rpc_method",
        "rpc_response_status_code",
    ),
)
BY_NAME: Mapping[str, Declaration] = {d.name: d for d in DECLARATIONS}


class Exemplar(NamedTuple):
    """A traced observation that fell into a bucket."""

    trace_id: str
    value: float
    at_s: float


@dataclass(slots=True)
class Histogram:
    """Counts per bucket, not cumulated; the last one is +Inf."""

    counts: list[int]
    total: float = 0.0
    exemplars: dict[int, Exemplar] = field(default_factory=dict)


Series = tuple[str, ...]
Snapshot = dict[str, dict[Series, Any]]


class Numbers:
    """A ports.telemetry.Metrics. ``trace_id`` gives the current sampled trace, for exemplars; "" means none."""

    def __init__(self, trace_id: Callable[[], str] = str) -> None:
        self._trace_id = trace_id
        # A counter without labels is there from the start: a rate over it needs a first value.
        self._series: Snapshot = {d.name: {(): 0} if d.kind == "counter" and not d.labels else {} for d in DECLARATIONS}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter. Raises KeyError for what is not declared: a defect that tests find."""
        series = self._series[name]
        key = self._key(name, series, labels)
        series[key] = series.get(key, 0) + amount

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        series = self._series[name]
        series[self._key(name, series, labels)] = value

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Record one value."""
        series = self._series[name]
        key = self._key(name, series, labels)
        buckets = BY_NAME[name].buckets
        histogram = series.get(key)
        if histogram is None:
            histogram = series[key] = Histogram([0] * (len(buckets) + 1))
        bucket = bisect_left(buckets, value)
        histogram.counts[bucket] += 1
        histogram.total += value
        trace_id = self._trace_id()
        if trace_id:
            histogram.exemplars[bucket] = Exemplar(trace_id, value, time())

    def snapshot(self) -> Snapshot:
        """Everything, by metric and label values; not to be changed."""
        return self._series

    def _key(self, name: str, series: dict[Series, Any], labels: Mapping[str, str]) -> Series:
        declared = BY_NAME[name].labels
        if len(declared) == 1:
            key: Series = (labels[declared[0]],)
        else:
            key = tuple([labels[label] for label in declared])
        if key in series or len(series) < _MAX_SERIES:
            return key
        return ("other",) * len(declared)
