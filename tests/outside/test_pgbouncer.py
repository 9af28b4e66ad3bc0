"""The PostgreSQL store passes the suite through a real PgBouncer in transaction mode."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from notify_grpc.ports.store import Store
from notify_grpc.stores.postgres import PostgresStore
from tests.conformance.store import Database, StoreSuite
from tests.conformance.test_postgres import PostgresDatabase
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer

PGBOUNCER = shutil.which("pgbouncer")
pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not here: it is a system package")
# Connections to the server live briefly: what is lost by that shows.
SETTINGS = """
[databases]
* = host={host} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
server_idle_timeout = 1
server_lifetime = 3
"""


class Through(PostgresDatabase):
    """Instances share three connections of PgBouncer's; the test's own go straight to the database."""

    def __init__(self, dsn: str, port: int) -> None:
        super().__init__(dsn)
        self._front = make_conninfo(dsn, host="127.0.0.1", port=port)

    def connect(self) -> Store:
        return PostgresStore(self._front, pool_min=1, pool_max=4, pgbouncer=True)


@pytest.fixture(scope="session")
def pgbouncer(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Its port."""
    assert PGBOUNCER
    port, settings = free_port(), tmp_path_factory.mktemp("pgbouncer") / "pgbouncer.ini"
    host = conninfo_to_dict(postgres_server.dsn())["host"]
    settings.write_text(SETTINGS.format(host=host, port=port))
    for folder in (settings, *settings.parents[:4]):
        folder.chmod(folder.stat().st_mode | 0o055)
    process = subprocess.Popen([PGBOUNCER, "-q", str(settings)], user="nobody" if os.geteuid() == 0 else None)
    _listens(port)
    yield port
    process.terminate()
    process.wait()


def _listens(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
    raise AssertionError("pgbouncer does not listen")


class TestThroughPgBouncer(StoreSuite):
    @pytest.fixture
    def database(self, postgres_server: PostgresServer, own_postgres_dsn: str, pgbouncer: int) -> Database:
        return Through(own_postgres_dsn, pgbouncer)
