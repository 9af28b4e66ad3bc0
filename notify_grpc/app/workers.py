"""Worker processes, seen from the supervisor: started, watched, restarted with backoff, stopped."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping

from aiohttp import ClientError, ClientSession, ClientTimeout

from notify_grpc.domain.addresses import authority, reached_at
from notify_grpc.domain.clock import Clock
from notify_grpc.domain.errors import Unavailable
from notify_grpc.telemetry.exposition import from_json, merge, without_gauges
from notify_grpc.telemetry.metrics import Snapshot

log = logging.getLogger(__name__)
_BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_STABLE_S = 60.0
"""A worker that lived this long starts anew without delay."""
_COMMAND = ("-m", "notify_grpc.app.worker")
_POLL = ClientTimeout(total=2.0)


class Worker:
    """One slot: the process in it changes, what its processes counted adds up."""

    def __init__(self, number: int, overrides: Mapping[str, object], clock: Clock, host: str = "127.0.0.1") -> None:
        """``host``: where it listens."""
        self.number = number
        self._host = reached_at(host)
        self.ready = False
        self._overrides = json.dumps({**overrides, "metrics_port": 0})
        self._clock = clock
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._port = 0
        self._past: Snapshot = {}
        self._present: Snapshot = {}
        self._stopping = False

    @property
    def pid(self) -> int:
        """The process in the slot; 0 if there is none."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    @property
    def url(self) -> str:
        """Its HTTP port; "" while there is none."""
        return f"http://{authority(self._host, self._port)}" if self._port and self.pid else ""

    @property
    def numbers(self) -> Snapshot:
        """What it counted, the processes before it included."""
        return merge([self._past, self._present])

    async def start(self) -> None:
        """Start a process, wait until it listens, and keep it alive from then on. Raises Unavailable."""
        await self._spawn()
        self._task = asyncio.get_running_loop().create_task(self._keep_alive(), name=f"notify-worker-{self.number}")

    async def stop(self) -> None:
        """SIGTERM, and wait; a cancelled wait kills the process. Idempotent."""
        self._stopping = True
        process = self._process
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()

    async def poll(self, session: ClientSession) -> None:
        """Fetch readiness and numbers; keeps the last ones when it does not answer."""
        url = self.url
        if not url:
            self.ready = False
            return
        try:
            async with session.get(f"{url}/healthz", timeout=_POLL) as health:
                self.ready = health.status == 200
            async with session.get(f"{url}/metrics.json", timeout=_POLL) as numbers:
                present = from_json(await numbers.text())
                if self.url == url:  # else it is of a process that has ended since, and counted as past
                    self._present = present
        except (ClientError, TimeoutError, OSError, ValueError):
            self.ready = False

    async def _spawn(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *_COMMAND, self._overrides, stdin=PIPE, stdout=PIPE, start_new_session=True
        )
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            code = await self._process.wait()
            raise Unavailable(f"worker {self.number} ended with exit code {code} before it listened")
        try:
            self._port = int(json.loads(line)["metrics_port"])
        except (ValueError, KeyError, TypeError) as exc:
            self._process.kill()
            raise Unavailable(f"worker {self.number} said something else than where it listens") from exc
        log.info("worker started", extra={"worker": self.number, "worker_pid": self._process.pid})

    async def _keep_alive(self) -> None:
        failures = 0
        while not self._stopping:
            started = self._clock.monotonic()
            assert self._process is not None
            code = await self._process.wait()
            self._forget_process()
            failures = 0 if self._clock.monotonic() - started > _STABLE_S else failures + 1
            wait = _BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]
            log.error("worker ended", extra={"worker": self.number, "exit_code": code, "restart_in_s": wait})
            await self._clock.sleep(wait)
            try:
                await self._spawn()
            except (Unavailable, OSError) as exc:
                log.error("worker did not start", extra={"worker": self.number, "reason": str(exc)})

    def _forget_process(self) -> None:
        self.ready = False
        self._port = 0
        self._past = merge([self._past, without_gauges(self._present)])
        self._present = {}
