"""The real program in a process of its own, started in an empty folder and signalled."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

PROGRAM = Path(sys.executable).with_name("notify-grpc")
_START_S = 20.0
_END_S = 40.0


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without its settings, and these instead."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NOTIFY_", "OTEL_", "NO_COLOR", "FORCE_COLOR"))}
    return kept | settings


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one line of output, decoded."""
        assert self.out, f"exit code {self.code}: {self.err}"
        return json.loads(self.out)


class Ports(NamedTuple):
    """Where a server listens."""

    client: int
    internal: int
    metrics: int


ANY_PORTS = Ports(0, 0, 0)
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


async def run(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Done:
    """Run a command of the program to its end."""
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment() if env is None else env,
        cwd=cwd,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), _END_S)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    return Done(process.returncode or 0, out.decode(), err.decode())


class Server:
    """A running ``notify-grpc serve``."""

    def __init__(self, process: asyncio.subprocess.Process, env: Mapping[str, str], cwd: Path) -> None:
        self._process = process
        self.env = env
        self.cwd = cwd
        self.announcement = ""
        self._log: list[str] = []
        self._reading = asyncio.create_task(self._keep_log(), name="server-log")

    @property
    def ports(self) -> Ports:
        """As it announced them."""
        found = {
            words[0]: int(words[1].removesuffix("/healthz").rpartition(":")[2])
            for words in map(str.split, self.announcement.splitlines())
            if len(words) == 2 and words[0] in ("recipients", "producers", "operators")
        }
        return Ports(found["recipients"], found["producers"], found["operators"])

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has written to stderr so far."""
        return "".join(self._log)

    async def command(self, *arguments: str) -> Done:
        """Run a command against this server."""
        ports = self.ports
        env = {**self.env, "NOTIFY_CLIENT_PORT": str(ports.client), "NOTIFY_INTERNAL_PORT": str(ports.internal)}
        return await run(*arguments, env=env, cwd=self.cwd)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code, once it has ended; negative where a signal killed it."""
        code = await asyncio.wait_for(self._process.wait(), _END_S)
        await self._reading
        return code

    async def until_announced(self, last: str) -> None:
        """Read what it prints up to the line that begins with ``last``."""
        assert self._process.stdout
        async with asyncio.timeout(_START_S):
            while line := (await self._process.stdout.readline()).decode():
                self.announcement += line
                if line.strip().startswith(last):
                    return
        raise AssertionError(f"ended with {await self.ended()}:\n{self.announcement}{self.log}")

    async def _keep_log(self) -> None:
        assert self._process.stderr
        async for line in self._process.stderr:
            self._log.append(line.decode())

    async def kill(self) -> None:
        """End it at once, if it still runs."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self.ended()


@asynccontextmanager
async def serving(
    cwd: Path, *arguments: str, ports: Ports = ANY_PORTS, last: str = "store", settings: Mapping[str, str] = NO_SETTINGS
) -> AsyncIterator[Server]:
    """A server in dev mode on SQLite in ``cwd``; killed at the end where the test did not end it."""
    env = environment(
        NOTIFY_AUTH_DEV_MODE="true",
        NOTIFY_CLIENT_PORT=str(ports.client),
        NOTIFY_INTERNAL_PORT=str(ports.internal),
        NOTIFY_METRICS_PORT=str(ports.metrics),
    )
    env |= settings
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        "serve",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
        cwd=cwd,
    )
    server = Server(process, env, cwd)
    try:
        await server.until_announced(last)
        yield server
    finally:
        await server.kill()
