"""Settings → who may call which port."""

from __future__ import annotations

from notify_grpc.auth.dev import DevAuthenticator
from notify_grpc.auth.internal_token import InternalTokenAuthenticator
from notify_grpc.auth.jwks import JwksKeys
from notify_grpc.auth.jwt import JwtAuthenticator, KeySource, SecretKey
from notify_grpc.config import Settings
from notify_grpc.domain.clock import Clock
from notify_grpc.ports.auth import Authenticator


def internal_authenticator(settings: Settings) -> Authenticator:
    """Producers, by shared token; open to all only in dev mode without tokens."""
    tokens = [t.get_secret_value() for t in settings.internal_token]
    return InternalTokenAuthenticator(tokens, open_without_tokens=settings.auth_dev_mode)


def client_authenticator(settings: Settings, clock: Clock) -> tuple[Authenticator, JwksKeys | None]:
    """Recipients, by JWT, and in dev mode by dev tokens; the key cache is to be closed at the end."""
    sources: list[KeySource] = [SecretKey(secret.get_secret_value()) for secret in settings.auth_jwt_secret]
    jwks = None
    if settings.auth_jwks_url:
        jwks = JwksKeys(settings.auth_jwks_url, clock=clock)
        sources.append(jwks)
    tokens = JwtAuthenticator(
        *sources,
        issuer=settings.auth_jwt_issuer,
        audience=settings.auth_jwt_audience,
        leeway_s=settings.auth_jwt_leeway,
    )
    if not settings.auth_dev_mode:
        return tokens, jwks
    return DevAuthenticator(tokens if sources else None), jwks
