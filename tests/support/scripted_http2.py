"""The HTTP/2 side of the scripted server, over the h2 library (RFC 9113)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RequestReceived, StreamEnded

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
Answer = Callable[[str, str, Mapping[str, str], bytes, str, "Http2Wire"], Awaitable[None]]


@dataclass
class _Request:
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


async def serve_http2(start: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
    """Serve one connection whose first bytes, ``start``, have been read already. Each stream is answered by itself."""
    connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
    connection.initiate_connection()
    requests: dict[int, _Request] = defaultdict(_Request)
    answers: list[asyncio.Future[None]] = []
    heard = asyncio.Event()
    received = start
    try:
        while received:
            for event in connection.receive_data(received):
                ended = _take(event, connection, requests)
                if ended is not None:
                    request, wire = requests.pop(ended), Http2Wire(connection, ended, writer, heard)
                    method, path = request.headers[":method"], request.headers[":path"]
                    coming = answer(method, path, request.headers, request.body, "HTTP/2", wire)
                    answers.append(asyncio.ensure_future(coming))
            heard.set()
            writer.write(connection.data_to_send())
            received = await reader.read(65536)
    finally:
        for answering in answers:
            answering.cancel()
        await asyncio.gather(*answers, return_exceptions=True)


def _take(event: Event, connection: H2Connection, requests: dict[int, _Request]) -> int | None:
    """Keep what an event brings; the id of a stream whose request is whole now."""
    if isinstance(event, RequestReceived):
        requests[event.stream_id].headers = {str(name): str(value) for name, value in event.headers}
    elif isinstance(event, DataReceived):
        requests[event.stream_id].body += event.data
        connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
    elif isinstance(event, StreamEnded):
        return event.stream_id
    return None


class Http2Wire:
    """Answers one stream."""

    def __init__(
        self, connection: H2Connection, stream_id: int, writer: asyncio.StreamWriter, heard: asyncio.Event
    ) -> None:
        self._connection = connection
        self._stream_id = stream_id
        self._writer = writer
        self._heard = heard

    async def head(self, status: int, headers: Mapping[str, str], length: int) -> None:
        self._connection.send_headers(self._stream_id, [(":status", str(status)), *headers.items()])
        await self._flush()

    async def data(self, data: bytes) -> None:
        while data:
            window = self._connection.local_flow_control_window(self._stream_id)
            size = min(window, self._connection.max_outbound_frame_size)
            if not size:
                self._heard.clear()
                await self._heard.wait()
                continue
            self._connection.send_data(self._stream_id, data[:size])
            data = data[size:]
            await self._flush()

    async def trickle(self) -> None:
        self._connection.ping(b"trickles")
        await self._flush()

    async def end(self) -> None:
        self._connection.end_stream(self._stream_id)
        await self._flush()

    def reset(self) -> None:
        self._writer.transport.abort()

    async def _flush(self) -> None:
        self._writer.write(self._connection.data_to_send())
        await self._writer.drain()
