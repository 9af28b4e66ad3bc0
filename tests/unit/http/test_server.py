"""The operators' port, asked over real HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from aiohttp import ClientSession

from notify_grpc.domain.deliveries import DeliveryState
from notify_grpc.domain.errors import NotifyError, ResourceExhausted, Unauthenticated, Unavailable
from notify_grpc.http.forwarding import SupervisorHttp
from notify_grpc.http.server import HttpServer
from notify_grpc.ports.store import Report
from tests.support.ports import needs_ipv6

REPORT = Report(DeliveryState.ACKED, "post", "m-1")


class Post:
    """A provider's receiving end: the signature is the word itself."""

    provider = "post"

    def __init__(self) -> None:
        self.urls: list[str] = []

    async def verify_and_parse(self, headers: Mapping[str, str], url: str, body: bytes) -> list[Report]:
        self.urls.append(url)
        if headers.get("x-signature") != "good":
            raise Unauthenticated("the signature does not hold")
        return [REPORT] * int(body or b"1")

    def challenge(self, url: str) -> str | None:
        if "challenge=" not in url:
            raise Unauthenticated("no challenge")
        return url.rpartition("challenge=")[2]


class World:
    """The server, what it was told, and a client."""

    def __init__(self) -> None:
        self.healthy = True
        self.reports: list[Report] = []
        self.failing: Exception | None = None
        self.post = Post()
        self.server = HttpServer(
            "127.0.0.1",
            0,
            health=lambda: (self.healthy, {"sessions": 3}),
            metrics=lambda accept: (f"metrics for {accept}".encode(), "text/plain; version=0.0.4"),
            snapshot=lambda: "{}",
            callbacks=[self.post],
            apply=self.apply,
            base_url="https://hooks.example.org/",
        )

    async def apply(self, report: Report) -> None:
        if self.failing:
            raise self.failing
        self.reports.append(report)

    async def ask(self, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        async with httpx.AsyncClient() as http:
            return await http.request(method, f"http://127.0.0.1:{self.server.port}{path}", **more)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    await world.server.start()
    yield world
    await world.server.stop()
    await world.server.stop()


async def test_health_follows_readiness(world: World) -> None:
    ready = await world.ask("/healthz")
    world.healthy = False
    not_ready = await world.ask("/healthz")

    assert (ready.status_code, ready.json()) == (200, {"status": "ok", "sessions": 3})
    assert (not_ready.status_code, not_ready.json()["status"]) == (503, "unavailable")


async def test_metrics_answer_in_the_format_asked_for(world: World) -> None:
    answer = await world.ask("/metrics", headers={"accept": "a/b"})

    assert answer.text == "metrics for a/b"
    assert answer.headers["content-type"] == "text/plain; version=0.0.4"


async def test_a_signed_callback_is_applied_and_the_public_url_is_what_was_signed(world: World) -> None:
    answer = await world.ask("/callbacks/post?x=1", "POST", content=b"2", headers={"X-Signature": "good"})

    assert answer.status_code == 204
    assert world.reports == [REPORT, REPORT]
    assert world.post.urls == ["https://hooks.example.org/callbacks/post?x=1"]


async def test_a_wrong_signature_is_forbidden_and_changes_nothing(world: World) -> None:
    answer = await world.ask("/callbacks/post", "POST", content=b"1", headers={"X-Signature": "bad"})

    assert (answer.status_code, world.reports) == (403, [])


@pytest.mark.parametrize("error", [Unavailable("down"), ResourceExhausted("too many calls wait")])
async def test_a_store_that_is_down_or_full_makes_the_provider_try_again(world: World, error: NotifyError) -> None:
    world.failing = error

    answer = await world.ask("/callbacks/post", "POST", headers={"X-Signature": "good"})

    assert answer.status_code == 503


async def test_a_provider_may_make_sure_the_url_is_ours(world: World) -> None:
    assert (await world.ask("/callbacks/post?challenge=abc")).text == "abc"
    assert (await world.ask("/callbacks/post")).status_code == 403


@pytest.mark.parametrize("path", ["/", "/callbacks/nobody", "/callbacks", "/admin"])
async def test_there_is_nothing_else(world: World, path: str) -> None:
    assert (await world.ask(path)).status_code == 404


async def test_a_body_that_is_too_large_is_refused(world: World) -> None:
    answer = await world.ask("/callbacks/post", "POST", content=b"x" * (2 << 20), headers={"X-Signature": "good"})

    assert answer.status_code == 413


@needs_ipv6
@pytest.mark.parametrize(("host", "reached"), [("::1", ["[::1]"]), ("::", ["[::1]", "127.0.0.1"])])
async def test_it_listens_on_ipv6(host: str, reached: list[str]) -> None:
    server = HttpServer(host, 0, health=lambda: (True, {}), metrics=lambda _: (b"", "text/plain"))
    await server.start()
    async with httpx.AsyncClient() as http:
        answers = [await http.get(f"http://{one}:{server.port}/healthz") for one in reached]
    await server.stop()

    assert [answer.status_code for answer in answers] == [200] * len(reached)


@needs_ipv6
async def test_a_port_of_ipv6_that_is_taken_is_named() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6) as taken:
        server = HttpServer(
            "::", taken.getsockname()[1], health=lambda: (True, {}), metrics=lambda _: (b"", "text/plain")
        )
        with pytest.raises(OSError, match="in use"):
            await server.start()


async def test_a_machine_without_ipv6_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise OSError("Address family not supported by protocol")

    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    monkeypatch.setattr(asyncio.get_running_loop(), "create_server", refuse)
    server = HttpServer("::", 0, health=lambda: (True, {}), metrics=lambda _: (b"", "text/plain"))
    with pytest.raises(OSError, match="not supported"):
        await server.start()


async def test_a_supervisor_passes_callbacks_on_whole(world: World) -> None:
    worker = f"http://127.0.0.1:{world.server.port}"
    supervisor = SupervisorHttp(
        "127.0.0.1", 0, health=lambda: (True, {}), metrics=lambda _: (b"", "text/plain"), worker=lambda: worker
    )
    async with ClientSession() as session, httpx.AsyncClient() as http:
        await supervisor.start(session)
        url = f"http://127.0.0.1:{supervisor.port}/callbacks/post"
        good = await http.post(f"{url}?x=1", content=b"1", headers={"x-signature": "good"})
        bad = await http.post(url, content=b"1")
        worker = ""
        nobody = await http.post(url, content=b"1", headers={"x-signature": "good"})
        await supervisor.stop()

    assert (good.status_code, bad.status_code, nobody.status_code) == (204, 403, 503)
    assert world.post.urls[0] == "https://hooks.example.org/callbacks/post?x=1"
    assert world.reports == [REPORT]
