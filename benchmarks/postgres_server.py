"""A PostgreSQL server set for measuring."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.support.postgres import PostgresServer, fresh_database

_SETTINGS = {
    # Durable, and everything cached: what is measured is the work, not the disk's reading.
    "fsync": "on",
    "full_page_writes": "on",
    "shared_buffers": "6GB",
    "max_wal_size": "8GB",
    "autovacuum_naptime": "10min",
}


@contextmanager
def postgres_server() -> Iterator[str]:
    """The DSN of a fresh database on a server of its own, which takes huge pages if the machine has any to give."""
    with PostgresServer() as server:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            for name, value in _SETTINGS.items():
                admin.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        server.kill()
        server.start()
        with fresh_database(server.dsn()) as dsn:
            yield dsn
