"""What a benchmark finds."""

from __future__ import annotations

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
