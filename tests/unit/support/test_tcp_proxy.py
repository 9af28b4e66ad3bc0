"""The proxy itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import eventually


@pytest.fixture
async def proxy() -> AsyncIterator[TcpProxy]:
    """A proxy in front of a server that sends every line back."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with TcpProxy(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy
    server.close()


async def test_passes_bytes_both_ways(proxy: TcpProxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    proxy.delay_s = 0.001
    writer.write(b"hello\n")
    assert await reader.readline() == b"hello\n"
    writer.close()
    await eventually(lambda: proxy.connections == 0)


async def test_a_black_hole_holds_everything_back_until_restored(proxy: TcpProxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    proxy.black_hole()
    writer.write(b"hello\n")
    answer = asyncio.ensure_future(reader.readline())
    done, _ = await asyncio.wait({answer}, timeout=0.05)
    assert not done
    proxy.restore()
    assert await answer == b"hello\n"
    writer.close()


async def test_dropped_connections_break(proxy: TcpProxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"hello\n")
    await reader.readline()
    proxy.drop()
    with pytest.raises(ConnectionError):
        await reader.readexactly(1)
    writer.close()
    await eventually(lambda: proxy.connections == 0)
