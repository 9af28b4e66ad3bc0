"""What instances say to each other: JSON of bounded size, the sender's name in front. Ids only, never content.

Anything that does not read as such a payload is somebody else's, or of another version, and is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from notify_grpc.domain.models import UserKey
from notify_grpc.ports.bus import DataChange, SessionSignal, Wake

_VERSION = 1


@dataclass(slots=True)
class Batch:
    """Messages of one sender."""

    wakes: list[Wake] = field(default_factory=list)
    changes: list[DataChange] = field(default_factory=list)
    signals: list[SessionSignal] = field(default_factory=list)
    size: int = 0
    """What the sender counted, as it bounds this: a data change counts once per user."""


def encode(instance: str, batch: Batch, max_bytes: int) -> tuple[list[str], int]:
    """Payloads of at most ``max_bytes`` of UTF-8 each, and how many messages are too large for any."""
    payloads: list[str] = []
    room = max_bytes - len(_payload(instance, []).encode())
    items: list[str] = []
    used = dropped = 0
    for item in _items(batch):
        size = len(item.encode()) + 1
        if size > room:
            dropped += 1
            continue
        if used + size > room:
            payloads.append(_payload(instance, items))
            items, used = [], 0
        items.append(item)
        used += size
    if items:
        payloads.append(_payload(instance, items))
    return payloads, dropped


def decode(payload: str) -> tuple[str, Batch]:
    """The sender and what it says. Raises ValueError for what is not a payload of ours."""
    try:
        version, instance, *items = json.loads(payload)
        if version != _VERSION or not isinstance(instance, str):
            raise ValueError("another version")
        batch = Batch()
        for item in items:
            _take(batch, item)
    except (TypeError, KeyError, IndexError, OverflowError, RecursionError) as exc:
        raise ValueError("not a payload of this service") from exc
    return instance, batch


def _payload(instance: str, items: Sequence[str]) -> str:
    return f"[{','.join([str(_VERSION), _json(instance), *items])}]"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _items(batch: Batch) -> Iterator[str]:
    for wake in batch.wakes:
        yield _json(["w", *wake.user, wake.epoch, wake.seq])
    for signal in batch.signals:
        yield _json(["s", *signal.user, signal.session_id, signal.acked_key, signal.expires_at_ms])
    for change in batch.changes:
        for user in change.users:
            yield _json(["d", *user, change.idempotency_key, change.subject_ref, change.subject_type])


def _take(batch: Batch, item: Any) -> None:
    kind, tenant_id, user_id, *rest = item
    user = UserKey(str(tenant_id), str(user_id))
    if kind == "w":
        batch.wakes.append(Wake(user, int(rest[0]), int(rest[1])))
    elif kind == "s":
        batch.signals.append(SessionSignal(user, str(rest[0]), str(rest[1]), int(rest[2])))
    elif kind == "d":
        batch.changes.append(DataChange((user,), str(rest[0]), str(rest[1]), str(rest[2])))


def newest(wakes: Iterable[Wake]) -> list[Wake]:
    """One wake per user says it all: the furthest of its inbox's latest life, for calls announce in any order."""
    by_user: dict[UserKey, Wake] = {}
    for wake in wakes:
        known = by_user.get(wake.user)
        if known is None or known.epoch != wake.epoch or known.seq < wake.seq:
            by_user[wake.user] = wake
    return list(by_user.values())
