"""Several instances on one PostgreSQL, woken by each bus."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from notify_grpc.domain.models import Notification, UserKey
from notify_grpc.stores.postgres import PostgresStore
from tests.support.invariants import check_invariants

Settings = dict[str, Any]


def on_postgres(dsn: str, **more: Any) -> Settings:
    """Settings of an instance on this database."""
    return {"store_driver": "postgres", "postgres_dsn": dsn, **more}


@pytest.fixture(params=["postgres", "redis"])
def shared(request: pytest.FixtureRequest, own_postgres_dsn: str) -> Settings:
    """Settings that instances share, once for each bus."""
    if request.param == "postgres":
        return on_postgres(own_postgres_dsn)
    return on_postgres(own_postgres_dsn, bus_driver="redis", redis_url=request.getfixturevalue("redis_url"))


@pytest.fixture
async def store(own_postgres_dsn: str) -> AsyncIterator[PostgresStore]:
    """The database itself, to look into."""
    store = PostgresStore(own_postgres_dsn, pool_min=1, pool_max=4)
    await store.open()
    yield store
    await store.close()


async def whole(store: PostgresStore, user: str = "ada") -> list[str]:
    """Every key of an inbox in order, after the invariants of FAULTS hold for it."""
    key = UserKey("acme", user)
    rows: list[Notification] = []
    before: int | None = None
    while True:
        page = await store.list_notifications(key, before=before, limit=100)
        rows += page.notifications
        before = page.next_before
        if before is None:
            break
    keys = [n.notification_id for n in reversed(rows)]
    await check_invariants(store, {key: keys})
    return keys
