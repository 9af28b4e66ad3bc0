"""The real service in a process that dies where a test says: ``python -m tests.support.fault_server <JSON>``.

The JSON has ``settings`` (as config.load takes them) and ``die`` (a fail point, "" for none):

- ``before_create``: as the first notice arrives at the store
- ``after_create``: its rows are committed, nobody has been told
- ``after_chunk``: the first transaction of a large call is committed

Prints its ports as JSON; drains on SIGTERM.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from notify_grpc.app import Application, run
from notify_grpc.app import application as wiring
from notify_grpc.app.stores import make_store
from notify_grpc.config import Settings, load
from notify_grpc.domain.clock import Clock
from notify_grpc.ports.store import Notice


def die() -> None:
    """As the kernel does it: nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(store: Any, point: str) -> Any:
    """``store`` with a fail point."""
    create_many = store.create_many

    async def armed(notices: Sequence[Notice]) -> Any:
        if point == "before_create":
            die()
        created = await create_many(notices)
        if point == "after_create":
            die()
        return created

    store.create_many = armed
    if point == "after_chunk":
        create = store._create

        async def one_chunk(*args: Any) -> Any:
            created = await create(*args)
            die()
            return created

        store._create = one_chunk
    return store


def main() -> int:
    asked = json.loads(sys.argv[1])

    def armed_store(settings: Settings, clock: Clock) -> Any:
        return arm(make_store(settings, clock), asked["die"])

    setattr(wiring, "make_store", armed_store)  # noqa: B010  # where the application looks it up
    return run(load(**asked["settings"]), announce)


def announce(application: Application) -> None:
    print(json.dumps(application.ports._asdict()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
