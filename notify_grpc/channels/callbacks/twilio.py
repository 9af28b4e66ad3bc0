"""Twilio's status callbacks for SMS and WhatsApp, signed with HMAC-SHA1 over URL and form (Twilio, "Security")."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, parse_qsl, urlsplit

from notify_grpc.channels.callbacks.reports import delivered, failed
from notify_grpc.channels.twilio import TWILIO_ERRORS
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.errors import Unauthenticated
from notify_grpc.ports.store import Report

_DELIVERED = frozenset({"delivered", "read"})
_FAILED = frozenset({"failed", "undelivered"})


@dataclass(frozen=True, slots=True)
class TwilioCallbacks:
    """``public_url`` is the StatusCallback given to Twilio, which it signs; a proxy may have changed what we see.

    Several ``auth_tokens`` where SMS and WhatsApp use accounts of their own.
    """

    auth_tokens: tuple[str, ...] = field(repr=False)
    public_url: str
    provider: str = "twilio"

    async def verify_and_parse(self, headers: Mapping[str, str], url: str, body: bytes) -> list[Report]:
        query = urlsplit(url).query
        form = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        signed = self.public_url + (f"?{query}" if query else "") + "".join(k + v for k, v in sorted(set(form)))
        given = headers.get("x-twilio-signature", "").encode()
        expected = (b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")) for token in self.auth_tokens)
        if sum(hmac.compare_digest(signature, given) for signature in expected) == 0:
            raise Unauthenticated("the Twilio signature does not hold")
        return _reports(dict(form), parse_qs(query).get("delivery_id", [""])[0])

    def challenge(self, url: str) -> str | None:
        return None


def _reports(form: Mapping[str, str], delivery_id: str) -> list[Report]:
    status, message_id = form.get("MessageStatus"), form.get("MessageSid")
    if status in _DELIVERED:
        return [delivered("twilio", message_id, delivery_id)]
    if status in _FAILED:
        code = form.get("ErrorCode", "")
        return [failed("twilio", message_id, delivery_id, code, TWILIO_ERRORS.get(code, ErrorClass.PERMANENT))]
    return []
