"""All behaviours together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from notify_grpc.ports.store import Store
from tests.conformance.store.creating import Creating
from tests.conformance.store.database import Database
from tests.conformance.store.paging import Paging


class StoreSuite(
    Creating,
    Paging,
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
