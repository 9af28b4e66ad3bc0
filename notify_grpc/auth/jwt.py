"""Recipients' JSON Web Tokens (RFC 7519), checked by PyJWT with one fixed algorithm per key (RFC 8725 §3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import jwt

from notify_grpc.auth.credentials import bearer_token, user_key
from notify_grpc.domain.errors import FailedPrecondition, Unauthenticated
from notify_grpc.domain.models import UserKey
from notify_grpc.ports.auth import Principal

SECRET_ALGORITHM = "HS256"
MIN_SECRET_BYTES = 32
"""RFC 7518 §3.2: a key of at least the size of the hash."""
_MAX_MS = 2**63 - 1
_TENANT_CLAIMS = ("tenant", "tenant_id")


class VerifyingKey(NamedTuple):
    """A key and the one algorithm it is good for."""

    algorithm: str
    key: Any
    """What PyJWT takes: bytes, or a public key of ``cryptography``."""


class KeySource(Protocol):
    """Where keys come from."""

    async def find(self, algorithm: str, kid: str) -> VerifyingKey | None:
        """The key a token's header asks for; None if there is none of that algorithm. ``kid`` may be empty."""
        ...


class SecretKey:
    """One shared secret for HS256. Raises FailedPrecondition if it is shorter than 32 bytes."""

    def __init__(self, secret: str) -> None:
        raw = secret.encode()
        if len(raw) < MIN_SECRET_BYTES:
            raise FailedPrecondition(f"a JWT secret needs at least {MIN_SECRET_BYTES} bytes")
        self._key = VerifyingKey(SECRET_ALGORITHM, raw)

    async def find(self, algorithm: str, kid: str) -> VerifyingKey | None:
        return self._key if algorithm == SECRET_ALGORITHM else None


class JwtAuthenticator:
    """Recipients by ``sub`` and ``tenant`` (or ``tenant_id``) of a token signed by one of ``sources``' keys.

    Several secrets are several sources: tokens of each are good while they are rotated.
    ``exp`` and ``sub`` are required; ``issuer`` and ``audience`` are checked when set; ``leeway_s`` is for
    clocks that differ.
    """

    def __init__(self, *sources: KeySource, issuer: str = "", audience: str = "", leeway_s: float = 30.0) -> None:
        self._sources = sources
        self._issuer = issuer or None
        self._audience = audience or None
        self._leeway_s = leeway_s
        self._decoder = jwt.PyJWT({"enforce_minimum_key_length": True})

    async def authenticate(self, metadata: Mapping[str, str]) -> Principal:
        """The token's subject; its credential ends at ``exp`` + leeway. Raises Unauthenticated, whatever is wrong."""
        token = bearer_token(metadata)
        try:
            return self._principal(await self._verify(token))
        except Unauthenticated:
            raise
        except jwt.ExpiredSignatureError as exc:
            raise Unauthenticated("the token has expired") from exc
        except Exception as exc:
            raise Unauthenticated("the token is not valid") from exc

    async def _verify(self, token: str) -> Mapping[str, Any]:
        header = jwt.get_unverified_header(token)
        wrong: Exception | None = None
        for source in self._sources:
            key = await source.find(header.get("alg", ""), header.get("kid", ""))
            if key is not None:
                try:
                    return self._decode(token, key)
                except jwt.InvalidSignatureError as exc:  # of another secret, perhaps
                    wrong = exc
        raise Unauthenticated("the token is not valid") from wrong

    def _decode(self, token: str, key: VerifyingKey) -> Mapping[str, Any]:
        claims: dict[str, Any] = self._decoder.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
            issuer=self._issuer,
            audience=self._audience,
            leeway=self._leeway_s,
            options={"require": ["exp", "sub"], "verify_aud": self._audience is not None},
        )
        return claims

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        email = claims.get("email")
        expires_at_ms = min(int((int(claims["exp"]) + self._leeway_s) * 1_000), _MAX_MS)
        return Principal(_user(claims), expires_at_ms, email if isinstance(email, str) else "")


def _user(claims: Mapping[str, Any]) -> UserKey:
    """Raises Unauthenticated, also where the two tenant claims contradict each other."""
    tenants = [claims[name] for name in _TENANT_CLAIMS if claims.get(name) is not None]
    if not tenants or tenants[0] != tenants[-1]:
        raise Unauthenticated("the token names no tenant")
    return user_key(tenants[0], claims["sub"])
