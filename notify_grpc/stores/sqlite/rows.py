"""From database rows to the domain's values."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

from notify_grpc.domain.deliveries import Attempt, Delivery, DeliveryState, ErrorClass
from notify_grpc.domain.models import Channel, Content, Notification, Status

_STATUS = {status.value: status for status in Status}
_STATE = {state.value: state for state in DeliveryState}
_CHANNEL = {channel.value: channel for channel in Channel}
_ERROR: dict[str | None, ErrorClass | None] = {None: None} | {error.value: error for error in ErrorClass}


def to_json(values: Any) -> str:
    """A list or object as SQLite's json functions read it."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def text_list(values: Collection[str]) -> str:
    """Each once, as a JSON list."""
    return to_json(list(dict.fromkeys(values)))


@lru_cache(maxsize=256)
def channels(text: str) -> tuple[Channel, ...]:
    """The column ``channels``."""
    return tuple(_CHANNEL[name] for name in text.split(",") if name)


def content(title: str, body: str, subject_ref: str, subject_type: str, data: str) -> Content:
    """The last columns of a notification or a job."""
    return Content(title, body, subject_ref, subject_type, json.loads(data) if data != "{}" else {})


def notifications(rows: Iterable[tuple[Any, ...]]) -> list[Notification]:
    """Rows that select a notification's ``columns``. Rows of one content share it."""
    contents: dict[int, Content] = {}
    found = []
    for row in rows:
        content_id = row[4]
        if content_id not in contents:
            contents[content_id] = content(*row[15:])
        fields = [*row[:4], contents[content_id], channels(row[5]), _STATUS[row[6]], *row[7:15]]
        found.append(Notification(*fields))
    return found


def delivery(row: tuple[Any, ...]) -> Delivery:
    """A row that selects a delivery's ``columns``."""
    fields = [*row[:5], _CHANNEL[row[5]], row[6], _STATE[row[7]], *row[8:19], _ERROR[row[19]], *row[20:]]
    return Delivery(*fields)


def attempt(row: tuple[Any, ...]) -> Attempt:
    """A row of the statement ``attempts``, without its first column."""
    fields = [*row[:4], _STATE[row[4]], _ERROR[row[5]], *row[6:9], bool(row[9])]
    return Attempt(*fields)
