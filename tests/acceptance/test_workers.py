"""``serve --workers 2``: two processes on the same ports, one supervisor."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.process import Server, environment, run, serving
from tests.support.waiting import eventually


def on(dsn: str) -> dict[str, str]:
    return {"NOTIFY_STORE_DRIVER": "postgres", "NOTIFY_POSTGRES_DSN": dsn, "NOTIFY_SHUTDOWN_TIMEOUT": "15s"}


def workers_of(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.pid).children()


async def scrape(server: Server) -> dict[tuple[str, ...], float]:
    """Every sample of /metrics by name and label values."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"http://127.0.0.1:{server.ports.metrics}/metrics")
    return {
        (s.name, *s.labels.values()): s.value
        for family in text_string_to_metric_families(answer.text)
        for s in family.samples
    }


async def health(server: Server) -> tuple[int, int]:
    """The status of /healthz and how many workers are ready."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"http://127.0.0.1:{server.ports.metrics}/healthz")
    return answer.status_code, answer.json()["workers_ready"]


async def send(server: Server, count: int) -> None:
    for _ in range(count):
        done = await server.command("send", "--to", "ada", "--title", "Hi")
        assert done.code == 0, done.err


@pytest.mark.timeout(120)
async def test_workers_serve_together_and_a_dead_one_is_replaced(tmp_path: Path, postgres_dsn: str) -> None:
    async with serving(tmp_path, "--workers", "2", settings=on(postgres_dsn)) as server:
        assert await health(server) == (200, 2)
        await send(server, 2)
        asked = ("notify_notify_requests_total", "OK")
        await eventually(lambda: _counted(server, asked, 2), timeout=10)

        killed = workers_of(server)[0]
        killed.send_signal(signal.SIGKILL)
        await eventually(lambda: _replaced(server, killed.pid), timeout=30)

        assert (await scrape(server))[asked] == 2
        await send(server, 1)
        await eventually(lambda: _counted(server, asked, 3), timeout=10)
        assert "worker ended" in server.log
        server.signal(signal.SIGTERM)
        assert await server.ended() == 0


async def _counted(server: Server, sample: tuple[str, ...], value: float) -> bool:
    return (await scrape(server)).get(sample) == value


async def _replaced(server: Server, pid: int) -> bool:
    return await health(server) == (200, 2) and pid not in [w.pid for w in workers_of(server)]


@pytest.mark.timeout(90)
async def test_workers_end_with_their_supervisor(tmp_path: Path, postgres_dsn: str) -> None:
    async with serving(tmp_path, "--workers", "2", settings=on(postgres_dsn)) as server:
        workers = workers_of(server)
        assert len(workers) == 2

        server.signal(signal.SIGKILL)
        await server.ended()

        await asyncio.to_thread(psutil.wait_procs, workers, 20)
        assert not [w for w in workers if w.is_running()]


@pytest.mark.parametrize("driver", ["memory", "sqlite"])
async def test_a_store_of_one_process_refuses_workers(driver: str) -> None:
    done = await run(
        "serve", "--workers", "2", env=environment(NOTIFY_AUTH_DEV_MODE="true", NOTIFY_STORE_DRIVER=driver)
    )

    assert done.code == 2
    assert f"NOTIFY_WORKERS=2 needs a store that processes can share, not {driver}" in done.err


async def test_workers_that_cannot_start_say_why_in_a_line() -> None:
    nobody = "postgresql://notify:pass-of-notify@127.0.0.1:1/notify"
    done = await run("serve", "--workers", "2", env=environment(NOTIFY_AUTH_DEV_MODE="true", **on(nobody)))

    assert done.code == 5
    assert "error: cannot start: PostgreSQL cannot be reached" in done.err
    assert "Traceback" not in done.err
    assert "pass-of" not in done.err
