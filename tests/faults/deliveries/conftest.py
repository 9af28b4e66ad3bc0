"""A scene on each durable store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.deliveries.scene import Scene
from tests.support.scripted_http import ScriptedServer


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The stores that outlive a process."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'notify.db'}"
    dsn: str = request.getfixturevalue("postgres_dsn")
    return dsn


@pytest.fixture
async def scene(where: str) -> AsyncIterator[Scene]:
    async with ScriptedServer() as server:
        scene = Scene(where, server)
        yield scene
        await scene.close()
