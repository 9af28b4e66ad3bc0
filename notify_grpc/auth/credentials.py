"""Where credentials travel in call metadata, and what a recipient's identity must look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

from notify_grpc.domain.errors import Unauthenticated
from notify_grpc.domain.models import UserKey

AUTHORIZATION = "authorization"
INTERNAL_TOKEN = "x-notify-internal-token"
MAX_ID_CHARS = 256
MAX_ID_BYTES = 768
"""As for the ids of requests: databases must be able to index several of them together."""
_MAX_TOKEN_CHARS = 16_384


def bearer_token(metadata: Mapping[str, str]) -> str:
    """The token of ``authorization: Bearer <token>`` (RFC 6750).

    Raises Unauthenticated, also where the internal token is shown.
    """
    if INTERNAL_TOKEN in metadata:
        raise Unauthenticated("the internal token is not for this port")
    scheme, _, token = metadata.get(AUTHORIZATION, "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN_CHARS:
        raise Unauthenticated("a bearer token is required")
    return token


def user_key(tenant_id: object, user_id: object) -> UserKey:
    """A recipient's scope from untrusted parts: strings of 1 to 256 characters. Raises Unauthenticated."""
    if _is_id(tenant_id) and _is_id(user_id):
        return UserKey(tenant_id, user_id)
    raise Unauthenticated("the token names no valid user and tenant")


def _is_id(part: object) -> TypeGuard[str]:
    """Neither NUL nor half a surrogate pair can be stored; JSON can escape both."""
    if not isinstance(part, str) or not 0 < len(part) <= MAX_ID_CHARS or "\0" in part:
        return False
    try:
        return len(part.encode()) <= MAX_ID_BYTES
    except UnicodeEncodeError:
        return False
