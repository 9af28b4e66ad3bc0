"""Migrations: once each, one boot at a time, checked, and nothing an older or newer server cannot live with."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from notify_grpc.domain.errors import FailedPrecondition, Unavailable
from notify_grpc.stores.postgres import PostgresStore, migrations
from notify_grpc.stores.postgres.migrations import known, migrate, plan
from notify_grpc.stores.sql_files import Migration
from tests.postgres.conftest import notice

Admin = psycopg.AsyncConnection[Any]
LATER = Migration(9_999, "of_a_later_release", "ALTER TABLE notify_devices ADD COLUMN model text NOT NULL DEFAULT ''")


def test_numbers_are_used_once_and_rise_from_one() -> None:
    assert [step.version for step in known()] == list(range(1, len(known()) + 1))


async def test_everything_is_planned_then_applied_then_nothing(postgres_dsn: str) -> None:
    assert await plan(postgres_dsn) == known()
    assert await migrate(postgres_dsn) == known()
    assert await plan(postgres_dsn) == []
    assert await migrate(postgres_dsn) == []


async def test_planning_changes_nothing(postgres_dsn: str, admin: Admin) -> None:
    await plan(postgres_dsn)
    tables = await admin.execute("SELECT count(*) FROM information_schema.tables WHERE table_name LIKE 'notify%'")
    assert await tables.fetchone() == (0,)


async def test_of_boots_together_one_migrates(postgres_dsn: str) -> None:
    applied = await asyncio.gather(*(migrate(postgres_dsn) for _ in range(5)))
    assert sorted(map(len, applied)) == [0, 0, 0, 0, len(known())]


async def test_a_boot_waits_for_a_migration_only_so_long(
    postgres_dsn: str, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_BOUNDS", b"SET LOCAL lock_timeout = '50ms'")
    await admin.execute("SELECT pg_advisory_lock(%s)", [migrations._LOCK])
    with pytest.raises(Unavailable):
        await migrate(postgres_dsn)


async def test_a_boot_that_cannot_connect_says_where_and_why_and_no_password() -> None:
    with pytest.raises(
        Unavailable, match=r'^PostgreSQL cannot be reached: .*"127\.0\.0\.1", port 1 failed: \S'
    ) as found:
        await PostgresStore("postgresql://notify:pass-of-notify@127.0.0.1:1/notify").open()
    assert "pass-of" not in str(found.value)


async def test_a_database_that_cannot_hold_every_text_is_refused(postgres_dsn: str, admin: Admin) -> None:
    await admin.execute("CREATE DATABASE old_letters ENCODING 'LATIN1' TEMPLATE template0")
    try:
        with pytest.raises(FailedPrecondition, match="LATIN1: create one with ENCODING 'UTF8'"):
            await migrate(make_conninfo(postgres_dsn, dbname="old_letters"))
    finally:
        await admin.execute("DROP DATABASE old_letters")


async def test_a_migration_changed_after_the_fact_is_refused(postgres_dsn: str) -> None:
    await migrate(postgres_dsn)
    first, *others = known()
    with pytest.raises(FailedPrecondition, match=r"migration 1 \(tables\) was applied in another form"):
        await migrate(postgres_dsn, [first._replace(sql=first.sql + " "), *others])


async def test_a_failing_step_leaves_nothing_behind(postgres_dsn: str) -> None:
    with pytest.raises(psycopg.errors.SyntaxError):
        await migrate(postgres_dsn, [*known(), LATER._replace(sql="ALTER TABEL")])
    assert await plan(postgres_dsn) == known()


async def test_without_automigrate_an_older_schema_is_refused_by_saying_what_to_run(postgres_dsn: str) -> None:
    await migrate(postgres_dsn, known()[:1])
    store = PostgresStore(postgres_dsn, automigrate=False)
    with pytest.raises(FailedPrecondition, match="run `notify-grpc migrate`"):
        await store.open()
    await store.close()
    await migrate(postgres_dsn)
    await store.open()
    await store.close()


async def test_a_running_server_and_one_that_boots_live_with_the_schema_of_a_later_release(
    store: PostgresStore, postgres_dsn: str
) -> None:
    await store.create(notice("before"))
    await migrate(postgres_dsn, [*known(), LATER])
    await store.create(notice("after"))
    booted = PostgresStore(postgres_dsn, automigrate=False)
    await booted.open()
    [created] = await booted.create(notice("of another"))
    assert created.position == 3
    await booted.close()
