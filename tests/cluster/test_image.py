"""The image in a real engine, run as the manifests run it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import uuid
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.support.waiting import eventually

_DRAINS_S = 40
pytestmark = pytest.mark.timeout(1200)


class Container(NamedTuple):
    """One container and its volume, both of this name."""

    name: str
    env: dict[str, str]

    def docker(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["docker", *arguments], env=self.env, capture_output=True, text=True, timeout=_DRAINS_S)

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        return self.docker("exec", self.name, *command)

    async def until_healthy(self) -> None:
        def healthy() -> bool:
            # Where no systemd is, podman asks only when told; docker asks by itself and knows no such command.
            self.docker("healthcheck", "run", self.name)
            return self.docker("inspect", "--format", "{{.State.Health.Status}}", self.name).stdout == "healthy\n"

        await eventually(lambda: asyncio.to_thread(healthy), timeout=60)


@pytest.fixture
def container(image: str, engine_env: dict[str, str]) -> Iterator[Container]:
    made = Container(f"notify-{uuid.uuid4()}", engine_env)
    confined = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--health-interval=1s")
    settings = ("--env=NOTIFY_AUTH_DEV_MODE=true", f"--volume={made.name}:/var/lib/notify")
    started = made.docker("run", "--detach", f"--name={made.name}", *confined, *settings, image)
    try:
        assert started.returncode == 0, started.stderr
        yield made
    finally:
        made.docker("rm", "--force", made.name)
        made.docker("volume", "rm", made.name)


async def test_it_is_nobody_on_a_root_that_it_cannot_write(container: Container) -> None:
    await container.until_healthy()
    assert container.execute("id", "-u").stdout == "65532\n"
    status = container.execute("cat", "/proc/1/status").stdout
    assert "CapEff:\t0000000000000000\n" in status
    assert "NoNewPrivs:\t1\n" in status
    for place in ("/", "/etc", "/opt/notify", "/usr/local"):
        assert "Read-only file system" in container.execute("touch", f"{place}/file").stderr
    assert container.execute("touch", "/var/lib/notify/file").returncode == 0


async def test_it_is_healthy_drains_and_keeps_what_it_took(container: Container) -> None:
    await container.until_healthy()
    sent = container.execute("notify-grpc", "send", "--to", "ada", "--title", "Hello")
    assert sent.returncode == 0, sent.stderr
    container.docker("kill", "--signal=TERM", container.name)
    assert container.docker("wait", container.name).stdout == "0\n"
    container.docker("start", container.name)
    await container.until_healthy()
    assert container.execute("notify-grpc", "inbox", "--as", "ada").stdout.startswith("1 unread\n")


def test_it_tells_its_version_and_commit(container: Container, image: str) -> None:
    labels = json.loads(container.docker("inspect", "--format", "{{json .Config.Labels}}", image).stdout)
    version, revision = (labels[f"org.opencontainers.image.{name}"] for name in ("version", "revision"))
    assert len(revision) == 40, "the commit, as the page builds it"
    told = container.docker("run", "--rm", image, "version").stdout
    assert told.startswith(f"notify-grpc {version}+g{revision},")


def test_nothing_can_be_installed_in_it(container: Container, image: str) -> None:
    for module in ("pip", "ensurepip"):
        for python in ("python", "/usr/local/bin/python3"):
            done = container.docker("run", "--rm", f"--entrypoint={python}", image, "-c", f"import {module}")
            assert "ModuleNotFoundError" in done.stderr
