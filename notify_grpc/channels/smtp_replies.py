"""What an SMTP reply means (RFC 5321 §4.2, RFC 4954 §6, enhanced codes RFC 3463)."""

from __future__ import annotations

import re

from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.ports.provider import Receipt

_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})\b", re.ASCII)
_TOO_LARGE = 552
_ABOUT_US = frozenset({"mail", "connect"})
"""Steps at which a 5yz speaks about us (our address, our credentials, our host) and not about the recipient."""


def reply_receipt(code: int, text: str, step: str) -> Receipt:
    """The receipt for a refusal at ``connect`` (greeting, EHLO, STARTTLS, AUTH), ``mail``, ``rcpt`` or ``data``."""
    enhanced = _ENHANCED.match(text)
    error_code = f"{code} {enhanced[1]}" if enhanced else str(code)
    if code < 400:
        # No refusal at all: a reply nobody can read (aiosmtplib gives it -1).
        return Receipt(
            ErrorClass.UNKNOWN_OUTCOME if step == "data" else ErrorClass.TRANSIENT,
            error_code="unreadable",
            error=f"the server's reply was unreadable ({step})",
        )
    return Receipt(_class(code, step), error_code=error_code, error=f"the server answered {error_code} ({step})")


def _class(code: int, step: str) -> ErrorClass:
    if code < 500:
        return ErrorClass.TRANSIENT
    if code != _TOO_LARGE and step in _ABOUT_US:
        return ErrorClass.MISCONFIGURED
    return ErrorClass.PERMANENT
