"""Fixtures for every folder: clocks, a reader's clone, and real servers, each started by the first test that asks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import redis

from tests.acceptance.process import environment
from tests.support.clock import ManualClock
from tests.support.pages import ROOT
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer, fresh_database
from tests.support.redis import RedisServer

# No deadline: a slow machine is no defect. In CI the same examples each time, so that a change is judged by itself.
hypothesis.settings.register_profile("notify", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("notify")


@pytest.fixture
def clock() -> ManualClock:
    """A clock that moves only when told."""
    return ManualClock()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL that tests may kill and leave running; no other test depends on it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def _lasting_postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def any_postgres_dsn(request: pytest.FixtureRequest) -> str:
    """NOTIFY_TEST_POSTGRES_DSN, or this worker's own server; never killed through this one."""
    external = os.environ.get("NOTIFY_TEST_POSTGRES_DSN")
    dsn: str = external or request.getfixturevalue("_lasting_postgres").dsn()
    return dsn


@pytest.fixture
def postgres_dsn(any_postgres_dsn: str) -> Iterator[str]:
    """An empty database for one test."""
    with fresh_database(any_postgres_dsn) as dsn:
        yield dsn


@pytest.fixture
def own_postgres_dsn(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database on ``postgres_server``, for tests that kill it."""
    with fresh_database(postgres_server.dsn()) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """This worker's own Redis. A test may kill it and leaves it running."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_url(request: pytest.FixtureRequest) -> str:
    """An empty Redis database for one test: NOTIFY_TEST_REDIS_URL's, or one of this worker's own server."""
    external = os.environ.get("NOTIFY_TEST_REDIS_URL")
    url: str = external or request.getfixturevalue("redis_server").url
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that looks like a clone, with everything that make installs."""
    for entry in ROOT.iterdir():
        if entry.name not in ("var", ".venv", ".git"):
            (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / ".venv").mkdir()
    for entry in Path(sys.prefix).iterdir():
        if not entry.name.startswith("."):
            (tmp_path / ".venv" / entry.name).symlink_to(entry)
    for mark in (".run", ".mail", ".dev"):
        (tmp_path / ".venv" / mark).touch()
    return tmp_path


@pytest.fixture
def reader_env() -> dict[str, str]:
    """A reader's environment, but for ports of its own."""
    of_service = ("NOTIFY_CLIENT_PORT", "NOTIFY_INTERNAL_PORT", "NOTIFY_METRICS_PORT")
    of_make = ("MAIL_PORT", "FRONT_PORT", "PROBES_PORT", "PAGE_PORT")
    ports = {name: str(free_port()) for name in of_service + of_make}
    return environment(**ports, PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
