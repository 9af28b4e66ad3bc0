"""``make front``: everything on one machine, started and stopped as one."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import aiohttp

from tests.acceptance.process import environment
from tests.support.ports import free_port


async def test_it_starts_as_one_and_stops_as_one(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>Inbox</h1>")
    client, internal, metrics, front, probes, page = (free_port() for _ in range(6))
    ports = {"NOTIFY_CLIENT_PORT": client, "NOTIFY_INTERNAL_PORT": internal, "NOTIFY_METRICS_PORT": metrics}
    options = {"--port": front, "--probes-port": probes, "--page-port": page, "--page": tmp_path}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "examples.front"),
        *(str(word) for option in options.items() for word in option),
        env=environment(**{name: str(port) for name, port in ports.items()}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout
        async with asyncio.timeout(30), aiohttp.ClientSession() as http:
            while line := (await process.stdout.readline()).decode():
                if line.strip().startswith("page "):
                    break
            async with http.get(f"http://localhost:{page}/") as response:
                assert await response.text() == "<h1>Inbox</h1>"
            async with http.get(f"http://localhost:{page}/config.json") as response:
                assert await response.json() == {"api": f"http://127.0.0.1:{front}"}
            asked = {"origin": f"http://localhost:{page}", "access-control-request-method": "POST"}
            path = "notify.v1.NotificationClientService/StreamEvents"
            async with http.options(f"http://127.0.0.1:{front}/{path}", headers=asked) as response:
                assert response.headers["access-control-allow-origin"] == f"http://localhost:{page}"
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0
            for port in (client, front):
                try:
                    await asyncio.open_connection("127.0.0.1", port)
                except ConnectionRefusedError:
                    continue
                raise AssertionError(f"something still listens on {port}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
