"""Readiness follows the store, and ends for good when the service stops."""

from __future__ import annotations

import pytest

from notify_grpc.app.readiness import Readiness
from notify_grpc.domain.errors import ResourceExhausted, Unavailable
from notify_grpc.stores.memory import MemoryStore
from tests.support.clock import ManualClock


class Store(MemoryStore):
    """A store that can be down."""

    down: Exception | None = None

    async def ping(self) -> None:
        if self.down:
            raise self.down


@pytest.mark.parametrize("error", [Unavailable("down"), ResourceExhausted("full"), RuntimeError("a defect")])
async def test_ready_not_ready_ready_and_not_ready_for_good(clock: ManualClock, error: Exception) -> None:
    store, told = Store(clock), list[bool]()
    readiness = Readiness(store, clock, told.append, lambda: {"sessions": 1})
    await readiness.start()
    await clock.until_sleeping()
    seen = [readiness.report()]
    store.down = error
    await clock.advance(2)
    seen.append(readiness.report())
    store.down = None
    await clock.advance(2)
    seen.append(readiness.report())
    readiness.stop_serving()
    await clock.advance(4)
    seen.append(readiness.report())

    ok, unavailable = {"store": "ok", "sessions": 1}, {"store": "unavailable", "sessions": 1}
    assert seen == [(True, ok), (False, unavailable), (True, ok), (False, unavailable)]
    assert told[-1] is False
    await readiness.close()
    await readiness.close()
