"""``notify-grpc store renew-epochs``: a client that saw more than was restored is told, whatever came after."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import aclosing, closing
from pathlib import Path

from notify_grpc.client import InboxClient
from tests.acceptance.process import Done, Server, environment, run, serving

DEV = environment(NOTIFY_AUTH_DEV_MODE="true")


async def listen(server: Server, after: str) -> tuple[list[str], str]:
    """The kinds of ada's events up to caught_up, and the cursor then."""
    kinds: list[str] = []
    client = InboxClient(f"127.0.0.1:{server.ports.client}", token="dev:ada:demo")
    async with client, aclosing(client.stream(resume_after=after)) as events:
        async for event in events:
            kinds.append(event.WhichOneof("event"))
            if kinds[-1] == "caught_up":
                return kinds, event.cursor
    raise AssertionError(f"never caught up: {kinds}")


async def stopped(server: Server) -> None:
    server.signal(signal.SIGTERM)
    assert await server.ended() == 0


async def test_what_a_client_saw_beyond_the_backup_is_not_taken_for_what_came_after(tmp_path: Path) -> None:
    database, backup = tmp_path / "notify.db", tmp_path / "backup.db"
    async with serving(tmp_path) as server:
        await server.command("send", "--to", "ada", "--title", "in the backup")
        with closing(sqlite3.connect(database)) as db:
            db.execute("VACUUM INTO ?", [str(backup)])
        await server.command("send", "--to", "ada", "--title", "lost")
        _, cursor = await listen(server, "")
        await stopped(server)
    backup.replace(database)

    renewed = await run("store", "renew-epochs", env=DEV, cwd=tmp_path)

    assert renewed == Done(0, "inboxes with a new epoch: 1\n", "")
    async with serving(tmp_path) as server:
        await server.command("send", "--to", "ada", "--title", "as many changes as were seen")
        kinds, fresh = await listen(server, cursor)
        assert "resync" in kinds
        assert "resync" not in (await listen(server, fresh))[0]


async def test_scripts_are_told_how_many(tmp_path: Path) -> None:
    assert (await run("store", "renew-epochs", "--json", env=DEV, cwd=tmp_path)).json == {"inboxes": 0}


async def test_a_store_that_is_served_or_keeps_nothing_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path):
        served = await run("store", "renew-epochs", env=DEV, cwd=tmp_path)
    memory = await run("store", "renew-epochs", env=DEV | {"NOTIFY_STORE_DRIVER": "memory"}, cwd=tmp_path)

    assert (served.code, "another process serves notify" in served.err) == (1, True)
    assert (memory.code, "the memory store keeps nothing that could be restored" in memory.err) == (1, True)
