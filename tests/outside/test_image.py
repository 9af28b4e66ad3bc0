"""The image without an engine: its own build steps, then the program as 65532 on a root file system it cannot write.

A mount namespace of its own has the root read-only, but for the state's folder, as the cluster does it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from tests.support.interpreter import PYTHON, copy_interpreter
from tests.support.ports import free_port
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
USER = "65532"
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and Linux namespaces"),
    pytest.mark.timeout(300),
]


class Image(NamedTuple):
    """What the steps made."""

    prefix: Path
    """The interpreter, /usr/local of the image."""
    program: Path
    """The environment, /opt/notify of the image."""
    state: Path

    @property
    def env(self) -> dict[str, str]:
        """As the Dockerfile sets it; the last one only because this interpreter was moved."""
        return {
            "PATH": f"{self.program / 'bin'}:/usr/bin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "NOTIFY_LOG_FORMAT": "json",
            "NOTIFY_SQLITE_PATH": str(self.state / "notify.db"),
            "LD_LIBRARY_PATH": str(self.prefix / "lib"),
        }


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    # Not pytest's own folder, which only root can enter.
    with tempfile.TemporaryDirectory(prefix="notify-image-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        made = Image(home / "usr-local", home / "opt-notify", home / "state")
        copy_interpreter(made.prefix)
        steps = {"VERSION": "1.2.3", "COMMIT": "abc1234", "PYTHON": str(made.prefix / "bin" / PYTHON)}
        for step in (("build.sh", ROOT, made.program), ("finish.sh", made.prefix, made.state)):
            subprocess.run(
                ["sh", ROOT / "image" / step[0], *step[1:]], check=True, env={**os.environ, **made.env, **steps}
            )
        yield made


def confined(image: Image, *command: str) -> list[str]:
    """A command as the container's user, in a namespace where only the state can be written."""
    script = (
        'mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,bind,ro / && '
        f'exec setpriv --reuid {USER} --regid {USER} --clear-groups --no-new-privs --bounding-set=-all -- "$@"'
    )
    return ["unshare", "--mount", "sh", "-c", script, str(image.state), *command]


def run(image: Image, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        confined(image, *command), env=image.env | env, cwd=image.state, capture_output=True, text=True, timeout=60
    )


@asynccontextmanager
async def serving(image: Image, **env: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *confined(image, "notify-grpc", "serve"),
        env=image.env | env,
        cwd=image.state,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_the_root_is_read_only_and_the_user_nobody(image: Image) -> None:
    assert run(image, "id", "-u").stdout == f"{USER}\n"
    for folder in ("/", "/tmp", "/opt", str(image.program), str(image.prefix)):
        assert run(image, "touch", f"{folder}/file").returncode != 0
    assert run(image, "touch", str(image.state / "file")).returncode == 0
    (image.state / "file").unlink()


def test_version_and_commit_are_stamped(image: Image) -> None:
    done = run(image, "notify-grpc", "version")
    assert (done.returncode, done.stdout.split(",")[0]) == (0, "notify-grpc 1.2.3+gabc1234"), done.stderr


def test_nothing_can_be_installed_or_compiled(image: Image) -> None:
    for module in ("pip", "ensurepip"):
        done = run(image, "python", "-c", f"import {module}")
        assert "ModuleNotFoundError" in done.stderr
        assert run(image, str(image.prefix / "bin" / PYTHON), "-c", f"import {module}").returncode != 0
    for folder in (image.prefix, image.program):
        assert not [p.name for p in (folder / "bin").iterdir() if p.name.startswith(("pip", "gcc", "cc", "ld"))]


async def test_it_serves_answers_its_probe_and_drains(image: Image) -> None:
    client, internal, metrics = (str(free_port()) for _ in range(3))
    settings = {
        "NOTIFY_CLIENT_PORT": client,
        "NOTIFY_INTERNAL_PORT": internal,
        "NOTIFY_METRICS_PORT": metrics,
        "NOTIFY_AUTH_DEV_MODE": "true",
    }
    async with serving(image, **settings) as process:
        # The Dockerfile's HEALTHCHECK.
        async def healthy() -> bool:
            return (await asyncio.to_thread(run, image, "notify-grpc", "health", **settings)).returncode == 0

        await eventually(healthy, timeout=30)
        sent = await asyncio.to_thread(run, image, "notify-grpc", "send", "--to", "ada", "--title", "Hi", **settings)
        assert sent.returncode == 0, sent.stderr
        inbox = await asyncio.to_thread(run, image, "notify-grpc", "inbox", "--as", "ada", **settings)
        assert inbox.stdout.startswith("1 unread")
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{metrics}/metrics") as response:
            assert 'notify_build_info{version="1.2.3+gabc1234"} 1' in await response.text()
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 40) == 0
        assert (await asyncio.to_thread(run, image, "notify-grpc", "health", **settings)).returncode == 1
    assert {p.name.split("-")[0].removesuffix(".lock") for p in image.state.iterdir()} == {"notify.db"}
