"""Bringing a database file to this release's schema.

Files ``sql/migrations/NNNN_name.sql`` run once each, in order, and are entered in ``notify_schema_migrations``. They
only add, so that the release before still runs on the new schema; versions this release does not know are left alone
for the same reason.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from notify_grpc.domain.clock import Clock, SystemClock
from notify_grpc.domain.errors import FailedPrecondition
from notify_grpc.stores.sql_files import Migration, load_migrations
from notify_grpc.stores.sqlite.connections import open_reader, open_writer
from notify_grpc.stores.sqlite.errors import translated

_LEDGER = """
CREATE TABLE IF NOT EXISTS notify_schema_migrations (
    version       INTEGER PRIMARY KEY,
    name          TEXT NOT NULL,
    checksum      TEXT NOT NULL,
    applied_at_ms INTEGER NOT NULL
) STRICT
"""
_BUSY_TIMEOUT_S = 10.0


def known() -> list[Migration]:
    """This release's migrations, in order."""
    return load_migrations(__package__)


def plan(path: str | Path) -> list[Migration]:
    """What ``migrate`` would apply; changes nothing. Raises FailedPrecondition, Unavailable."""
    if not Path(path).exists():
        return known()
    with translated(), closing(open_reader(Path(path), _BUSY_TIMEOUT_S)) as db:
        return _pending(db, known())


def migrate(path: str | Path, clock: Clock | None = None) -> list[Migration]:
    """Create or update the database file; what was applied. Safe beside another migrate.

    Raises FailedPrecondition when an applied migration was changed since, Unavailable when the file cannot be written.
    """
    with translated(), closing(open_writer(Path(path), _BUSY_TIMEOUT_S)) as db:
        return apply(db, (clock or SystemClock()).now_ms())


def apply(db: sqlite3.Connection, now_ms: int, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """As ``migrate``, on an open connection outside a transaction: all pending steps or none."""
    db.execute("BEGIN IMMEDIATE")
    try:
        pending = _pending(db, known() if migrations is None else migrations)
        if pending:
            db.execute(_LEDGER)
        for step in pending:
            for statement in statements(step.sql):
                db.execute(statement)
            db.execute(
                "INSERT INTO notify_schema_migrations VALUES (?, ?, ?, ?)",
                (step.version, step.name, step.checksum, now_ms),
            )
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return pending


def statements(script: str) -> Iterator[str]:
    """The statements of a script. (executescript would commit the transaction it is to run in.)"""
    lines: list[str] = []
    for line in script.splitlines():
        lines.append(line)
        if sqlite3.complete_statement(text := "\n".join(lines)):
            yield text
            lines.clear()


def _pending(db: sqlite3.Connection, migrations: Sequence[Migration]) -> list[Migration]:
    ledger = db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'notify_schema_migrations'").fetchone()
    applied = dict(db.execute("SELECT version, checksum FROM notify_schema_migrations")) if ledger else {}
    for step in migrations:
        if applied.get(step.version, step.checksum) != step.checksum:
            raise FailedPrecondition(
                f"migration {step.version} ({step.name}) was applied in another form: not a database of this service?"
            )
    return [step for step in migrations if step.version not in applied]
