"""SendGrid's event webhook, signed with ECDSA over timestamp and body ("Event Webhook Security Features")."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from notify_grpc.channels.callbacks.reports import decoded, delivered, failed, objects, text
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.errors import InvalidArgument, Unauthenticated
from notify_grpc.ports.store import Report

_DELIVERED = frozenset({"delivered", "open", "click"})
_FAILED = frozenset({"bounce", "dropped"})


@dataclass(frozen=True, slots=True)
class SendGridCallbacks:
    """``public_key`` as SendGrid's settings page shows it (base64 DER). Raises InvalidArgument if it is none."""

    public_key: str
    provider: str = "sendgrid"
    _key: EllipticCurvePublicKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            key = load_der_public_key(b64decode(self.public_key))
        except ValueError:
            key = None
        if not isinstance(key, EllipticCurvePublicKey):
            raise InvalidArgument("sendgrid callback key", "is not a base64 public key of an elliptic curve")
        object.__setattr__(self, "_key", key)

    async def verify_and_parse(self, headers: Mapping[str, str], url: str, body: bytes) -> list[Report]:
        timestamp = headers.get("x-twilio-email-event-webhook-timestamp", "")
        try:
            signature = b64decode(headers.get("x-twilio-email-event-webhook-signature", ""))
            self._key.verify(signature, timestamp.encode() + body, ECDSA(SHA256()))
        except (InvalidSignature, ValueError) as exc:
            raise Unauthenticated("the SendGrid signature does not hold") from exc
        found = (_report(event) for event in objects(decoded(body)))
        return [report for report in found if report is not None]

    def challenge(self, url: str) -> str | None:
        return None


def _report(event: Mapping[str, object]) -> Report | None:
    kind, delivery_id = text(event.get("event")), event.get("delivery_id")
    # X-Message-Id, then a dot and where it was processed.
    message_id = text(event.get("sg_message_id")).partition(".")[0]
    if kind in _DELIVERED:
        return delivered("sendgrid", message_id, delivery_id)
    if kind in _FAILED:
        error_class = ErrorClass.TRANSIENT if event.get("type") == "blocked" else ErrorClass.PERMANENT
        return failed("sendgrid", message_id, delivery_id, event.get("status") or kind, error_class)
    return None
