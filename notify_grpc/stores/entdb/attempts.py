"""Trying again after a Conflict."""

from __future__ import annotations

import asyncio
import random
import time

from notify_grpc.domain.errors import Unavailable

_PAUSE_S = 0.004
_LONGEST_PAUSE_S = 0.1
_GIVE_UP_S = 15.0


class Attempts:
    """``async for _ in Attempts():`` reads, plans and commits, and is left when that went well.

    Somebody else's plan went through whenever ours was refused, so each round brings someone forward; pauses of random
    length shift writers against each other. Raises Unavailable after 15 s.
    """

    def __init__(self) -> None:
        self._started = 0.0
        self._pause_s = _PAUSE_S

    def __aiter__(self) -> Attempts:
        return self

    async def __anext__(self) -> None:
        if not self._started:
            self._started = time.monotonic()
            return
        if time.monotonic() - self._started > _GIVE_UP_S:
            raise Unavailable("too many writers at once")
        await asyncio.sleep(random.uniform(0, self._pause_s))
        self._pause_s = min(self._pause_s * 1.5, _LONGEST_PAUSE_S)
