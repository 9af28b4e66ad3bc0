"""Keys: all tenants of this service share one storage tenant, told apart by the keys of their rows.

Each part carries its length, so that no two different lists of parts make the same key, whatever is in them.
"""

from __future__ import annotations

from notify_grpc.domain.models import UserKey

AFTER_SLASH = "0"
"""The character after "/": the end of what begins with a key and a slash."""
_DIGITS = 19


def key(*parts: str) -> str:
    """``3:abc1:x`` for ("abc", "x")."""
    return "".join(f"{len(part)}:{part}" for part in parts)


def of_user(user: UserKey, *more: str) -> str:
    """The key of something a user owns."""
    return key(user.tenant_id, user.user_id, *more)


def numbered(prefix: str, number: int) -> str:
    """Keys of one prefix in the order of their numbers (0 to 2^63 - 1)."""
    return f"{prefix}/{number:0{_DIGITS}d}"


def of_recipient(tenant_id: str, notification_id: str, user_id: str) -> str:
    """A Notify's recipient: keys of one Notify are in the order of the user ids."""
    return f"{key(tenant_id, notification_id)}/{user_id}"
