"""Where credentials travel in call metadata, and what a recipient's identity must look like."""

from __future__ import annotations

from collections.abc import Mapping

from notify_grpc.domain.errors import Unauthenticated
from notify_grpc.domain.ids import fault_of_id
from notify_grpc.domain.models import UserKey

AUTHORIZATION = "authorization"
INTERNAL_TOKEN = "x-notify-internal-token"
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
    """A recipient's scope from untrusted parts: ids as requests may have them. Raises Unauthenticated."""
    if isinstance(tenant_id, str) and isinstance(user_id, str) and not (fault_of_id(tenant_id) or fault_of_id(user_id)):
        return UserKey(tenant_id, user_id)
    raise Unauthenticated("the token names no valid user and tenant")
