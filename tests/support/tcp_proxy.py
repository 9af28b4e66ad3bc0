"""A TCP proxy that can be as bad as a network: connections that break, fall silent, or are slow."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from types import TracebackType
from typing import Self

_CHUNK = 1 << 16
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time at all."""


class TcpProxy:
    """Forwards a loopback port to ``(host, port)``, or to a Unix socket where ``host`` is its path.

    ``black_hole()`` keeps connections open while nothing passes any more, in either direction: half-open, as after a
    cut cable. ``restore()`` lets pass what was held back. ``drop()`` resets connections. ``delay_s`` slows each chunk.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._passing = asyncio.Event()
        self._passing.set()
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.delay_s = 0.0
        self.chunks = 0
        """Reads that went through, both ways together."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.drop()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where to connect to."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._connections)

    def black_hole(self) -> None:
        """Let nothing pass from now on; new connections are accepted and stay as silent."""
        self._passing.clear()

    def restore(self) -> None:
        """Let everything pass again, what was held back first."""
        self._passing.set()

    def drop(self) -> None:
        """Reset every connection (RST, not FIN)."""
        for writer in list(self._writers):
            with contextlib.suppress(OSError):  # closed already by its peer
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()
        for connection in list(self._connections):
            connection.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await self._forward(reader, writer)
        self._connections.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._target
        connecting = asyncio.open_unix_connection(host) if host.startswith("/") else asyncio.open_connection(host, port)
        target_reader, target_writer = await connecting
        self._writers |= {writer, target_writer}
        try:
            await asyncio.gather(self._pump(reader, target_writer), self._pump(target_reader, writer))
        finally:
            for end in (writer, target_writer):
                end.close()
                self._writers.discard(end)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(_CHUNK):
            await self._passing.wait()
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            self.chunks += 1
            writer.write(chunk)
            await writer.drain()
        await self._passing.wait()
        if writer.can_write_eof():
            writer.write_eof()
