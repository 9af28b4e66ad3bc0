"""open, close, ping, and what a driver declares it can do."""

from __future__ import annotations

from asyncio import gather

import pytest

from notify_grpc.domain.errors import NotFound
from notify_grpc.ports.store import Capabilities, Store
from tests.conformance.store.database import Database
from tests.conformance.store.making import ALICE, EMAIL, inbox_of, send


class LifeCycle:
    async def test_close_is_safe_before_open_and_twice(self, database: Database) -> None:
        store = database.connect()
        await store.close()
        store = database.connect()
        await store.open()
        await store.close()
        await store.close()

    async def test_capabilities_are_known_before_open(self, database: Database) -> None:
        capabilities = database.connect().capabilities
        assert isinstance(capabilities, Capabilities)
        assert capabilities.name
        assert capabilities.durable or not capabilities.many_processes

    async def test_ping_answers_while_open(self, store: Store) -> None:
        await gather(*(store.ping() for _ in range(5)))

    async def test_a_durable_store_keeps_everything_over_a_restart_and_another_nothing(
        self, database: Database
    ) -> None:
        first = database.connect()
        await first.open()
        created = await send(first, ALICE, "n-1", EMAIL)
        inbox = await inbox_of(first, ALICE)
        await first.close()
        second = database.connect()
        await second.open()
        try:
            if second.capabilities.durable:
                assert (await second.get_notification(ALICE, created.id)).position == 1
                assert await inbox_of(second, ALICE) == inbox
                assert (await second.get_delivery(created.deliveries[0].id))[0] == created.deliveries[0]
            else:
                with pytest.raises(NotFound):
                    await second.get_notification(ALICE, created.id)
        finally:
            await second.close()

    async def test_instances_of_a_shared_store_open_at_once(self, database: Database) -> None:
        count = 4 if database.connect().capabilities.many_processes else 1
        stores = [database.connect() for _ in range(count)]
        await gather(*(store.open() for store in stores))
        try:
            answers = [await send(store, ALICE, f"n-{number}") for number, store in enumerate(stores)]
            assert [answer.position for answer in answers] == list(range(1, count + 1))
        finally:
            await gather(*(store.close() for store in stores))
