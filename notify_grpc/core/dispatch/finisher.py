"""Writing outcomes, whatever the store is going through, and telling whom they concern."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple

from notify_grpc.core.dispatch.batcher import Batcher
from notify_grpc.core.dispatch.held import Held
from notify_grpc.core.dispatch.loops import Outage
from notify_grpc.core.dispatch.reporting import Reporter
from notify_grpc.core.dispatch.settings import Attempted
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import ErrorClass, Outcome, Target, token_of
from notify_grpc.domain.models import Channel, UserKey
from notify_grpc.ports.store import AWAY, Store

log = logging.getLogger(__name__)
_PUSH = frozenset({Channel.WEB_PUSH, Channel.MOBILE_PUSH})


class Finished(NamedTuple):
    """A held delivery and what came of it."""

    held: Held
    outcome: Outcome


class Finisher:
    """Takes outcomes and tries to store them until the store answers; ``done`` hears of each delivery let go."""

    def __init__(self, store: Store, clock: Clock, reporter: Reporter, done: Callable[[Held], None]) -> None:
        self._store = store
        self._clock = clock
        self._reporter = reporter
        self._done = done
        self._batcher = Batcher("notify-dispatch-finish", self._write)
        self._outage = Outage("notify-dispatch-finish")

    def add(self, held: Held, outcome: Outcome) -> None:
        """Have an outcome stored. From here on nothing but the end of the process stops it."""
        self._batcher.add(Finished(held, outcome))

    async def close(self, timeout_s: float) -> None:
        """Store what is left; give up after ``timeout_s``, then leases run out and the sweep takes over."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._batcher.drain()
        except TimeoutError:
            log.error("outcomes could not be stored before the end")
            await self._batcher.stop()

    async def _write(self, batch: list[Finished]) -> None:
        answers = await self._store_all(batch)
        for (held, outcome), taken in zip(batch, answers, strict=True):
            self._done(held)
            held.resolve(Attempted(outcome.state, outcome.error_class) if taken else None)
            if taken:
                self._reporter.finished(held, outcome)
            else:
                self._reporter.stale(held, outcome)
        gone = [one.held for one in batch if one.outcome.error_class is ErrorClass.TARGET_GONE]
        await asyncio.gather(*(self._forget_device(held) for held in gone if held.delivery.channel in _PUSH))

    async def _store_all(self, batch: list[Finished]) -> list[bool]:
        while True:
            try:
                answers = await self._store.finish([one.outcome for one in batch])
                self._outage.over()
                return answers
            except AWAY as exc:
                await self._clock.sleep(self._outage.failed(exc))
            except Exception:  # one outcome the store chokes on must not hold up the others
                if len(batch) == 1:
                    extra = {"delivery_id": batch[0].held.delivery.id}
                    log.exception("an outcome cannot be stored; its lease will run out", extra=extra)
                    return [False]
                return [(await self._store_all([one]))[0] for one in batch]

    async def _forget_device(self, held: Held) -> None:
        delivery = held.delivery
        try:
            await self._store.remove_token(
                UserKey(delivery.tenant_id, delivery.user_id), token_of(Target(delivery.channel, delivery.target))
            )
        except AWAY as exc:
            log.warning("a dead device stays for now", extra={"delivery_id": delivery.id, "reason": str(exc)})
