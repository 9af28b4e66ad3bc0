"""Signals end the program as an operator expects."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from notify_grpc.client import InboxClient, Reconnects
from tests.acceptance.process import Server, serving
from tests.support.ports import free_port
from tests.support.scripted_smtp import ScriptedSmtp
from tests.support.waiting import eventually


@asynccontextmanager
async def busy_server(tmp_path: Path, **settings: str) -> AsyncIterator[Server]:
    """A server with a call under way that will not end soon: the mail server took the mail and does not say so."""
    async with ScriptedSmtp() as smtp:
        smtp.hang()
        settings |= {
            "NOTIFY_EMAIL_PROVIDER": "smtp",
            "NOTIFY_EMAIL_SMTP_HOST": f"127.0.0.1:{smtp.port}",
            "NOTIFY_EMAIL_FROM": "notify@example.org",
        }
        async with serving(tmp_path, settings=settings) as server:
            sending = asyncio.create_task(server.command("send", "--to", "ada", "--address", "email=ada@example.org"))
            await asyncio.wait_for(smtp.received(), 20)
            yield server
            await sending


async def draining(server: Server) -> bool:
    """Whether it takes no more work: not ready, or not even listening."""
    return (await server.command("health")).code == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains(tmp_path: Path, number: signal.Signals) -> None:
    async with serving(tmp_path) as server:
        assert (await server.command("send", "--to", "ada", "--title", "kept")).code == 0
        server.signal(number)
        assert await server.ended() == 0
        assert "Traceback" not in server.log
    async with serving(tmp_path) as server:
        shown = await server.command("inbox", "--as", "ada", "--json")
        assert [n["title"] for n in shown.json["notifications"]] == ["kept"], server.log


async def test_a_second_signal_forces(tmp_path: Path) -> None:
    async with busy_server(tmp_path, NOTIFY_SHUTDOWN_TIMEOUT="10m") as server:
        server.signal(signal.SIGTERM)
        await eventually(lambda: draining(server), timeout=20)
        server.signal(signal.SIGTERM)
        assert await server.ended() == 1
        assert "Traceback" not in server.log


async def test_a_shutdown_that_takes_too_long_is_cut_short(tmp_path: Path) -> None:
    async with busy_server(tmp_path, NOTIFY_SHUTDOWN_TIMEOUT="1s") as server:
        server.signal(signal.SIGTERM)
        assert await server.ended() == 1
        assert "Traceback" not in server.log


async def test_a_send_that_hangs_is_cut_off_in_time(tmp_path: Path) -> None:
    async with busy_server(tmp_path, NOTIFY_SHUTDOWN_TIMEOUT="6s") as server:
        server.signal(signal.SIGTERM)
        assert await server.ended() == 0, server.log


async def test_a_collector_that_is_away_holds_up_no_shutdown(tmp_path: Path) -> None:
    nowhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}", "NOTIFY_SHUTDOWN_TIMEOUT": "3s"}
    async with serving(tmp_path, settings=nowhere) as server:
        assert (await server.command("send", "--to", "ada", "--title", "traced")).code == 0
        server.signal(signal.SIGTERM)
        assert await server.ended() == 0, server.log


async def test_streams_survive_a_restart_without_loss(tmp_path: Path) -> None:
    quick = {"NOTIFY_SHUTDOWN_SPREAD": "0"}
    async with serving(tmp_path, settings=quick) as first:
        ports = first.ports
        inbox = InboxClient(
            f"127.0.0.1:{ports.client}", token="dev:ada:demo", reconnects=Reconnects(first_s=0.05, longest_s=0.5)
        )
        async with inbox:
            stream = inbox.stream()
            while (await asyncio.wait_for(anext(stream), 20)).WhichOneof("event") != "caught_up":
                pass
            assert (await first.command("send", "--to", "ada", "--title", "before")).code == 0
            first.signal(signal.SIGKILL)
            await first.ended()
            async with serving(tmp_path, ports=ports, settings=quick) as second:
                assert (await second.command("send", "--to", "ada", "--title", "after")).code == 0
                titles: list[str] = []
                while len(titles) < 2:
                    event = await asyncio.wait_for(anext(stream), 20)
                    if event.WhichOneof("event") == "notification":
                        titles.append(event.notification.notification.title)
                assert titles == ["before", "after"]
                await stream.aclose()
