"""One service and one Envoy for all tests of this folder."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from examples.front import envoy
from tests.acceptance.process import PROGRAM, environment
from tests.support.ports import free_port

ORIGIN = "https://app.example.com"
OTHER_ORIGIN = "https://admin.example.com:8443"


class Front(NamedTuple):
    """Where Envoy and what is behind it listen."""

    port: int
    probes_port: int
    client_port: int
    internal_port: int
    metrics_port: int

    @property
    def url(self) -> str:
        """What a browser asks."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def service(cwd: Path) -> Iterator[dict[str, int]]:
    """A service on the memory store; its ports by who they are for."""
    settings = {
        "NOTIFY_AUTH_DEV_MODE": "true",
        "NOTIFY_STORE_DRIVER": "memory",
        "NOTIFY_SHUTDOWN_SPREAD": "0",
        **{f"NOTIFY_{name}_PORT": "0" for name in ("CLIENT", "INTERNAL", "METRICS")},
    }
    with (
        (cwd / "log").open("wb") as log,
        subprocess.Popen(
            [PROGRAM, "serve"], env=environment(**settings), cwd=cwd, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            ports: dict[str, int] = {}
            while "store" not in ports:
                line = process.stdout.readline()
                assert line, (cwd / "log").read_text()
                who, _, where = line.strip().partition(" ")
                ports[who] = 0 if who == "store" else int(where.removesuffix("/healthz").rpartition(":")[2])
            yield ports
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Started by the first test that asks."""
    with service(tmp_path_factory.mktemp("front")) as ports:
        port, probes_port = free_port(), free_port()
        with envoy.running(port, probes_port, [ports["recipients"]], [ORIGIN, OTHER_ORIGIN]):
            yield Front(port, probes_port, ports["recipients"], ports["producers"], ports["operators"])
