"""Trying again after a Conflict."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator

from notify_grpc.domain.errors import Unavailable

_PAUSE_S = 0.004
_LONGEST_PAUSE_S = 0.1
_GIVE_UP_S = 15.0


class Attempts:
    """``async for _ in Attempts():`` reads, plans and commits until it breaks or returns; pauses at random in between.

    Somebody else's plan went through whenever ours was refused, so each round brings someone forward.
    Raises Unavailable after 15 s.
    """

    def __aiter__(self) -> AsyncIterator[int]:
        return self._rounds()

    async def _rounds(self) -> AsyncIterator[int]:
        started, pause = time.monotonic(), _PAUSE_S
        for count in range(10**6):
            yield count
            if time.monotonic() - started > _GIVE_UP_S:
                break
            # Shifts writers against each other; nothing here is a secret.
            await asyncio.sleep(random.uniform(0, pause))
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)
        raise Unavailable("too many writers at once")
