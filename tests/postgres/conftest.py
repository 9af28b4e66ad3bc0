"""An open store, and a session beside it for what the store does not do itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.store import Notice, Recipient
from notify_grpc.stores.postgres import PostgresStore


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[PostgresStore]:
    """One instance with two connections."""
    store = PostgresStore(postgres_dsn, pool_min=2, pool_max=2)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def admin(postgres_dsn: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A session of the operator, every statement committed."""
    async with await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as connection:
        yield connection


HELLO = Content("Hello")


def notice(key: str = "n-1", *users: str, content: Content = HELLO, at_ms: int = 1_750_000_000_000) -> Notice:
    """To alice, or to these."""
    return Notice("acme", key, content, (Channel.IN_APP,), tuple(map(Recipient, users or ("alice",))), at_ms)
