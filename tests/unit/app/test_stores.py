"""Settings → stores: what cannot be read is named, and its text, which may hold a password, is shown to nobody."""

from __future__ import annotations

from typing import Any

import pytest

from notify_grpc.app.stores import make_bus, make_store
from notify_grpc.config import ConfigError, Settings, load
from notify_grpc.domain.clock import SystemClock
from notify_grpc.ports.telemetry import NoMetrics

UNREADABLE = "host=db password=two hunter2"


def wire(settings: Settings) -> None:
    make_store(settings, SystemClock())
    make_bus(settings, "instance", NoMetrics())


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ({"postgres_dsn": UNREADABLE}, "NOTIFY_POSTGRES_DSN"),
        ({"postgres_dsn": "postgresql://db/x", "postgres_bus_dsn": UNREADABLE}, "NOTIFY_POSTGRES_BUS_DSN"),
    ],
)
async def test_a_connection_string_that_cannot_be_read(settings: dict[str, Any], variable: str) -> None:
    loaded = load(auth_dev_mode=True, store_driver="postgres", **settings)

    with pytest.raises(ConfigError, match=f"^{variable} is not") as caught:
        wire(loaded)

    assert "hunter2" not in str(caught.value)
