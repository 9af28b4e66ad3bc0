"""Other processes that hold, fill or lose the database."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

HOLD_THE_LOCK = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("ready", flush=True)
sys.stdin.read()
"""
SERVE = """
import asyncio, sys
from notify_grpc.stores.sqlite import SqliteStore

async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await store.close()

asyncio.run(main())
"""
CREATE_WITHOUT_END = """
import asyncio, itertools, sys
from notify_grpc.domain.models import Channel, Content
from notify_grpc.ports.store import Notice, Recipient
from notify_grpc.stores.sqlite import SqliteStore

async def produce(store, producer):
    for number in itertools.count():
        key = f"{producer}-{number}"
        users = tuple(Recipient(f"user-{user}") for user in range(producer, producer + 5))
        await store.create(Notice("acme", key, Content("Hello"), (Channel.IN_APP,), users, 1))
        print(key, flush=True)

async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    print("ready", flush=True)
    await asyncio.gather(*(produce(store, producer) for producer in range(4)))

asyncio.run(main())
"""


class Other:
    """A Python process that runs one of the programs above on a database."""

    def __init__(self, program: str, database: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.line() == "ready"

    def line(self) -> str:
        """The next line it prints; "" once it has ended."""
        return self._out.readline().strip()

    def rest(self) -> list[str]:
        """What it printed until it ended, without a line cut short."""
        return [line.strip() for line in self._out if line.endswith("\n")]

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Let it end by itself; without effect once it has."""
        self._process.communicate(timeout=10)

    @property
    def _out(self) -> IO[str]:
        assert self._process.stdout
        return self._process.stdout


@contextmanager
def other(program: str, database: Path) -> Iterator[Other]:
    """Runs until the block ends, or until killed in it."""
    process = Other(program, database)
    try:
        yield process
    finally:
        process.end()
