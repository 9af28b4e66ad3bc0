"""Which addresses belong to the public internet, and that the checked address is the one connected to."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest

from notify_grpc.channels.http import Deadline, HttpClient, NoAnswer, Request
from notify_grpc.channels.public_only import PublicTransport, is_public
from notify_grpc.domain.deliveries import ErrorClass
from tests.support.scripted_http import Reply, ScriptedServer


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::1",
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(address)


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    asked: list[str] = []

    async def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


async def test_a_name_is_resolved_once_and_keeps_its_place_in_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ScriptedServer() as server:
        asked = resolve_to(monkeypatch, "127.0.0.1")
        client = HttpClient(make_transport=lambda: PublicTransport(allow_loopback=True))
        await client.open()
        answer = await client.send(Request("POST", f"http://push.example.org:{server.port}/x?y"), Deadline(5))
        await client.close()
        [request] = server.ledger
        assert (answer.status, asked) == (200, ["push.example.org"])
        assert (request.path, request.headers["host"]) == ("/x?y", f"push.example.org:{server.port}")


async def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "8.8.8.8", "10.0.0.1")
    client = HttpClient(make_transport=PublicTransport)
    await client.open()
    with pytest.raises(NoAnswer) as refused:
        await client.send(Request("POST", "https://push.example.org/x"), Deadline(5))
    await client.close()
    assert refused.value.receipt.error_class is ErrorClass.PERMANENT


async def test_a_name_that_does_not_resolve_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    async def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    client = HttpClient(make_transport=PublicTransport)
    await client.open()
    with pytest.raises(NoAnswer) as failed:
        await client.send(Request("POST", "https://push.example.org/x"), Deadline(5))
    await client.close()
    assert failed.value.receipt.error_class is ErrorClass.TRANSIENT


async def test_connections_are_reused() -> None:
    async with ScriptedServer() as server:
        server.script(Reply(200, b"x" * 1000))
        transport = PublicTransport(allow_loopback=True)
        async with httpx.AsyncClient(transport=transport) as client:
            for _ in range(3):
                assert len((await client.get(server.url)).content) == 1000
        assert server.connections == 1
