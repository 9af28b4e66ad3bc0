"""What becomes of deliveries: attempts, time, operators and providers' reports."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from notify_grpc.domain.backoff import MAX_CLAIMS
from notify_grpc.domain.deliveries import (
    ABANDONED,
    HELD,
    PARKING_CHANNELS,
    RETRYABLE_BY_OPERATOR,
    Attempt,
    Delivery,
    DeliveryState,
    ErrorClass,
    Outcome,
    may,
)
from notify_grpc.domain.errors import FailedPrecondition, NotFound
from notify_grpc.domain.models import Channel
from notify_grpc.ports.store import Report
from notify_grpc.stores.sqlite.queries import load
from notify_grpc.stores.sqlite.rows import delivery, text_list
from notify_grpc.stores.sqlite.writer import Tx

_SQL = load("deliveries")


class Row(NamedTuple):
    """A delivery and the number of its row."""

    number: int
    delivery: Delivery


def rows(db: sqlite3.Connection, statement: str, values: dict[str, Any]) -> list[Row]:
    """Rows of one of the statements that select a number and a delivery."""
    return [Row(found[0], delivery(found[1:])) for found in db.execute(_SQL[statement], values)]


def find(db: sqlite3.Connection, id: str) -> Row | None:
    """A delivery by id."""
    return next(iter(rows(db, "get", {"id": id})), None)


def get(db: sqlite3.Connection, id: str) -> Row:
    """A delivery by id. Raises NotFound."""
    row = find(db, id)
    if row is None:
        raise NotFound("no such delivery")
    return row


def finish(tx: Tx, outcomes: Sequence[Outcome]) -> list[bool]:
    """Each outcome in turn; whether it counted."""
    return [_finish(tx, outcome) for outcome in outcomes]


def _finish(tx: Tx, outcome: Outcome) -> bool:
    row = find(tx.db, outcome.lease.delivery_id)
    if row is None:
        return False
    before = row.delivery
    holds = before.state in HELD and before.fence == outcome.lease.fence and may(before.state, outcome.state)
    _audit(tx, row.number, _attempts(outcome), stale=not holds)
    if holds:
        values = {
            "number": row.number,
            "now_ms": tx.now_ms,
            "due_at_ms": tx.now_ms + round(outcome.due_in_s * 1000),
            "failures": int(outcome.counts_as_failure),
        }
        tx.db.execute(_SQL["finish"], values | _columns(outcome))
    return holds


def _columns(told: Outcome | Report) -> dict[str, Any]:
    """What an outcome and a report have in common, as columns."""
    return {
        "state": str(told.state),
        "provider": told.provider,
        "provider_message_id": told.provider_message_id,
        "error_class": _text(told.error_class),
        "error_code": told.error_code,
        "error": told.error,
    }


def _text(error: ErrorClass | None) -> str | None:
    return None if error is None else str(error)


def _attempts(outcome: Outcome) -> Iterator[Attempt]:
    yield from outcome.attempts
    yield Attempt(
        at_ms=0,
        fence=outcome.lease.fence,
        owner=outcome.owner,
        provider=outcome.provider,
        state=outcome.state,
        error_class=outcome.error_class,
        error_code=outcome.error_code,
        error=outcome.error,
        duration_ms=outcome.duration_ms,
    )


def _audit(tx: Tx, number: int, attempts: Collection[Attempt] | Iterator[Attempt], *, stale: bool) -> None:
    """Append attempts; ``at_ms`` 0 is now."""
    tx.db.executemany(
        _SQL["add_attempt"],
        [
            (
                number,
                tried.at_ms or tx.now_ms,
                tried.fence,
                tried.owner,
                tried.provider,
                str(tried.state),
                _text(tried.error_class),
                tried.error_code,
                tried.error,
                tried.duration_ms,
                int(stale),
            )
            for tried in attempts
        ],
    )


def sweep(tx: Tx, limit: int) -> list[Delivery]:
    """Leases that ran out, then rows past their time, then rows claimed too often; up to ``limit`` in all."""
    swept: list[Delivery] = []
    for statement, settle in (("run_out", _run_out), ("expired", _expire), ("worn", _bury)):
        values = {"now_ms": tx.now_ms, "max_claims": MAX_CLAIMS, "limit": limit - len(swept)}
        swept += [settle(tx, row) for row in rows(tx.db, statement, values)]
    return swept


def _run_out(tx: Tx, row: Row) -> Delivery:
    before = row.delivery
    sent = before.state is DeliveryState.SENDING
    parks = sent and before.channel in PARKING_CHANNELS
    state = DeliveryState.PARKED if parks else DeliveryState.RETRY
    if sent:
        unknown = Attempt(
            tx.now_ms, before.fence, before.lease_owner, before.provider, state, ErrorClass.UNKNOWN_OUTCOME
        )
        _audit(tx, row.number, [unknown], stale=False)
    if not parks and before.attempts >= MAX_CLAIMS:
        return _bury(tx, row)
    return _settle(
        tx,
        row,
        state,
        error_class=ErrorClass.UNKNOWN_OUTCOME if sent else before.last_error_class,
        due_at_ms=before.due_at_ms if parks else tx.now_ms,
    )


def _expire(tx: Tx, row: Row) -> Delivery:
    return _settle(tx, row, DeliveryState.EXPIRED)


def _bury(tx: Tx, row: Row) -> Delivery:
    return _settle(tx, row, DeliveryState.FAILED, error_code="too_many_claims")


def _settle(tx: Tx, row: Row, state: DeliveryState, **changes: Any) -> Delivery:
    before = row.delivery
    values = {
        "due_at_ms": before.due_at_ms,
        "error_class": before.last_error_class,
        "error_code": before.last_error_code,
    } | changes
    values["error_class"] = _text(values["error_class"])
    tx.db.execute(_SQL["settle"], values | {"number": row.number, "state": str(state), "now_ms": tx.now_ms})
    return get(tx.db, before.id).delivery


def abandon(tx: Tx, created_before_ms: int, channels: Collection[Channel], limit: int) -> list[Delivery]:
    """Waiting rows of old notifications whose channel nobody serves, up to ``limit``."""
    values = {"created_before_ms": created_before_ms, "channels": text_list(channels), "limit": limit}
    return [_abandon(tx, row) for row in rows(tx.db, "unserved", values)]


def _abandon(tx: Tx, row: Row) -> Delivery:
    state, error, code = ABANDONED
    attempt = Attempt(tx.now_ms, row.delivery.fence, "", "", state, error, code)
    _audit(tx, row.number, [attempt], stale=False)
    values = {"number": row.number, "state": str(state), "error_class": _text(error), "error_code": code}
    tx.db.execute(_SQL["abandon"], values | {"now_ms": tx.now_ms})
    return get(tx.db, row.delivery.id).delivery


def retry(tx: Tx, id: str) -> Delivery:
    """An operator's second chance for a delivery."""
    row = get(tx.db, id)
    if row.delivery.state not in RETRYABLE_BY_OPERATOR:
        raise FailedPrecondition(f"a delivery that is {row.delivery.state} cannot be retried")
    tx.db.execute(_SQL["retry"], {"number": row.number, "now_ms": tx.now_ms})
    return get(tx.db, id).delivery


def report(tx: Tx, told: Report) -> Delivery | None:
    """What a provider told later."""
    if told.delivery_id:
        row = find(tx.db, told.delivery_id)
    else:
        row = next(iter(rows(tx.db, "by_message", _columns(told))), None)
    if row is None or not may(row.delivery.state, told.state):
        return None
    tx.db.execute(_SQL["report"], {"number": row.number, "now_ms": tx.now_ms, **_columns(told)})
    return get(tx.db, row.delivery.id).delivery
