"""A browser's push subscription, as ``JSON.stringify(subscription)`` gives it (W3C Push API)."""

from __future__ import annotations

import ipaddress
import json
import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

from notify_grpc.channels.public_only import is_public

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*={0,2}", re.ASCII)
_POINT_BYTES = 65
_AUTH_BYTES = 16
_MAX_CHARS = 4096


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where to POST (a capability: whoever knows it may send) and the keys to encrypt with (RFC 8291 §2)."""

    endpoint: str = field(repr=False)
    p256dh: bytes = field(repr=False)
    auth: bytes = field(repr=False)

    @property
    def origin(self) -> str:
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc}"


def parse_subscription(text: str, *, allow_loopback: bool = False) -> Subscription:
    """Raises ValueError that says what is wrong, for the producer."""
    try:
        value = json.loads(text if len(text) <= _MAX_CHARS else "")
        endpoint, keys = value["endpoint"], value["keys"]
        p256dh, auth = _bytes(keys["p256dh"]), _bytes(keys["auth"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError("is not a push subscription (JSON with endpoint, keys.p256dh and keys.auth)") from None
    if problem := _endpoint_error(endpoint, allow_loopback):
        raise ValueError(f"has an endpoint that {problem}")
    if len(auth) != _AUTH_BYTES or not _is_point(p256dh):
        raise ValueError("has keys that are no P-256 point and 16-byte secret")
    return Subscription(endpoint, p256dh, auth)


def _bytes(text: str) -> bytes:
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


def _is_point(raw: bytes) -> bool:
    if len(raw) != _POINT_BYTES:
        return False
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw)
    except ValueError:
        return False
    return True


def _endpoint_error(endpoint: object, allow_loopback: bool) -> str | None:
    if not isinstance(endpoint, str) or not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint:
        return "is no URL"
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "is no URL"
    if allow_loopback and host == "127.0.0.1":
        return None
    if parts.scheme != "https":
        return "is not https"
    return _host_error(parts, host)


def _host_error(parts: SplitResult, host: str) -> str | None:
    if "@" in parts.netloc:
        return "carries a user name"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # A name: what it resolves to is checked when connecting.
        local = "." not in host or host.endswith((".localhost", ".local", ".internal", "."))
        return "is not on a public host" if local else None
    return None if is_public(host) else "is not on a public host"
