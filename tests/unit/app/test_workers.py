"""A worker seen from the supervisor, with a process that is a few lines of Python."""

from __future__ import annotations

import pytest

from notify_grpc.app import workers
from notify_grpc.app.workers import Worker
from notify_grpc.domain.errors import Unavailable
from tests.support.clock import ManualClock


def saying(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """Let a worker's process say this instead of serving."""
    monkeypatch.setattr(workers, "_COMMAND", ("-c", f"print({line!r}, flush=True); input()"))


@pytest.mark.parametrize("line", ["a library's greeting", "[]", "{}"])
async def test_a_worker_that_says_no_port_did_not_start_and_is_not_left_behind(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    saying(monkeypatch, line)
    worker = Worker(1, {}, clock)

    with pytest.raises(Unavailable, match="worker 1"):
        await worker.start()

    await worker.stop()
    assert worker.pid == 0


@pytest.mark.parametrize(
    ("listen_host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:9"),
        ("10.1.2.3", "http://10.1.2.3:9"),
        ("::", "http://127.0.0.1:9"),
        ("::1", "http://[::1]:9"),
    ],
)
async def test_a_worker_is_asked_where_it_listens(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch, listen_host: str, url: str
) -> None:
    saying(monkeypatch, '{"metrics_port": 9}')
    worker = Worker(1, {}, clock, listen_host)
    await worker.start()

    assert worker.url == url

    await worker.stop()
    assert worker.url == ""
