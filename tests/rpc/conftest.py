"""A fresh service for each test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.rpc.service import Service, running_service


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A running service with dev tokens on the client port."""
    async with running_service() as service:
        yield service
