"""The real servers of the test suite: empty for each test, killable, restartable."""

from __future__ import annotations

import psycopg
import pytest
import redis

from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer


@pytest.mark.parametrize("round_", ["first", "second"])
def test_each_test_gets_an_empty_database(postgres_dsn: str, round_: str) -> None:
    with psycopg.connect(postgres_dsn) as session:
        session.execute("CREATE TABLE only_mine (a int)")
        assert session.execute("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'only_%'").fetchone() == (1,)


def test_committed_rows_survive_the_death_of_postgres(postgres_server: PostgresServer, own_postgres_dsn: str) -> None:
    with psycopg.connect(own_postgres_dsn) as session:
        session.execute("CREATE TABLE kept AS SELECT 1 AS a")
        session.commit()
        postgres_server.kill()
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(own_postgres_dsn)
    postgres_server.start()
    with psycopg.connect(own_postgres_dsn) as session:
        assert session.execute("SELECT a FROM kept").fetchone() == (1,)


@pytest.mark.parametrize("round_", ["first", "second"])
def test_each_test_gets_an_empty_redis(redis_url: str, round_: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def test_a_killed_redis_comes_back_at_the_same_address(redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.set("gone", "soon")
        redis_server.kill()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        redis_server.start()
        assert client.get("gone") is None
