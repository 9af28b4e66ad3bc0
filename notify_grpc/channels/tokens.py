"""An access token that is fetched once for all who wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from notify_grpc.channels.http import Deadline, NoAnswer
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import ErrorClass
from notify_grpc.ports.provider import Receipt

_EARLY_S = 60.0
"""Renewed this long before it ends: clocks differ and requests take time."""


class AccessToken(NamedTuple):
    """A bearer token and how many seconds it holds from now."""

    value: str
    lifetime_s: float


class CachedToken:
    """``fetch`` runs once at a time; whoever comes meanwhile waits for its result, within their own deadline."""

    def __init__(self, fetch: Callable[[Deadline], Awaitable[AccessToken]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._value = ""
        self._until = 0.0

    async def get(self, deadline: Deadline) -> str:
        """A token that holds. Raises what ``fetch`` does, and NoAnswer (transient) when the deadline passes."""
        try:
            async with asyncio.timeout_at(deadline.at), self._lock:
                if not self._value or self._clock.monotonic() >= self._until:
                    token = await self._fetch(deadline)
                    self._value = token.value
                    self._until = self._clock.monotonic() + token.lifetime_s - _EARLY_S
                return self._value
        except TimeoutError as exc:
            raise NoAnswer(
                Receipt(ErrorClass.TRANSIENT, error_code="oauth_timeout", error="no access token in time")
            ) from exc

    def forget(self, value: str) -> None:
        """The provider refused this token; a newer one stays."""
        if value == self._value:
            self._value = ""
