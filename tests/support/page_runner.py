"""Does what a page says: runs its blocks (see pages.py) as a reader would, and compares what they print."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from itertools import groupby
from pathlib import Path

from tests.support.pages import Block, same, within
from tests.support.waiting import eventually

_COMMAND_S = 300.0
_PORTS = {"2525": "MAIL_PORT", "8080": "NOTIFY_CLIENT_PORT", "8081": "NOTIFY_INTERNAL_PORT"}
"""Ports as pages write them, and the variables that say which ones a test has in their place."""


async def follow(blocks: Iterable[Block], folder: Path, env: dict[str, str]) -> None:
    """Run blocks of one page, in order, in this folder. Raises AssertionError where the page is wrong."""
    for _, section in groupby(blocks, key=lambda block: block.section):
        async with AsyncExitStack() as terminals:
            for block in section:
                if block.file:
                    (folder / block.file).write_text(block.text)
                elif block.keeps_running:
                    [(command, _)] = block.commands()
                    terminal = Terminal(block, await start(command, folder, env))
                    terminals.push_async_callback(terminal.close)
                    await terminal.until_it_prints()
                else:
                    await run(block, folder, env)


class Terminal:
    """A command that keeps running, with what it has printed."""

    def __init__(self, block: Block, process: asyncio.subprocess.Process) -> None:
        [(_, self._expected)] = block.commands()
        self._block = block
        self._process = process
        self._printed = ""
        self._reading = asyncio.create_task(self._read())

    async def until_it_prints(self) -> None:
        first = self._expected[:1]
        await eventually(lambda: within(first, self._printed) or self._process.returncode is not None, timeout=60)

    async def close(self) -> None:
        """Wait for the rest of what the page shows, then Ctrl-C."""
        try:
            await eventually(lambda: within(self._expected, self._printed) or self._reading.done(), timeout=30)
            assert within(self._expected, self._printed)
        except AssertionError:
            raise AssertionError(f"line {self._block.line}: printed\n{self._printed}") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGINT)
            await asyncio.wait_for(self._process.wait(), 20)
            await self._reading

    async def _read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            self._printed += line.decode()


async def start(command: str, cwd: Path, env: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        "bash",
        "-euo",
        "pipefail",
        "-c",
        _with_own_ports(command, env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=cwd,
        env=env,
        start_new_session=True,
    )


async def run(block: Block, cwd: Path, env: dict[str, str]) -> None:
    commands = block.commands()
    for number, (command, expected) in enumerate(commands, 1):
        process = await start(command, cwd, env)
        try:
            out, _ = await asyncio.wait_for(process.communicate(), _COMMAND_S)
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
        code = block.exit_code if number == len(commands) else 0
        printed = out.decode()
        assert process.returncode == code, f"line {block.line}: {command}\nexit code {process.returncode}\n{printed}"
        assert same(expected, printed), f"line {block.line}: {command}\nprinted\n{printed}"


def _with_own_ports(command: str, env: dict[str, str]) -> str:
    return re.sub(r"(?<=127\.0\.0\.1:)\d{4}\b", lambda port: env.get(_PORTS.get(port[0], ""), port[0]), command)
