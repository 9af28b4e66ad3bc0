"""Which deliveries are worked next, and by whom."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

from notify_grpc.domain.backoff import MAX_CLAIMS
from notify_grpc.domain.deliveries import Job, Lease
from notify_grpc.domain.models import Channel
from notify_grpc.ports.store import DueStats
from notify_grpc.stores.sqlite.queries import load
from notify_grpc.stores.sqlite.rows import content, delivery, to_json
from notify_grpc.stores.sqlite.writer import Tx

_SQL = load("deliveries")
_DUE_BOUND = 10_000
_COLUMNS = 22
"""Of a delivery, before the other columns of a job."""


class Wanted(NamedTuple):
    """Which rows a claim asks for."""

    limit: int
    channels: Collection[Channel]
    per_tenant: int


class Turn:
    """Whose turn it is: with more tenants waiting than one claim takes, the next one goes on after the last served."""

    def __init__(self) -> None:
        self._after = ""

    def pick(self, tx: Tx, wanted: Wanted) -> list[int]:
        """Numbers of due rows: the first of each tenant, then the second of each …"""
        ranked = []
        for tenant_id, rows in islice(self._tenants(tx, wanted), wanted.limit):
            self._after = tenant_id
            ranked += [(rank, due_at_ms, number) for rank, (due_at_ms, number) in enumerate(rows)]
        return [number for _, _, number in sorted(ranked)[: wanted.limit]]

    def _tenants(self, tx: Tx, wanted: Wanted) -> Iterator[tuple[str, list[tuple[int, int]]]]:
        """Each tenant with due rows, once around the circle, with its oldest (due_at_ms, number)."""
        queues = _due_queues(tx.db, tx.now_ms, self._after)
        for tenant_id, group in groupby(queues, key=itemgetter(0)):
            rows: list[tuple[int, int]] = []
            for _, channel in group:
                if channel in wanted.channels:
                    rows += tx.db.execute(_SQL["due"], _due_values(tx.now_ms, tenant_id, channel, wanted.per_tenant))
            if rows:
                yield tenant_id, sorted(rows)[: wanted.per_tenant]


def claim(tx: Tx, turn: Turn, owner: str, lease_s: float, wanted: Wanted) -> list[Job]:
    """Lease what is next in turn."""
    numbers = to_json(turn.pick(tx, wanted))
    if numbers == "[]":
        return []
    lease = {"owner": owner, "until_ms": tx.now_ms + round(lease_s * 1000), "now_ms": tx.now_ms, "numbers": numbers}
    tx.db.execute(_SQL["lease"], lease)
    return [
        Job(delivery(row[:_COLUMNS]), content(*row[_COLUMNS + 1 :]), row[_COLUMNS])
        for row in tx.db.execute(_SQL["jobs"], {"numbers": numbers})
    ]


def move_held(tx: Tx, statement: str, leases: Sequence[Lease], in_s: float = 0.0) -> set[str]:
    """Run ``start``, ``renew`` or ``release`` for each lease; the ids of those that still held.

    ``in_s``: seconds from now until a renewed lease ends or a released row is due.
    """
    times = {"now_ms": tx.now_ms, "then_ms": tx.now_ms + round(in_s * 1000)}
    return {id for id, fence in leases if tx.db.execute(_SQL[statement], {"id": id, "fence": fence, **times}).rowcount}


def due_stats(db: sqlite3.Connection, now_ms: int) -> DueStats:
    """The backlog, queue by queue until the bound."""
    due = 0
    oldest_ms = now_ms
    for tenant_id, channel in _due_queues(db, now_ms, ""):
        if due == _DUE_BOUND:
            break
        values = _due_values(now_ms, tenant_id, channel, _DUE_BOUND - due)
        [(count, since_ms)] = db.execute(_SQL["count_due"], values).fetchall()
        due += count
        oldest_ms = min(oldest_ms, since_ms or oldest_ms)
    return DueStats(due, (now_ms - oldest_ms) / 1000)


def _due_queues(db: sqlite3.Connection, now_ms: int, after: str) -> Iterator[tuple[str, str]]:
    """(tenant_id, channel) with due rows: tenants after ``after``, then from the first to it."""
    for tenant_id, channel in db.execute(_SQL["queues"], {"from_tenant": after, "now_ms": now_ms}):
        if tenant_id > after:
            yield tenant_id, channel
    if after:
        for tenant_id, channel in db.execute(_SQL["queues"], {"from_tenant": "", "now_ms": now_ms}):
            if tenant_id > after:
                break
            yield tenant_id, channel


def _due_values(now_ms: int, tenant_id: str, channel: str, limit: int) -> dict[str, str | int]:
    return {
        "now_ms": now_ms,
        "tenant_id": tenant_id,
        "channel": channel,
        "limit": limit,
        "max_claims": MAX_CLAIMS,
    }
