"""grpcurl, which knows only what reflection tells it, does what a producer and a recipient do."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.process import Server, serving

ROOT = Path(__file__).resolve().parents[2]
GRPCURL = shutil.which("grpcurl", path=str(ROOT / "build" / "bin")) or shutil.which("grpcurl")
pytestmark = pytest.mark.skipif(GRPCURL is None, reason="grpcurl is not here: `make outside` builds it")
CLIENT, INTERNAL = "notify.v1.NotificationClientService", "notify.v1.NotificationInternalService"
ADA = ("-H", "authorization: Bearer dev:ada:demo")
NOTIFY = {"tenant_id": "demo", "notification_id": "n1", "user_ids": ["ada"], "title": "Hi", "body": "from outside"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as server:
        yield server


async def start(port: int, *arguments: str) -> asyncio.subprocess.Process:
    assert GRPCURL
    return await asyncio.create_subprocess_exec(
        GRPCURL,
        "-plaintext",
        *arguments[:-1],
        f"127.0.0.1:{port}",
        arguments[-1],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def grpcurl(port: int, *arguments: str) -> tuple[int, str, str]:
    """Options and, last, what to call; the exit code and both outputs."""
    process = await start(port, *arguments)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode or 0, out.decode(), err.decode()


async def call(port: int, method: str, request: dict[str, Any], *headers: str) -> dict[str, Any]:
    code, out, err = await grpcurl(port, *headers, "-d", json.dumps(request), method)
    assert code == 0, err
    answer: dict[str, Any] = json.loads(out)
    return answer


async def events(process: asyncio.subprocess.Process) -> AsyncIterator[dict[str, Any]]:
    """The JSON objects grpcurl prints, one after the other."""
    assert process.stdout
    text = ""
    while line := (await asyncio.wait_for(process.stdout.readline(), 20)).decode():
        text += line
        if line.startswith("}"):
            yield json.loads(text)
            text = ""


@pytest.mark.parametrize(("port", "service"), [("client", CLIENT), ("internal", INTERNAL)])
async def test_reflection_tells_what_is_there(server: Server, port: str, service: str) -> None:
    code, out, err = await grpcurl(getattr(server.ports, port), "list")
    assert code == 0, err
    assert {service, "grpc.health.v1.Health"} <= set(out.split())
    assert ({CLIENT, INTERNAL} - {service}) & set(out.split()) == set()


async def test_notify_stream_page_and_read(server: Server) -> None:
    ports = server.ports
    stream = await start(ports.client, *ADA, "-d", "{}", f"{CLIENT}/StreamEvents")
    try:
        told = events(stream)
        first = await anext(told)
        assert "heartbeat" in first
        assert "session_id" in first, first
        assert "caught_up" in await anext(told)

        assert await call(ports.internal, f"{INTERNAL}/Notify", NOTIFY) == {"delivered": 1}
        event = await anext(told)
        item = event["notification"]["notification"]
        assert (item["title"], item["body"], event["unread_count"]) == ("Hi", "from outside", "1")

        page = await call(ports.client, f"{CLIENT}/GetNotifications", {}, *ADA)
        assert [n["id"] for n in page["notifications"]] == [item["id"]]
        assert page["unread_count"] == 1
        await call(ports.client, f"{CLIENT}/AckNotification", {"id": item["id"]}, *ADA)
        read = (await anext(told))["notification"]["notification"]
        assert (read["id"], read["status"]) == (item["id"], "DELIVERY_STATUS_READ")
    finally:
        stream.terminate()
        await stream.communicate()

    resumed = await start(
        ports.client, *ADA, "-d", json.dumps({"resume_after": event["cursor"]}), f"{CLIENT}/StreamEvents"
    )
    try:
        told = events(resumed)
        await anext(told)
        assert (await anext(told))["notification"]["notification"]["status"] == "DELIVERY_STATUS_READ"
    finally:
        resumed.terminate()
        await resumed.communicate()


async def test_a_bulk_stream(server: Server) -> None:
    message = json.dumps({"requests": [NOTIFY, {**NOTIFY, "notification_id": ""}]})
    answer = await call(server.ports.internal, f"{INTERNAL}/NotifyStream", json.loads(message))
    ok, refused = answer["results"]
    assert "response" in ok
    assert (refused["error"]["code"], refused["error"]["field"]) == (3, "notification_id")


@pytest.mark.parametrize("token", ["dev:ada", "nonsense", ""])
async def test_a_wrong_token_is_refused(server: Server, token: str) -> None:
    for method in ("GetNotifications", "StreamEvents"):
        code, _, err = await grpcurl(
            server.ports.client, "-H", f"authorization: Bearer {token}", "-d", "{}", f"{CLIENT}/{method}"
        )
        assert (code != 0, "Unauthenticated" in err) == (True, True)


async def test_a_wrong_field_is_named(server: Server) -> None:
    code, _, err = await grpcurl(
        server.ports.internal, "-d", json.dumps({**NOTIFY, "user_ids": []}), f"{INTERNAL}/Notify"
    )
    assert code != 0
    assert "InvalidArgument" in err
    assert "user_ids" in err


async def test_health(server: Server) -> None:
    for port in server.ports[:2]:
        answer = await call(port, "grpc.health.v1.Health/Check", {"service": "readiness"})
        assert answer == {"status": "SERVING"}
