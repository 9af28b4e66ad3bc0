"""WhatsApp status reports from Meta's webhooks, signed with HMAC-SHA256 of the app secret over the body."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from notify_grpc.channels.callbacks.reports import decoded, delivered, failed, objects, text
from notify_grpc.channels.meta import META_ERRORS
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.errors import Unauthenticated
from notify_grpc.ports.store import Report

_DELIVERED = frozenset({"delivered", "read"})


@dataclass(frozen=True, slots=True)
class MetaCallbacks:
    """The app's secret, and the token typed into Meta's webhook form."""

    app_secret: str = field(repr=False)
    verify_token: str = field(repr=False)
    provider: str = "meta"

    async def verify_and_parse(self, headers: Mapping[str, str], url: str, body: bytes) -> list[Report]:
        expected = "sha256=" + hmac.new(self.app_secret.encode(), body, "sha256").hexdigest()
        if not hmac.compare_digest(expected.encode(), headers.get("x-hub-signature-256", "").encode()):
            raise Unauthenticated("the Meta signature does not hold")
        found = (_report(status) for status in _statuses(decoded(body)))
        return [report for report in found if report is not None]

    def challenge(self, url: str) -> str | None:
        """Meta's verification request: hub.challenge, if hub.verify_token is ours."""
        query = parse_qs(urlsplit(url).query)
        token = query.get("hub.verify_token", [""])[0]
        if not self.verify_token or not hmac.compare_digest(self.verify_token.encode(), token.encode()):
            raise Unauthenticated("the verify token is not ours")
        return query.get("hub.challenge", [""])[0]


def _statuses(value: object) -> Iterator[dict[str, object]]:
    for entry in objects(value.get("entry") if isinstance(value, dict) else None):
        for change in objects(entry.get("changes")):
            content = change.get("value")
            yield from objects(content.get("statuses") if isinstance(content, dict) else None)


def _report(status: Mapping[str, object]) -> Report | None:
    kind, message_id, delivery_id = text(status.get("status")), status.get("id"), status.get("biz_opaque_callback_data")
    if kind in _DELIVERED:
        return delivered("meta", message_id, delivery_id)
    if kind == "failed":
        code = next((error.get("code") for error in objects(status.get("errors"))), "")
        return failed("meta", message_id, delivery_id, code, META_ERRORS.get(str(code), ErrorClass.PERMANENT))
    return None
