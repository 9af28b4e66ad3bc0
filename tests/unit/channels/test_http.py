"""The shared HTTP client keeps nothing between requests and unpacks nothing."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import pytest

from notify_grpc.channels.http import Deadline, HttpClient, Request
from tests.support.scripted_http import Reply, ScriptedServer


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    await client.open()
    yield client
    await client.close()


async def test_cookies_are_not_kept(client: HttpClient, server: ScriptedServer) -> None:
    server.script(Reply(200, headers={"set-cookie": "session=1; Path=/"}))
    for _ in range(2):
        await client.send(Request("GET", server.url), Deadline(20))
    assert ["cookie" in request.headers for request in server.ledger] == [False, False]


async def test_a_compressed_answer_is_neither_asked_for_nor_unpacked(
    client: HttpClient, server: ScriptedServer
) -> None:
    packed = gzip.compress(b'{"a": 1}' + b" " * 10_000_000)
    server.script(Reply(200, packed, {"content-encoding": "gzip"}))
    answer = await client.send(Request("GET", server.url), Deadline(20))
    assert server.ledger[0].headers["accept-encoding"] == "identity"
    assert len(answer.body) <= len(packed)
    assert answer.json() == {}


async def test_a_connection_is_reused(client: HttpClient, server: ScriptedServer) -> None:
    for _ in range(3):
        await client.send(Request("POST", server.url, body=b"x"), Deadline(20))
    assert server.connections == 1


async def test_an_unopened_client_says_so(server: ScriptedServer) -> None:
    with pytest.raises(RuntimeError, match="not open"):
        await HttpClient().send(Request("GET", server.url), Deadline(20))


def test_requests_do_not_show_what_may_be_secret() -> None:
    shown = repr(Request("POST", "https://push.example/capability", {"authorization": "Bearer s3cret"}, b"s3cret"))
    assert "s3cret" not in shown
    assert "capability" not in shown
