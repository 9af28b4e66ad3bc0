"""What a benchmark finds, and how it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """One figure beside what a bare program reached with the same work in the same run."""

    name: str
    value: float
    unit: str
    ceiling: float
    ratio: float
    """How near it comes to the ceiling, 1 being equal, whichever way the unit counts."""


def rate(name: str, value: float, unit: str, ceiling: float) -> Row:
    """A figure of which more is better."""
    return Row(name, value, unit, ceiling, value / ceiling)


def latency(name: str, value: float, unit: str, ceiling: float) -> Row:
    """A figure of which less is better."""
    return Row(name, value, unit, ceiling, ceiling / value)


def say(row: Row) -> Row:
    """Print a figure as soon as it is there."""
    print(f"  {row.name}: {row.value:,.0f} {row.unit}, ratio {row.ratio:.2f}", flush=True)
    return row


def table(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = ["| measure | value | ceiling | ratio |", "|---|---|---|---|"]
    lines += [f"| {r.name} | {_number(r.value)} {r.unit} | {_number(r.ceiling)} | {r.ratio:.2f} |" for r in rows]
    return "\n".join(lines)


def plot(title: str, rows: Sequence[Row], file: Path) -> None:
    """Ratios as bars, 1 being the ceiling, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 0.45 * len(rows) + 1.4))
    places = range(len(rows), 0, -1)
    axes.barh(places, [row.ratio for row in rows], color="#3b6ea5", height=0.6)
    axes.axvline(1, color="#444", linewidth=0.8)
    axes.set_yticks(places, [row.name for row in rows], fontsize=8)
    for place, row in zip(places, rows, strict=True):
        axes.text(row.ratio, place, f" {_number(row.value)} {row.unit}", va="center", fontsize=7)
    axes.set_xlabel("ratio to the ceiling of the same run")
    axes.set_title(title)
    axes.margins(x=0.2)
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    pyplot.close(figure)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
