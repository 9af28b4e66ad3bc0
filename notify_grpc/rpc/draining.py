"""Ends calls that would go on for ever, so that they keep no shutdown waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from notify_grpc.domain.errors import Unavailable


class Draining:
    """Begins once, for all calls of both servers."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()

    def begin(self) -> None:
        """End what runs under `until_begun`. Idempotent."""
        self._begun.set()

    async def until_begun(self, work: Coroutine[None, None, None]) -> None:
        """Run ``work`` to its end, or cancel it and raise Unavailable when draining begins first."""
        task = asyncio.ensure_future(work)
        begun = asyncio.ensure_future(self._begun.wait())
        try:
            await asyncio.wait({task, begun}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise Unavailable("the service is shutting down")
            task.result()
        finally:
            task.cancel()
            begun.cancel()
            await asyncio.gather(task, begun, return_exceptions=True)
