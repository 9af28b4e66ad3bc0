"""A provider that is taken away leaves nothing behind for ever."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.acceptance.process import Server, serving
from tests.support.ports import free_port
from tests.support.waiting import eventually

NOBODY_LISTENS = {
    "NOTIFY_EMAIL_PROVIDER": "smtp",
    "NOTIFY_EMAIL_FROM": "notify@example.org",
    "NOTIFY_EMAIL_SMTP_HOST": "127.0.0.1",
}


async def titles(server: Server) -> list[str]:
    shown = await server.command("inbox", "--as", "ada", "--json")
    return [item["title"] for item in shown.json["notifications"]]


async def test_an_email_that_nobody_sends_any_more_goes_with_its_notification(tmp_path: Path) -> None:
    port = {"NOTIFY_EMAIL_SMTP_PORT": str(free_port())}
    async with serving(tmp_path, settings=NOBODY_LISTENS | port) as server:
        sent = await server.command("send", "--to", "ada", "--title", "Hi", "--address", "email=ada@example.org")
        assert sent.code == 0, sent.err
        assert await titles(server) == ["Hi"]
        server.signal(signal.SIGTERM)
        assert await server.ended() == 0

    async with serving(tmp_path, settings={"NOTIFY_RETENTION": "1ms"}) as server:

        async def gone() -> bool:
            return await titles(server) == []

        await eventually(gone, timeout=20)
