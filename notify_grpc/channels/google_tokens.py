"""Access tokens for a Google service account by its signed JWT (RFC 7523, Google's server-to-server OAuth 2.0)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from notify_grpc.channels.classification import class_of_status, code_text
from notify_grpc.channels.http import Answer, Deadline, HttpClient, NoAnswer, Request
from notify_grpc.channels.tokens import AccessToken
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.domain.errors import InvalidArgument
from notify_grpc.ports.provider import Receipt

_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_S = 3600
_TOKEN_URL = "https://oauth2.googleapis.com/token"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """What we need of a service account's key file."""

    email: str
    project_id: str
    token_url: str
    key_id: str
    key: RSAPrivateKey = field(repr=False)


def parse_service_account(text: str) -> ServiceAccount:
    """Read a key file's JSON. Raises InvalidArgument, which does not quote it."""
    try:
        value = json.loads(text)
        key = load_pem_private_key(value["private_key"].encode(), password=None)
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("not RSA")
        return ServiceAccount(
            email=value["client_email"],
            project_id=value.get("project_id", ""),
            token_url=value.get("token_uri") or _TOKEN_URL,
            key_id=value.get("private_key_id", ""),
            key=key,
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InvalidArgument("fcm credentials", "are not the JSON key of a service account") from None


async def fetch_token(account: ServiceAccount, http: HttpClient, clock: Clock, deadline: Deadline) -> AccessToken:
    """Exchange an assertion for an access token. Raises NoAnswer, never with an unknown outcome: nothing was sent."""
    now_s = clock.now_ms() // 1000
    claims = {
        "iss": account.email,
        "scope": _SCOPE,
        "aud": account.token_url,
        "iat": now_s,
        "exp": now_s + _ASSERTION_S,
    }
    assertion = jwt.encode(claims, account.key, algorithm="RS256", headers={"kid": account.key_id})
    form = urlencode({"grant_type": _GRANT, "assertion": assertion}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    try:
        answer = await http.send(Request("POST", account.token_url, headers, form), deadline)
    except NoAnswer as exc:
        raise _failed(ErrorClass.TRANSIENT, exc.receipt.error_code) from exc
    return _token(answer)


def _token(answer: Answer) -> AccessToken:
    value = answer.json()
    if not answer.ok:
        code = code_text(value.get("error")) or f"http_{answer.status}"
        refused = class_of_status(answer.status)
        # 400 invalid_grant: the key was revoked, or our clock is wrong.
        raise _failed(ErrorClass.MISCONFIGURED if refused is ErrorClass.PERMANENT else _retryable(refused), code)
    token, lifetime_s = value.get("access_token"), value.get("expires_in")
    if not isinstance(token, str) or not token.isascii() or not isinstance(lifetime_s, int | float):
        raise _failed(ErrorClass.TRANSIENT, "unreadable")
    return AccessToken(token, float(lifetime_s))


def _retryable(found: ErrorClass) -> ErrorClass:
    return ErrorClass.TRANSIENT if found is ErrorClass.UNKNOWN_OUTCOME else found


def _failed(error_class: ErrorClass, code: str) -> NoAnswer:
    return NoAnswer(Receipt(error_class, error_code=f"oauth_{code}", error="no access token from the OAuth server"))
