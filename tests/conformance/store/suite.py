"""All behaviours together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from notify_grpc.ports.store import Store
from tests.conformance.store.changes import ChangesSince
from tests.conformance.store.claiming import Claiming
from tests.conformance.store.concurrency import Concurrency
from tests.conformance.store.creating import Creating
from tests.conformance.store.database import Database
from tests.conformance.store.delivery_program import DeliveryPrograms
from tests.conformance.store.fidelity import Fidelity
from tests.conformance.store.finishing import Finishing
from tests.conformance.store.holding import Holding
from tests.conformance.store.inbox_program import InboxPrograms
from tests.conformance.store.isolation import Isolation
from tests.conformance.store.life_cycle import LifeCycle
from tests.conformance.store.operating import Operating
from tests.conformance.store.paging import Paging
from tests.conformance.store.reading import Reading
from tests.conformance.store.recipients import Recipients
from tests.conformance.store.recovering import Recovering
from tests.conformance.store.registering import Registering
from tests.conformance.store.reporting import Reporting
from tests.conformance.store.retention import Retention
from tests.conformance.store.sweeping import Sweeping


class StoreSuite(
    LifeCycle,
    Creating,
    Paging,
    Reading,
    ChangesSince,
    Recipients,
    Registering,
    Isolation,
    Fidelity,
    Concurrency,
    Retention,
    Recovering,
    Claiming,
    Holding,
    Finishing,
    Sweeping,
    Operating,
    Reporting,
    InboxPrograms,
    DeliveryPrograms,
):
    """What every driver passes; subclass it with a `database` fixture (see the package's docstring)."""

    def __init_subclass__(cls) -> None:
        """Refuse a behaviour whose test another one of the same name would hide."""
        names = [name for behaviour in StoreSuite.__bases__ for name in vars(behaviour) if name.startswith("test_")]
        if twice := {name for name in names if names.count(name) > 1}:
            raise TypeError(f"two behaviours have the same test: {twice}")

    @pytest.fixture
    async def store(self, database: Database) -> AsyncIterator[Store]:
        """An open instance over an empty database."""
        async with AsyncExitStack() as stack:
            yield await _opened(database, stack)

    @pytest.fixture
    async def other(self, database: Database, store: Store) -> AsyncIterator[Store]:
        """A second instance over the same data; the same one where the driver serves a single process."""
        async with AsyncExitStack() as stack:
            yield await _opened(database, stack) if store.capabilities.many_processes else store


async def _opened(database: Database, stack: AsyncExitStack) -> Store:
    store = database.connect()
    stack.push_async_callback(store.close)
    await store.open()
    return store
