"""Reading along a numbered index from one end, at a cost of what is returned.

EntDB can neither order by an index nor stop early: it sorts all that meets the conditions by age and cuts off a page.
So an index is read in windows of numbers, bounded on both sides, that grow while they hold little and shrink when they
hold too much. Where numbers are dense (positions) the first window is enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from notify_grpc.stores.entdb.connection import PAGE, Connection
from notify_grpc.stores.entdb.keys import numbered
from notify_grpc.stores.entdb.nodes import GTE, LT, Node, Value, where

_GROWTH = 8


@dataclass(frozen=True, slots=True)
class Axis:
    """An indexed field in the order of numbers; `value_of` a number is its least value. `also`: more conditions."""

    type: int
    field: int
    value_of: Callable[[int], Value] = lambda number: number
    also: tuple[Any, ...] = ()


def axis_of(type_: int, field: int, prefix: str) -> Axis:
    """The numbered keys under one prefix."""
    return Axis(type_, field, lambda number: numbered(prefix, number))


async def walk(
    connection: Connection,
    axis: Axis,
    low: int,
    high: int,
    *,
    want: int,
    width: int,
    down: bool = False,
    keep: Callable[[Node], bool] = lambda _: True,
) -> list[Node]:
    """The first `want` nodes of [low, high], both included, in the order of their numbers; from the end with `down`."""
    found: list[Node] = []
    width = min(width, PAGE // 2)
    while low <= high and len(found) < want:
        start = max(low, high - width + 1) if down else low
        end = high if down else min(high, low + width - 1)
        nodes, more = await connection.query(axis.type, *_window(axis, start, end))
        if more and start < end:
            width = max(1, width // _GROWTH)
            continue
        if more:
            nodes = [node async for page in connection.pages(axis.type, *_window(axis, start, end)) for node in page]
        in_window = len(nodes)
        nodes = [node for node in nodes if keep(node)]
        found += sorted(nodes, key=lambda node: node.fields[axis.field], reverse=down)
        low, high = (low, start - 1) if down else (end + 1, high)
        if len(nodes) * 2 < want and in_window * _GROWTH < PAGE:
            width *= _GROWTH
    return found[:want]


def _window(axis: Axis, start: int, end: int) -> tuple[Any, ...]:
    return (
        where(axis.field, GTE, axis.value_of(start)),
        where(axis.field, LT, axis.value_of(end + 1)),
        *axis.also,
    )
