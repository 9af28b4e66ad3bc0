"""What a newcomer sees and does in the first minute, with the real program in an empty folder."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
from pathlib import Path

import pytest

from tests.acceptance.process import PROGRAM, Done, environment, run, serving
from tests.support.ports import needs_ipv6


async def paste(line: str, cwd: Path) -> asyncio.subprocess.Process:
    """A line as somebody would paste it into another terminal."""
    return await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        f"exec {line}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
        cwd=cwd,
    )


async def output_of(process: asyncio.subprocess.Process) -> Done:
    out, err = await asyncio.wait_for(process.communicate(), 20)
    return Done(process.returncode or 0, out.decode(), err.decode())


async def until_line(stream: asyncio.StreamReader | None, part: str) -> str:
    assert stream
    async with asyncio.timeout(20):
        while line := (await stream.readline()).decode():
            if part in line:
                return line
    raise AssertionError(f"ended without {part!r}")


@pytest.mark.parametrize("host", ["", pytest.param("::1", marks=needs_ipv6), pytest.param("::", marks=needs_ipv6)])
async def test_the_printed_lines_work_as_they_are(tmp_path: Path, host: str) -> None:
    async with serving(tmp_path, last=f"{PROGRAM} inbox", settings={"NOTIFY_LISTEN_HOST": host}) as server:
        listen, send, inbox = [line.strip() for line in server.announcement.splitlines() if str(PROGRAM) in line]
        assert [shlex.split(line)[1] for line in (listen, send, inbox)] == ["listen", "send", "inbox"]

        listening = await paste(listen, tmp_path)
        try:
            await until_line(listening.stderr, "listening, 0 unread")
            sent = await output_of(await paste(send, tmp_path))
            assert (sent.code, "1 delivered, 0 pending, 0 failed" in sent.out) == (0, True), sent
            assert "Hello  It works  (1 unread" in await until_line(listening.stdout, "Hello")
        finally:
            listening.send_signal(signal.SIGINT)
            ended = await output_of(listening)
        assert (ended.code, ended.err) == (130, "")

        shown = await output_of(await paste(inbox, tmp_path))
        assert shown.code == 0
        assert shown.out.startswith("1 unread\n* ")
        assert shown.out.rstrip().endswith("Hello  It works")
        assert {name.split("-")[0].removesuffix(".lock") for name in os.listdir(tmp_path)} == {"notify.db"}


async def test_what_is_said_goes_to_stdout_and_logs_to_stderr(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        assert [line.split()[0] for line in server.announcement.splitlines()] == [
            "recipients",
            "producers",
            "operators",
            "store",
        ]
        assert "DEV MODE" in server.log
        server.signal(signal.SIGTERM)
        assert await server.ended() == 0
        assert "Traceback" not in server.log


async def test_scripts_are_told_where_it_listens(tmp_path: Path) -> None:
    async with serving(tmp_path, "--json", last="{") as server:
        told = json.loads(server.announcement)
        assert told.keys() == {"host", "client", "internal", "metrics"}
        assert (await run("health", "--server", str(told["internal"]))).code == 0


async def test_without_dev_mode_nothing_is_there_to_paste(tmp_path: Path) -> None:
    settings = {
        "NOTIFY_AUTH_DEV_MODE": "false",
        "NOTIFY_LISTEN_HOST": "127.0.0.1",
        "NOTIFY_AUTH_JWT_SECRET": f"{'s' * 32},{'t' * 32}",
        "NOTIFY_INTERNAL_TOKEN": "first,second",
    }
    async with serving(tmp_path, settings=settings) as server:
        sent = await server.command("send", "--to", "ada", "--title", "Hi")
        assert sent.code == 0, sent.err
        shown = await server.command("inbox", "--as", "ada", "--json")
        assert [n["title"] for n in shown.json["notifications"]] == ["Hi"]
        assert (await server.command("send", "--to", "ada", "--token", "third")).code == 3
        assert (await server.command("inbox", "--token", "dev:ada:demo")).code == 3
        assert [(await server.command("inbox", "--as", "ada", "--secret", c * 32)).code for c in "stu"] == [0, 0, 3]
        server.signal(signal.SIGTERM)
        assert await server.ended() == 0
        assert "to paste" not in server.announcement
        assert "s" * 32 not in server.log + server.announcement


async def test_the_demo_shows_it_all(tmp_path: Path) -> None:
    done = await run("demo", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    said = done.out.splitlines()
    assert [line for line in said if "unread" in line] == [
        "• ada opened a stream: 0 unread",
        "• ada's stream got “Your order: It has left the house”: 1 unread",
        "• ada's inbox has 1: 1 unread",
        "• ada read it, and her other devices know: 0 unread",
    ]
    assert "• a producer called Notify: 1 delivered, 0 pending" in said
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("settings", [{}, {"NOTIFY_STORE_DRIVER": "memory"}])
async def test_a_probe_sees_it_come_and_go(tmp_path: Path, settings: dict[str, str]) -> None:
    async with serving(tmp_path, settings=settings) as server:
        for service in ("readiness", "liveness", "", "notify.v1.NotificationClientService"):
            assert await server.command("health", "--service", service) == Done(0, "SERVING\n", "")
        assert (await server.command("health", "--service", "unknown")).code == 1
        producers = await server.command("health", "--server", str(server.ports.internal), "--json")
        assert producers.json == {"service": "readiness", "status": "SERVING"}
        server.signal(signal.SIGTERM)
        assert await server.ended() == 0
        assert (await server.command("health")).code == 1
