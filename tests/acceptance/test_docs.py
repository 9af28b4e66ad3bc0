"""Every command block of the README and of docs/ does what the page says (see tests/support/pages.py)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.page_runner import follow
from tests.support.pages import blocks_by
from tests.support.postgres import fresh_database, programs

PAGES = blocks_by("")


@pytest.fixture
def env(page: str, reader_env: dict[str, str], request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """A reader's environment; who reads about PostgreSQL has its programs, a database and a new one."""
    if page != "docs/stores/postgres.md":
        yield reader_env
        return
    server: str = request.getfixturevalue("any_postgres_dsn")
    with fresh_database(server) as dsn, fresh_database(server) as new_dsn:
        path = f"{programs()}{os.pathsep}{reader_env['PATH']}"
        yield reader_env | {"PATH": path, "NOTIFY_POSTGRES_DSN": dsn, "NEW_DSN": new_dsn}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES)
async def test_a_page_does_what_it_says(page: str, clone: Path, env: dict[str, str]) -> None:
    await follow(PAGES[page], clone, env)
