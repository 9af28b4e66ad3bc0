"""What an HTTP status means for a delivery (RFC 9110), where the provider's own error code does not say more."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from notify_grpc.domain.deliveries import ErrorClass

_STATUSES = {
    401: ErrorClass.MISCONFIGURED,
    402: ErrorClass.MISCONFIGURED,
    403: ErrorClass.MISCONFIGURED,
    408: ErrorClass.TRANSIENT,
    421: ErrorClass.TRANSIENT,
    425: ErrorClass.TRANSIENT,
    429: ErrorClass.RATE_LIMITED,
    # A gateway that lost sight of the server behind it: the request may have been carried out.
    504: ErrorClass.UNKNOWN_OUTCOME,
}
_SECONDS = re.compile(r"[0-9]+", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
_LONGEST_S = 10.0**9
"""More is no number worth carrying; the dispatcher clamps to far less."""


def class_of_status(status: int) -> ErrorClass:
    """The class of an answer that is not 2xx."""
    if known := _STATUSES.get(status):
        return known
    return ErrorClass.TRANSIENT if status >= 500 else ErrorClass.PERMANENT


def retry_after_s(headers: httpx.Headers, now_ms: int) -> float | None:
    """Retry-After (RFC 9110 §10.2.3) as seconds from now, never negative; None if absent or neither form.

    A date is measured against the answer's own Date, so that no two clocks need agree; without one, against ``now_ms``.
    """
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), _LONGEST_S)
    until = _http_date(value)
    if until is None:
        return None
    now = _http_date(headers.get("date", "")) or datetime.fromtimestamp(now_ms / 1000, UTC)
    return min(max((until - now).total_seconds(), 0.0), _LONGEST_S)


def _http_date(text: str) -> datetime | None:
    try:
        value = parsedate_to_datetime(text)
    except ValueError:
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def code_text(value: object) -> str:
    """A provider's error code for the audit, or "" if it does not look like one: free text may hold anything."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""
