"""An HTTP/1.1 and HTTP/2 server on loopback that answers by a script and keeps a ledger of what it was sent."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

from tests.support.scripted_http2 import PREFACE, serve_http2

_DRIP_EVERY_S = 0.01


@dataclass(frozen=True)
class Received:
    """One request of the ledger."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    http_version: str
    step: Step


class Wire(Protocol):
    """How an answer goes out, in either version of HTTP."""

    async def head(self, status: int, headers: Mapping[str, str], length: int) -> None: ...

    async def data(self, data: bytes) -> None: ...

    async def trickle(self) -> None:
        """A byte, or a frame, that brings a status line no nearer to its end."""
        ...

    async def end(self) -> None: ...

    def reset(self) -> None: ...


class Step(Protocol):
    """What the server does with one request."""

    @property
    def accepts(self) -> bool:
        """Whether a provider doing this has taken the message: what invariant I5 counts."""
        ...

    async def perform(self, wire: Wire) -> None: ...


@dataclass(frozen=True)
class Reply:
    """Answer at once."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def accepts(self) -> bool:
        return 200 <= self.status < 300

    async def perform(self, wire: Wire) -> None:
        await wire.head(self.status, self.headers, len(self.body))
        await wire.data(self.body)
        await wire.end()


@dataclass(frozen=True)
class Hang:
    """Take the whole request and never answer."""

    accepts: bool = True

    async def perform(self, wire: Wire) -> None:
        await asyncio.Event().wait()


@dataclass(frozen=True)
class Reset:
    """Take the whole request and reset the connection."""

    accepts: bool = True

    async def perform(self, wire: Wire) -> None:
        wire.reset()


@dataclass(frozen=True)
class Drip:
    """Bytes, one by one and without end: of a status line, or with a ``status`` of the body after it."""

    status: int | None = None
    accepts: bool = True

    async def perform(self, wire: Wire) -> None:
        if self.status is not None:
            await wire.head(self.status, {}, 1_000_000)
        while True:
            await (wire.trickle() if self.status is None else wire.data(b" "))
            await asyncio.sleep(_DRIP_EVERY_S)


class ScriptedServer:
    """Steps are used up by requests; the last one stays. A request to a routed path gets its step, and is no send."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._script: deque[Step] = deque([Reply()])
        self._routes: dict[str, Step] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Condition()
        self.ledger: list[Received] = []
        self.connections = 0

    async def __aenter__(self) -> ScriptedServer:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Close every connection and refuse new ones."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    def script(self, *steps: Step) -> None:
        """From the next request on."""
        self._script = deque(steps)

    def route(self, path: str, step: Step) -> None:
        """``step`` for every request to exactly this path."""
        self._routes[path] = step

    @property
    def sends(self) -> list[Received]:
        """The ledger without routed paths."""
        return [request for request in self.ledger if request.path not in self._routes]

    @property
    def accepted(self) -> list[Received]:
        """The sends this server has taken, whether or not it managed to say so."""
        return [request for request in self.sends if request.step.accepts]

    async def received(self, count: int = 1) -> None:
        """Return once that many requests have arrived in full."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.ledger) >= count)

    async def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, version: str, wire: Wire
    ) -> None:
        """Write a whole request into the ledger and do what the script says."""
        step = self._routes.get(path) or (self._script.popleft() if len(self._script) > 1 else self._script[0])
        self.ledger.append(Received(method, path, headers, body, version, step))
        async with self._arrived:
            self._arrived.notify_all()
        await step.perform(wire)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            start = await reader.readexactly(len(PREFACE))
            if start == PREFACE:
                await serve_http2(start, reader, writer, self.answer)
            else:
                await self._serve_http1(start, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client left, or the test is over
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _serve_http1(self, start: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (start + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *fields = head.rstrip().split("\r\n")
            method, path, version = line.split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in fields)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            await self.answer(method, path, headers, body, version, _Http1Wire(writer))
            start = b""


class _Http1Wire:
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._status_line = iter(b"HTTP/1.1 200 O" + b"K" * 1_000_000)

    async def head(self, status: int, headers: Mapping[str, str], length: int) -> None:
        fields = {"content-length": str(length), **headers}
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        await self.data("\r\n".join(lines).encode("latin-1"))

    async def data(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def trickle(self) -> None:
        await self.data(bytes([next(self._status_line)]))

    async def end(self) -> None: ...

    def reset(self) -> None:
        self._writer.transport.abort()
