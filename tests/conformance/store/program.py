"""Hypothesis programs over a store: rules run in a thread, what they await runs on the test's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from itertools import count
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from notify_grpc.domain.models import UserKey
from notify_grpc.ports.store import Store
from tests.conformance.store.database import Database

T = TypeVar("T")
_SETTINGS = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
_WORLDS = count(1)


class Program(RuleBasedStateMachine):
    """One example: tenants of its own, erased at the end, and two instances that take turns."""

    database: ClassVar[Database]
    stores: ClassVar[tuple[Store, Store]]
    loop: ClassVar[asyncio.AbstractEventLoop]

    def __init__(self) -> None:
        super().__init__()
        self.world = next(_WORLDS)
        self.users = [
            UserKey(f"acme-{self.world}", "alice"),
            UserKey(f"acme-{self.world}", "bob"),
            UserKey(f"umbrella-{self.world}", "alice"),
        ]
        self._turns = count()

    @property
    def store(self) -> Store:
        """The other instance than last time."""
        return self.stores[next(self._turns) % 2]

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """The result of a store's method."""
        return asyncio.run_coroutine_threadsafe(call, self.loop).result(timeout=30)

    def teardown(self) -> None:
        for user in self.users:
            self.run(self.store.erase_user(user))


async def run_program(program: type[Program], database: Database, store: Store, other: Store) -> None:
    """Let Hypothesis look for a program that goes wrong."""
    here = {"database": database, "stores": (store, other), "loop": asyncio.get_running_loop()}
    machine = type(program.__name__, (program,), here)
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=_SETTINGS)
