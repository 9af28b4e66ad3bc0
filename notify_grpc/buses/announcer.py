"""Presence over any backend: session changes gathered and written in batches, the instance's life renewed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.domain.errors import Unavailable
from notify_grpc.domain.models import UserKey
from notify_grpc.ports.bus import LiveSession, UserPresence

log = logging.getLogger(__name__)
_PAUSE_S = 0.2


class PresenceBackend(Protocol):
    """Where sessions of all instances are kept. Every method raises Unavailable, and nothing else."""

    async def renew(self) -> bool:
        """Say that this instance lives for another time to live; False if it had been forgotten meanwhile."""
        ...

    async def write(self, opened: Sequence[LiveSession], closed: Sequence[LiveSession]) -> None:
        """Add and remove sessions of this instance."""
        ...

    async def withdraw(self) -> None:
        """Forget this instance and its sessions."""
        ...

    async def find(self, users: Sequence[UserKey]) -> Mapping[UserKey, UserPresence]:
        """Users online among these, on any living instance."""
        ...

    async def close(self) -> None:
        """Release everything. Idempotent."""
        ...


class Announcer:
    """A ports.bus.Presence. A backend that is down loses nothing for good.

    Afterwards what it has of this instance is removed, for sessions have ended meanwhile, and the living ones are
    written anew.
    """

    def __init__(self, backend: PresenceBackend, ttl_s: float, *, clock: Clock = SystemClock()) -> None:
        self._backend = backend
        self._ttl_s = ttl_s
        self._clock = clock
        self._sessions: Callable[[], Collection[LiveSession]] = list
        self._changes: dict[str, tuple[LiveSession, bool]] = {}
        self._complete = False
        self._turn = asyncio.Lock()
        """One write at a time: what came later must not be overtaken."""
        self._some = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, sessions: Callable[[], Collection[LiveSession]]) -> None:
        self._sessions = sessions
        await self._renew()
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._renew_forever(), name="notify-presence-renew"),
            loop.create_task(self._write_forever(), name="notify-presence-write"),
        ]

    async def close(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if tasks:
            try:
                await self._backend.withdraw()
            except Unavailable as exc:
                log.info("presence not withdrawn; it expires", extra={"reason": str(exc)})
        await self._backend.close()

    def opened(self, session: LiveSession) -> None:
        self._changes[session.session_id] = (session, True)
        self._some.set()

    def closed(self, session: LiveSession) -> None:
        self._changes[session.session_id] = (session, False)
        self._some.set()

    async def find(self, users: Sequence[UserKey]) -> Mapping[UserKey, UserPresence]:
        return await self._backend.find(users)

    async def _renew_forever(self) -> None:
        while True:
            await self._clock.sleep(self._ttl_s / 3)
            await self._renew()

    async def _renew(self) -> None:
        try:
            async with self._turn:
                if not await self._backend.renew() or not self._complete:
                    await self._write_anew()
            self._complete = True
        except Unavailable as exc:
            if self._complete:
                log.warning("presence is down", extra={"reason": str(exc)})
            self._complete = False

    async def _write_anew(self) -> None:
        await self._backend.withdraw()
        await self._backend.renew()
        self._changes.clear()
        await self._backend.write(list(self._sessions()), [])

    async def _write_forever(self) -> None:
        while True:
            await self._some.wait()
            await self._clock.sleep(_PAUSE_S)
            self._some.clear()
            try:
                async with self._turn:
                    await self._write_changes()
            except Unavailable:
                self._complete = False

    async def _write_changes(self) -> None:
        changes, self._changes = self._changes, {}
        opened = [session for session, live in changes.values() if live]
        closed = [session for session, live in changes.values() if not live]
        await self._backend.write(opened, closed)
