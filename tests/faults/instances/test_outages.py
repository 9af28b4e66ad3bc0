"""FAULTS 7 to 10, 18: the database or the bus is gone, silent or full; nothing answered OK is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from notify.v1 import internal_service_pb2 as pb
from psycopg.conninfo import conninfo_to_dict

from notify_grpc.stores.postgres import PostgresStore
from tests.faults.instances.conftest import on_postgres, whole
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer
from tests.support.service_process import Instance, instance
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import eventually

SAFE_TO_RETRY = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}


async def attempt(to: Instance, key: str) -> grpc.StatusCode:
    """Notify once; the code."""
    try:
        await to.notify(key)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def health(of: Instance, service: str) -> int:
    """A probe's answer on the client port."""
    stub: Any = health_pb2_grpc.HealthStub(of.channel(of.client_port))
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
    return int(answer.status)


SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def through(proxy: TcpProxy, dsn: str) -> str:
    """The same database by way of the proxy."""
    return psycopg.conninfo.make_conninfo(dsn, host="127.0.0.1", port=proxy.port)


def proxy_to(dsn: str) -> TcpProxy:
    """A proxy in front of a server that listens on a Unix socket."""
    return TcpProxy(0, str(Path(str(conninfo_to_dict(dsn)["host"])) / ".s.PGSQL.5432"))


async def test_kill_9_of_the_database_loses_no_ok_and_the_pool_heals(
    postgres_server: PostgresServer, own_postgres_dsn: str
) -> None:
    """Case 7."""
    async with instance(**on_postgres(own_postgres_dsn)) as a:
        stream = a.listen()
        await stream.caught_up()
        ok = [f"before{i}" for i in range(5) if await attempt(a, f"before{i}") is grpc.StatusCode.OK]
        assert len(ok) == 5

        postgres_server.kill()
        meanwhile = await attempt(a, "meanwhile")
        await eventually(lambda: _is(a, "readiness", NOT_SERVING), timeout=15)
        alive = await health(a, "liveness")
        postgres_server.start()

        async def healed() -> bool:
            code = await attempt(a, "after")
            assert code is grpc.StatusCode.OK or code in SAFE_TO_RETRY
            return code is grpc.StatusCode.OK

        await eventually(healed, timeout=30)
        assert meanwhile in SAFE_TO_RETRY
        assert alive == SERVING
        await eventually(lambda: _is(a, "readiness", SERVING), timeout=15)
        assert await stream.keys(6) == [*ok, "after"]
    store = PostgresStore(own_postgres_dsn)
    await store.open()
    assert await whole(store) == [*ok, "after"]
    await store.close()


async def _is(of: Instance, service: str, status: int) -> bool:
    return await health(of, service) == status


async def test_backends_terminated_under_load_make_a_retry_safe(own_postgres_dsn: str, store: PostgresStore) -> None:
    """Case 8: some are in the middle of a COMMIT; whatever was answered, the retry settles it."""
    async with instance(**on_postgres(own_postgres_dsn)) as a:
        keys = [f"n{i}" for i in range(300)]
        calls = [asyncio.create_task(attempt(a, key)) for key in keys]
        with psycopg.connect(own_postgres_dsn, autocommit=True) as admin:
            for _ in range(5):
                await asyncio.wait(calls, timeout=0.02, return_when=asyncio.FIRST_COMPLETED)
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'"
                )
        codes = await asyncio.gather(*calls)
        assert set(codes) <= SAFE_TO_RETRY | {grpc.StatusCode.OK}
        left = keys

        async def settled() -> bool:
            nonlocal left
            left = [key for key in left if await attempt(a, key) is not grpc.StatusCode.OK]
            return not left

        await eventually(settled, timeout=30)

    assert sorted(await whole(store)) == sorted(keys)


async def test_a_silent_database_is_waited_for_in_bounds(own_postgres_dsn: str) -> None:
    """Case 9."""
    async with proxy_to(own_postgres_dsn) as proxy, instance(**on_postgres(through(proxy, own_postgres_dsn))) as a:
        assert await attempt(a, "before") is grpc.StatusCode.OK

        proxy.black_hole()
        code = await attempt(a, "meanwhile")
        await eventually(lambda: _is(a, "readiness", NOT_SERVING), timeout=20)
        alive = await health(a, "liveness")
        proxy.restore()

        assert code in SAFE_TO_RETRY
        assert alive == SERVING

        async def back() -> bool:
            return await attempt(a, "after") is grpc.StatusCode.OK

        await eventually(back, timeout=40)
        await eventually(lambda: _is(a, "readiness", SERVING), timeout=20)


async def test_an_exhausted_pool_answers_in_bounds_and_health_still_answers(own_postgres_dsn: str) -> None:
    """Case 10: a lock that nobody may pass keeps every connection busy."""
    async with instance(**on_postgres(own_postgres_dsn, postgres_pool_max=2)) as a:
        await a.notify("n0")
        with psycopg.connect(own_postgres_dsn) as sleeper:
            sleeper.execute("SELECT 1 FROM notify_inboxes WHERE user_id = 'ada' FOR UPDATE")
            calls = [asyncio.create_task(attempt(a, f"n{i}")) for i in range(1, 40)]
            assert await health(a, "liveness") == SERVING
            codes = await asyncio.gather(*calls)
            sleeper.rollback()

        assert set(codes) <= SAFE_TO_RETRY

        async def back() -> bool:
            return await attempt(a, "after") is grpc.StatusCode.OK

        await eventually(back, timeout=20)


async def test_a_dead_bus_delays_and_loses_nothing(own_postgres_dsn: str, redis_server: RedisServer) -> None:
    """Case 18: within 15 s the streams are compared with the store."""
    shared: dict[str, Any] = on_postgres(own_postgres_dsn, bus_driver="redis", redis_url=redis_server.url)
    async with instance(**shared) as a, instance(**shared) as b:
        stream = a.listen()
        await stream.caught_up()
        redis_server.kill()
        try:
            for i in range(3):
                await b.notify(f"n{i}")
            async with asyncio.timeout(15):
                seen = await stream.keys(3)
        finally:
            redis_server.start()

    assert seen == ["n0", "n1", "n2"]


@pytest.mark.parametrize("users", [1, 3])
async def test_presence_is_seen_from_every_instance(own_postgres_dsn: str, users: int) -> None:
    shared = on_postgres(own_postgres_dsn)
    async with instance(**shared) as a, instance(**shared) as b:
        names = [f"u{i}" for i in range(users)]
        for name in names:
            await a.listen(name).caught_up()
            await b.listen(name).caught_up()

        async def seen() -> bool:
            request = pb.GetPresenceRequest(tenant_id="acme", user_ids=[*names, "nobody"])
            found = await a.producer.GetPresence(request)
            return [(u.sessions, u.instances) for u in found.users] == [(2, 2)] * users + [(0, 0)]

        await eventually(seen, timeout=10)
