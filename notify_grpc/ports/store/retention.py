"""What is removed: with age, or with a user."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, Protocol

from notify_grpc.domain.deliveries import Delivery
from notify_grpc.domain.models import Channel, UserKey


class Erased(NamedTuple):
    """Rows removed."""

    notifications: int
    deliveries: int
    devices: int


class Retention(Protocol):
    """Removal, in bounded batches that never block writers for long."""

    async def prune(self, created_before_ms: int, *, limit: int) -> int:
        """Delete up to `limit` older notifications without an OPEN delivery, and their deliveries; how many.

        Raises each inbox's pruned_seq to the highest change_seq deleted and lowers `unread` by the unread ones.
        """
        ...

    async def abandon(self, created_before_ms: int, channels: Collection[Channel], *, limit: int) -> list[Delivery]:
        """End up to `limit` waiting deliveries of older notifications on these channels, which nobody serves any more.

        EXPIRED, with MISCONFIGURED and error_code "no_provider", here and in an attempt in the audit. Each in its new
        state; none when there is none left.
        """
        ...

    async def erase_user(self, user: UserKey) -> Erased:
        """Delete every row of the user, in batches, the inbox row last; the next notification starts a new epoch."""
        ...
