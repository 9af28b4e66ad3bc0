"""Web push: RFC 8030 requests, payloads encrypted as RFC 8291 says, VAPID identification (RFC 8292)."""

from __future__ import annotations

import ssl
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from types import MappingProxyType

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from notify_grpc.channels.collapsing import collapse_id
from notify_grpc.channels.http import Answer, HttpClient, Request
from notify_grpc.channels.http_provider import SYSTEM_CLOCK, HttpProvider, json_body
from notify_grpc.channels.public_only import PublicTransport
from notify_grpc.channels.subscriptions import Subscription, parse_subscription
from notify_grpc.channels.texts import fit_push, push_data
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.errors import InvalidArgument, Unimplemented
from notify_grpc.domain.models import Channel
from notify_grpc.ports.provider import Message

_PLAINTEXT_BYTES = 3993
"""4,096 less the header, padding delimiter and tag (RFC 8291 §4)."""
_TOKEN_S = 12 * 3600
_FOUR_WEEKS_S = 28 * 24 * 3600
_URGENCIES = frozenset({"very-low", "low", "normal", "high"})


@dataclass(frozen=True, slots=True)
class VapidSettings:
    """The application server's keys, base64url: the public point (65 bytes) browsers subscribe with, and the scalar."""

    public_key: str
    private_key: str = field(repr=False)
    contact: str = ""
    """For the push service's operators: an email address, or a ``mailto:`` or ``https:`` URL. Apple demands one."""
    timeout_s: float = 10.0


class VapidProvider(HttpProvider):
    """The endpoint is the recipient's choice, so its answers are not trusted with more than this one delivery.

    401 and 403 are therefore permanent, not misconfigured: RFC 8292 §4.2 gives them for a subscription made with
    another key, which any recipient can register, and one of those must not stop everybody's push.
    """

    name = "vapid"
    channel = Channel.WEB_PUSH
    error_codes = MappingProxyType(
        {
            "http_401": ErrorClass.PERMANENT,
            "http_402": ErrorClass.PERMANENT,
            "http_403": ErrorClass.PERMANENT,
            "http_404": ErrorClass.TARGET_GONE,
            "http_410": ErrorClass.TARGET_GONE,
        }
    )

    def __init__(
        self,
        settings: VapidSettings,
        *,
        clock: Clock = SYSTEM_CLOCK,
        tls: ssl.SSLContext | None = None,
        allow_loopback: bool = False,
    ) -> None:
        """``allow_loopback`` also takes http://127.0.0.1 endpoints: for tests."""
        self._key = _private_key(settings)
        self._settings = settings
        self._allow_loopback = allow_loopback
        http = HttpClient(make_transport=lambda: PublicTransport(tls=tls, allow_loopback=allow_loopback))
        super().__init__(settings.timeout_s, clock=clock, http=http)

    def validate(self, target: str) -> str | None:
        try:
            parse_subscription(target, allow_loopback=self._allow_loopback)
        except ValueError as exc:
            return str(exc)
        return None

    async def check(self) -> str | None:
        raise Unimplemented("web push has no account to ask about")

    def _request(self, message: Message) -> Request:
        subscription = parse_subscription(message.target, allow_loopback=self._allow_loopback)
        urgency = message.content.data.get("urgency", "")
        headers = {
            "authorization": self._authorization(subscription.origin),
            "content-type": "application/octet-stream",
            "content-encoding": "aes128gcm",
            "ttl": str(max(_FOUR_WEEKS_S if message.ttl_s is None else message.ttl_s, 0)),
            "urgency": urgency if urgency in _URGENCIES else "normal",
            "topic": collapse_id(message),
        }
        return Request("POST", subscription.endpoint, headers, _encrypted(_payload(message), subscription))

    def _authorization(self, origin: str) -> str:
        claims: dict[str, object] = {"aud": origin, "exp": self._clock.now_ms() // 1000 + _TOKEN_S}
        if contact := self._settings.contact:
            claims["sub"] = contact if ":" in contact else f"mailto:{contact}"
        return f"vapid t={jwt.encode(claims, self._key, algorithm='ES256')}, k={self._settings.public_key}"

    def _message_id(self, answer: Answer) -> str | None:
        return str(answer.headers.get("location", ""))

    def _error_code(self, answer: Answer) -> str:
        return f"http_{answer.status}"


def _private_key(settings: VapidSettings) -> ec.EllipticCurvePrivateKey:
    try:
        scalar = int.from_bytes(_unpadded(settings.private_key), "big")
        key = ec.derive_private_key(scalar, ec.SECP256R1())
    except ValueError as exc:
        raise InvalidArgument("vapid private key", "is not the base64url of a P-256 scalar") from exc
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    if urlsafe_b64encode(point).rstrip(b"=").decode() != settings.public_key.rstrip("="):
        raise InvalidArgument("vapid public key", "does not belong to the private key")
    return key


def _unpadded(text: str) -> bytes:
    bare = text.strip().rstrip("=")
    return urlsafe_b64decode(bare + "=" * (-len(bare) % 4))


def _payload(message: Message) -> bytes:
    data = push_data(message)
    return fit_push(
        message.content,
        lambda title, body: json_body({"title": title, "body": body, "data": data}),
        _PLAINTEXT_BYTES,
    )


def _encrypted(payload: bytes, subscription: Subscription) -> bytes:
    encrypted: bytes = http_ece.encrypt(
        payload,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=subscription.p256dh,
        auth_secret=subscription.auth,
        version="aes128gcm",
    )
    return encrypted
