"""grpc-web as a browser's fetch speaks it: frames in HTTP bodies, trailers as the last frame.

Source: grpc/doc/PROTOCOL-WEB.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple

import aiohttp
from google.protobuf.message import Message

_TRAILERS = 0x80
HEADERS = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1", "x-user-agent": "test"}


class Frame(NamedTuple):
    """A message, or the trailers."""

    trailers: bool
    payload: bytes


def framed(message: Message) -> bytes:
    """A request's body."""
    payload = message.SerializeToString()
    return b"\x00" + len(payload).to_bytes(4, "big") + payload


async def frames(response: aiohttp.ClientResponse) -> AsyncIterator[Frame]:
    """A response's frames as they come."""
    while True:
        head = await response.content.read(1)
        if not head:
            return
        size = int.from_bytes(await response.content.readexactly(4), "big")
        yield Frame(bool(head[0] & _TRAILERS), await response.content.readexactly(size))


def parse_trailers(payload: bytes) -> dict[str, str]:
    """``grpc-status`` and the like."""
    lines = (line.partition(":") for line in payload.decode().split("\r\n") if line)
    return {name.lower(): value.strip() for name, _, value in lines}


async def unary(
    http: aiohttp.ClientSession, url: str, message: Message, headers: Mapping[str, str]
) -> tuple[bytes, dict[str, str]]:
    """A call's answer and its trailers; a refusal's trailers are its headers."""
    async with http.post(url, data=framed(message), headers={**HEADERS, **headers}) as response:
        answer, trailers = b"", {name.lower(): value for name, value in response.headers.items()}
        async for frame in frames(response):
            if frame.trailers:
                trailers |= parse_trailers(frame.payload)
            else:
                answer = frame.payload
        return answer, trailers
