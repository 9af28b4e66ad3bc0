"""``make run`` at a terminal."""

from __future__ import annotations

import asyncio
import os
import pty
from contextlib import suppress
from pathlib import Path

from tests.support.waiting import eventually


async def test_ctrl_c_at_a_terminal_drains_and_make_is_content(clone: Path, reader_env: dict[str, str]) -> None:
    ours, terminal = pty.openpty()
    try:
        # setsid makes the terminal the one that Ctrl-C of which reaches make's processes.
        process = await asyncio.create_subprocess_exec(
            "setsid",
            "--ctty",
            "--wait",
            "make",
            "run",
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=clone,
            env=reader_env,
        )
        os.close(terminal)
        os.set_blocking(ours, False)
        shown = b""

        def seen(text: bytes) -> bool:
            nonlocal shown
            with suppress(OSError):  # nothing new, or the terminal's end
                shown += os.read(ours, 65_536)
            return text in shown

        await eventually(lambda: seen(b"inbox --as ada"), timeout=30)
        os.write(ours, b"\x03")
        assert await asyncio.wait_for(process.wait(), 30) == 0, shown.decode()
        assert seen(b"stopped"), shown.decode()
    finally:
        os.close(ours)
