"""Every wait is bounded, every failure is one of the domain's, and a lost answer is never called a failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from notify_grpc.domain.errors import NotFound, NotifyError, OutcomeUnknown, ResourceExhausted, Unavailable
from notify_grpc.domain.models import UserKey
from notify_grpc.stores.postgres import PostgresStore, pool
from notify_grpc.stores.postgres.errors import translate
from notify_grpc.stores.postgres.pool import Database, Statement
from tests.postgres.conftest import notice
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import eventually

Admin = psycopg.AsyncConnection[Any]
ALICE = UserKey("acme", "alice")
SETTINGS = b"SELECT current_setting('statement_timeout'), current_setting('enable_seqscan')"


@pytest.mark.parametrize(
    ("raised", "writing", "expected"),
    [
        (PoolTimeout(), True, Unavailable),
        (PoolClosed(), False, Unavailable),
        (TooManyRequests(), True, ResourceExhausted),
        (psycopg.OperationalError("server closed the connection"), True, OutcomeUnknown),
        (psycopg.OperationalError("server closed the connection"), False, Unavailable),
        (errors.AdminShutdown(), True, OutcomeUnknown),
        (errors.QueryCanceled(), True, Unavailable),
        (errors.LockNotAvailable(), True, Unavailable),
        (errors.DiskFull(), True, Unavailable),
        (errors.TooManyConnections(), True, Unavailable),
        (errors.DeadlockDetected(), True, Unavailable),
        (errors.UniqueViolation(), True, Unavailable),
        (errors.ReadOnlySqlTransaction(), True, Unavailable),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else type(value).__name__,
)
def test_what_psycopg_raises_is_translated(raised: psycopg.Error, writing: bool, expected: type[NotifyError]) -> None:
    assert type(translate(raised, writing=writing)) is expected


def test_a_defect_stays_what_it_is() -> None:
    defect = errors.UndefinedColumn()
    assert translate(defect, writing=True) is defect


async def test_nothing_of_the_databases_text_goes_on(store: PostgresStore, admin: Admin) -> None:
    await admin.execute("ALTER TABLE notify_notifications SET (autovacuum_enabled = off)")
    await admin.execute(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE 'secret' USING ERRCODE = 'disk_full'; END $$"
    )
    await admin.execute(
        "CREATE TRIGGER full_disk BEFORE INSERT ON notify_notifications FOR EACH STATEMENT EXECUTE FUNCTION full_disk()"
    )
    with pytest.raises(Unavailable) as raised:
        await store.create(notice())
    assert "secret" not in str(raised.value)
    assert isinstance(raised.value.__cause__, errors.DiskFull)
    assert await store.get_inboxes([ALICE]) == {}


async def test_a_locked_row_is_waited_for_only_so_long(
    postgres_dsn: str, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(pool.TIMEOUTS, "lock_timeout", "50ms")
    store = PostgresStore(postgres_dsn)
    await store.open()
    await store.create(notice())
    async with admin.transaction():
        await admin.execute("SELECT FROM notify_inboxes FOR UPDATE")
        with pytest.raises(Unavailable):
            await store.create(notice("n-2"))
    assert (await store.create(notice("n-2")))[0].position == 2
    await store.close()


async def test_a_used_up_pool_is_waited_for_only_so_long_and_by_only_so_many(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_WAIT_S", 0.1)
    monkeypatch.setattr(pool, "_MAX_WAITING", 1)
    database = Database(postgres_dsn, pool_min=1, pool_max=1, pgbouncer=False)
    await database.open()
    busy = asyncio.create_task(database.read(b"SELECT pg_sleep(1)"))
    await eventually(lambda: database._pool.get_stats().get("pool_available") == 0)
    outcomes = await asyncio.gather(*(database.read(b"SELECT 1") for _ in range(3)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Unavailable, ResourceExhausted}
    await busy
    assert await database.read(b"SELECT 1") == [(1,)]
    await database.close()


@pytest.fixture
async def proxy(postgres_dsn: str) -> AsyncIterator[TcpProxy]:
    """The way to the database, which can be cut."""
    given = conninfo_to_dict(postgres_dsn)
    host, port = str(given["host"]), int(given.get("port") or 5432)
    to = TcpProxy(0, str(Path(host) / f".s.PGSQL.{port}")) if host.startswith("/") else TcpProxy(port, host)
    async with to as proxy:
        yield proxy


async def test_a_silent_database_is_waited_for_only_so_long(
    postgres_dsn: str, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_ANSWER_S", 0.2)
    monkeypatch.setattr(pool, "_WAIT_S", 0.5)
    store = PostgresStore(make_conninfo(postgres_dsn, host="127.0.0.1", port=proxy.port), pool_min=2, pool_max=2)
    await store.open()
    [created] = await store.create(notice())
    proxy.black_hole()
    with pytest.raises(OutcomeUnknown):
        await store.create(notice("n-2"))
    with pytest.raises(Unavailable):
        await store.get_notification(ALICE, created.id)
    async with asyncio.timeout(2):
        with pytest.raises(Unavailable):
            await store.ping()
    proxy.restore()

    async def well() -> bool:
        try:
            return (await store.get_notification(ALICE, created.id)).id == created.id
        except Unavailable:
            return False

    await eventually(well, timeout=20)
    await store.close()


async def test_a_standby_is_not_ready(postgres_dsn: str, store: PostgresStore) -> None:
    await store.ping()
    reader = PostgresStore(
        make_conninfo(postgres_dsn, options="-c default_transaction_read_only=on"), automigrate=False
    )
    await reader.open()
    with pytest.raises(Unavailable, match="only be read"):
        await reader.ping()
    with pytest.raises(Unavailable):
        await reader.create(notice())
    await reader.close()


async def test_a_connection_closed_while_idle_is_replaced_with_its_neighbours(
    store: PostgresStore, admin: Admin
) -> None:
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'notify-grpc'")
    with pytest.raises(Unavailable):
        await store.get_inboxes([ALICE])
    checking = store._database._checking
    assert checking is not None
    await checking
    for _ in range(4):
        assert await store.get_inboxes([ALICE]) == {}


@pytest.mark.parametrize("pgbouncer", [False, True])
async def test_a_write_cancelled_at_any_point_is_wholly_done_or_not_at_all_and_leaves_its_connection_well(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, pgbouncer: bool
) -> None:
    monkeypatch.setattr("psycopg.waiting.MAX_BUSY_TIME", 0)  # else the driver lets others run only now and then
    database = Database(postgres_dsn, pool_min=1, pool_max=1, pgbouncer=pgbouncer)
    await database.open()
    await database.write(Statement(b"CREATE TABLE steps (write_no int, step int)", {}))
    insert = b"INSERT INTO steps VALUES (%(write_no)s::int, %(step)s::int)"
    for turns in range(30):
        steps = (Statement(insert, {"write_no": turns, "step": step}) for step in range(3))
        writing = asyncio.create_task(database.write(*steps))
        for _ in range(turns):
            await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait([writing])
        [(stored,)] = await database.read(b"SELECT count(*) FROM steps WHERE write_no = %(turns)s::int", turns=turns)
        assert stored in (0, 3)
    await database.close()


@pytest.mark.parametrize("pgbouncer", [False, True])
async def test_a_transaction_runs_by_our_settings(postgres_dsn: str, pgbouncer: bool) -> None:
    database = Database(postgres_dsn, pool_min=1, pool_max=1, pgbouncer=pgbouncer)
    await database.open()
    assert await database.read(SETTINGS) == [("10s", "off")]
    assert await database.write(Statement(SETTINGS, {}), Statement(b"SELECT 1", {})) == [[("10s", "off")], [(1,)]]
    await database.close()


async def test_behind_pgbouncer_nothing_is_left_in_the_session(postgres_dsn: str) -> None:
    store = PostgresStore(postgres_dsn, pool_min=1, pool_max=1, pgbouncer=True)
    await store.open()
    for key in ("n-1", "n-2", "n-1"):
        [created] = await store.create(notice(key))
    assert (await store.mark_read(ALICE, created.id, 1)).inbox.unread == 1
    with pytest.raises(NotFound):
        await store.mark_read(ALICE, "none", 1)
    async with store._database._pool.connection() as session:
        assert await (await session.execute("SELECT count(*) FROM pg_prepared_statements")).fetchone() == (0,)
        assert await (await session.execute(SETTINGS)).fetchone() == ("0", "on")
    await store.close()
