"""Every command block of the README and of docs/ does what the page says (see pages.py)."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack, suppress
from itertools import groupby
from pathlib import Path

import pytest

from tests.acceptance.conftest import ROOT
from tests.acceptance.pages import Block, blocks, pages, same, within
from tests.support.waiting import eventually

PAGES = [page for page in pages(ROOT) if any(blocks(page.read_text()))]
_COMMAND_S = 50.0


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


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
            await eventually(lambda: within(self._expected, self._printed), timeout=30)
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
        command.replace("127.0.0.1:2525", f"127.0.0.1:{env['MAIL_PORT']}"),  # written where the server is told of it
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
        out, _ = await asyncio.wait_for(process.communicate(), _COMMAND_S)
        code = block.exit_code if number == len(commands) else 0
        printed = out.decode()
        assert process.returncode == code, f"line {block.line}: {command}\nexit code {process.returncode}\n{printed}"
        assert same(expected, printed), f"line {block.line}: {command}\nprinted\n{printed}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES, ids=name_of)
async def test_a_page_does_what_it_says(page: Path, clone: Path, reader_env: dict[str, str]) -> None:
    to_run = [block for block in blocks(page.read_text()) if not block.not_run]  # noqa: ASYNC240 - nothing else runs
    for _, section in groupby(to_run, key=lambda block: block.section):
        async with AsyncExitStack() as terminals:
            for block in section:
                if block.file:
                    (clone / block.file).write_text(block.text)
                elif block.keeps_running:
                    [(command, _)] = block.commands()
                    terminal = Terminal(block, await start(command, clone, reader_env))
                    terminals.push_async_callback(terminal.close)
                    await terminal.until_it_prints()
                else:
                    await run(block, clone, reader_env)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_is_not_run_has_a_reason(page: Path) -> None:
    assert [b.line for b in blocks(page.read_text()) if b.note.startswith("not run") and len(b.not_run) < 8] == []
