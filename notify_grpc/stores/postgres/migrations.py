"""Bringing a database to this release's schema.

Files ``sql/migrations/NNNN_name.sql`` run once each, in order, and are entered in ``notify_schema_migrations``.
They only add, so that the release before still runs on the new schema; for the same reason versions that this release
does not know are left alone.
Whoever migrates holds an advisory lock until the commit, so instances that boot together take turns.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from psycopg import AsyncConnection, OperationalError

from notify_grpc.domain.errors import FailedPrecondition
from notify_grpc.stores.postgres.errors import translated, unreachable
from notify_grpc.stores.postgres.pool import CONNECT
from notify_grpc.stores.sql_files import Migration, load_migrations

_LOCK = 0x6E6F_7469_6679
"""Of pg_advisory_xact_lock: "notify" in hexadecimal."""
_BOUNDS = b"SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '10min'"
_LEDGER = b"""
CREATE TABLE IF NOT EXISTS notify_schema_migrations (
    version       integer PRIMARY KEY,
    name          text NOT NULL,
    checksum      text NOT NULL,
    applied_at    timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""


def known() -> list[Migration]:
    """This release's migrations, in order."""
    return load_migrations(__package__)


async def plan(dsn: str) -> list[Migration]:
    """What ``migrate`` would apply; changes nothing. Raises FailedPrecondition, Unavailable."""
    async with _transaction(dsn) as connection:
        return await _pending(connection, known())


async def migrate(dsn: str, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """Bring the database up to date, all pending steps or none; what was applied. Safe beside another migrate.

    Raises FailedPrecondition when an applied migration was changed since, Unavailable when the database is, or when
    another migrate takes longer than a minute.
    """
    async with _transaction(dsn) as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        pending = await _pending(connection, known() if migrations is None else migrations)
        if pending:
            await connection.execute(_LEDGER)
        for step in pending:
            await connection.execute(step.sql.encode())
            await connection.execute(
                "INSERT INTO notify_schema_migrations (version, name, checksum) VALUES (%s, %s, %s)",
                [step.version, step.name, step.checksum],
            )
        return pending


async def check(dsn: str) -> None:
    """Raise FailedPrecondition, saying what to run, unless the schema is this release's or a later one's."""
    if pending := await plan(dsn):
        names = ", ".join(f"{step.version:04} {step.name}" for step in pending)
        raise FailedPrecondition(
            f"the database's schema is older than this release ({names}): run `notify-grpc migrate`"
        )


@asynccontextmanager
async def _transaction(dsn: str) -> AsyncIterator[AsyncConnection]:
    with translated(writing=True):
        async with await _connect(dsn) as connection:
            # Settings of this transaction only: it works through PgBouncer too.
            await connection.execute(_BOUNDS)
            yield connection


async def _connect(dsn: str) -> AsyncConnection:
    """Nothing is prepared. Raises Unavailable; FailedPrecondition for a database that cannot hold every text."""
    try:
        connection = await AsyncConnection.connect(dsn, prepare_threshold=None, **CONNECT)
    except OperationalError as exc:
        raise unreachable(exc) from exc
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        await connection.close()
        raise FailedPrecondition(f"the database's encoding is {encoding}: create one with ENCODING 'UTF8'")
    return connection


async def _pending(connection: AsyncConnection, migrations: Sequence[Migration]) -> list[Migration]:
    [ledger] = await (await connection.execute("SELECT to_regclass('notify_schema_migrations')")).fetchall()
    applied: dict[int, str] = {}
    if ledger[0] is not None:
        rows = await connection.execute("SELECT version, checksum FROM notify_schema_migrations")
        applied = dict(await rows.fetchall())
    for step in migrations:
        if applied.get(step.version, step.checksum) != step.checksum:
            raise FailedPrecondition(
                f"migration {step.version} ({step.name}) was applied in another form: "
                "this is not a database of this service"
            )
    return [step for step in migrations if step.version not in applied]
