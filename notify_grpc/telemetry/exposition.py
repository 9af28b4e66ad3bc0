"""Snapshots as text: Prometheus 0.0.4, or OpenMetrics 1.0 with exemplars; and as JSON between processes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from notify_grpc.telemetry.metrics import BY_NAME, DECLARATIONS, Declaration, Exemplar, Histogram, Series, Snapshot

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def render(snapshot: Snapshot, accept: str = "") -> tuple[bytes, str]:
    """The text a scraper that sent this Accept header reads, and its content type."""
    openmetrics = "application/openmetrics-text" in accept
    lines = [line for d in DECLARATIONS for line in _metric(d, snapshot.get(d.name, {}), openmetrics)]
    if openmetrics:
        lines.append("# EOF")
    return ("\n".join(lines) + "\n").encode(), OPENMETRICS if openmetrics else PROMETHEUS


def _metric(d: Declaration, series: dict[Series, Any], openmetrics: bool) -> Iterator[str]:
    family = d.name.removesuffix("_total") if openmetrics and d.kind == "counter" else d.name
    yield f"# HELP {family} {d.help}"
    yield f"# TYPE {family} {d.kind}"
    for key, value in sorted(series.items()):
        if isinstance(value, Histogram):
            yield from _histogram(d, key, value, openmetrics)
        else:
            yield f"{d.name}{_labels(d, key)} {_number(value)}"


def _histogram(d: Declaration, key: Series, histogram: Histogram, openmetrics: bool) -> Iterator[str]:
    below = 0
    for i, count in enumerate(histogram.counts):
        below += count
        bound = "+Inf" if i == len(d.buckets) else _number(d.buckets[i])
        line = f"{d.name}_bucket{_labels(d, key, le=bound)} {below}"
        exemplar = histogram.exemplars.get(i) if openmetrics else None
        if exemplar is not None:
            line += f' # {{trace_id="{exemplar.trace_id}"}} {_number(exemplar.value)} {exemplar.at_s:.3f}'
        yield line
    yield f"{d.name}_sum{_labels(d, key)} {_number(histogram.total)}"
    yield f"{d.name}_count{_labels(d, key)} {below}"


def _labels(d: Declaration, key: Series, **more: str) -> str:
    pairs = [*zip(d.labels, key, strict=True), *more.items()]
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in pairs) + "}" if pairs else ""


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def to_json(snapshot: Snapshot) -> str:
    """For another process of the same release."""
    return json.dumps(
        {
            name: [[list(key), asdict(v) if isinstance(v, Histogram) else v] for key, v in series.items()]
            for name, series in snapshot.items()
        }
    )


def from_json(text: str) -> Snapshot:
    """What ``to_json`` wrote. Metrics this release does not know are left out."""
    return {
        name: {tuple(key): _value(v) for key, v in rows} for name, rows in json.loads(text).items() if name in BY_NAME
    }


def _value(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    exemplars = {int(i): Exemplar(*e) for i, e in value["exemplars"].items()}
    return Histogram(value["counts"], value["total"], exemplars)


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """One snapshot of several processes: counters and histograms add up, gauges as declared."""
    merged: Snapshot = {d.name: {} for d in DECLARATIONS}
    for snapshot in snapshots:
        for name, series in snapshot.items():
            for key, value in series.items():
                known = merged[name].get(key)
                merged[name][key] = value if known is None else _add(BY_NAME[name], known, value)
    return merged


def _add(d: Declaration, a: Any, b: Any) -> Any:
    if isinstance(a, Histogram):
        counts = [x + y for x, y in zip(a.counts, b.counts, strict=True)]
        return Histogram(counts, a.total + b.total, {**a.exemplars, **b.exemplars})
    return max(a, b) if d.kind == "gauge" and d.merge == "max" else a + b


def without_gauges(snapshot: Snapshot) -> Snapshot:
    """What stays true of a process that has ended."""
    return {name: series for name, series in snapshot.items() if BY_NAME[name].kind != "gauge"}
