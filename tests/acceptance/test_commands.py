"""Every command that speaks to a server: what it prints, what it answers a script."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.process import Done, Server, environment, run, serving

UNKNOWN = "019ad7c1-0000-7000-8000-000000000000"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, settings={"NOTIFY_STORE_DRIVER": "memory"}) as server:
        yield server


def lines(done: Done) -> list[dict[str, object]]:
    """A JSON object a line."""
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


async def test_send_says_what_became_of_each_recipient(server: Server) -> None:
    sent = await server.command(
        "send", "--to", "ada", "--to", "bob", "--title", "Hi", "--id", "n1", "--channel", "email"
    )
    assert sent.code == 0, sent.err
    first, ada, bob = sent.out.splitlines()
    assert first == "n1: 0 delivered, 2 pending, 0 failed"
    assert (ada.split()[0], bob.split()[0]) == ("ada", "bob")
    assert ada.endswith("email pending (no provider)")

    again = await server.command("send", "--to", "ada", "--title", "Other", "--id", "n1", "--json")
    [result] = again.json["results"]
    assert (again.json["notification_id"], again.json["duplicates"]) == ("n1", 1)
    assert (result["duplicate"], result["content_mismatch"]) == (True, True)


async def test_everything_send_takes_arrives(server: Server) -> None:
    arguments = [
        "--title",
        "Tïtle",
        "--body",
        "two\nlines",
        "--data",
        "a=1",
        "--data",
        "b=x=y",
        "--subject",
        "order:42",
    ]
    await server.command("send", "--to", "ada", *arguments, "--queued", "--expires-in", "5m")
    [item] = (await server.command("inbox", "--as", "ada", "--json")).json["notifications"]
    assert (item["title"], item["body"], item["data"]) == ("Tïtle", "two\nlines", {"a": "1", "b": "x=y"})
    assert (item["subject_type"], item["subject_ref"]) == ("order", "42")


async def test_reading(server: Server) -> None:
    for number in range(3):
        await server.command("send", "--to", "ada", "--title", f"n{number}")
    page = await server.command("inbox", "--as", "ada", "--limit", "2")
    assert page.out.splitlines()[0] == "3 unread"
    assert [line.split()[-1] for line in page.out.splitlines()[1:3]] == ["n2", "n1"]
    cursor = page.out.splitlines()[3].rpartition(" ")[2]
    rest = (await server.command("inbox", "--as", "ada", "--cursor", cursor, "--json")).json
    assert [n["title"] for n in rest["notifications"]] == ["n0"]

    oldest = rest["notifications"][0]["id"]
    assert await server.command("ack", oldest, "--as", "ada") == Done(0, f"{oldest} is read\n", "")
    assert (await server.command("inbox", "--as", "ada", "--unread", "--json")).json["unread_count"] == 2
    assert (await server.command("read-all", "--as", "ada", "--json")).json == {"marked": 2}
    assert await server.command("read-all", "--as", "ada") == Done(0, "0 marked read\n", "")


async def test_listen_starts_where_it_is_told(server: Server) -> None:
    for number in range(2):
        await server.command("send", "--to", "ada", "--title", f"n{number}")
    first = lines(await server.command("listen", "--as", "ada", "--after", "0:0", "--count", "1", "--json"))
    assert [e["notification"]["notification"]["title"] for e in first if "notification" in e] == ["n0"]  # type: ignore[index]  # decoded JSON
    rest = await server.command("listen", "--as", "ada", "--after", str(first[-1]["cursor"]), "--count", "1")
    assert "new  n1" in rest.out


async def test_one_user_sees_nothing_of_another(server: Server) -> None:
    sent = await server.command("send", "--to", "ada", "--title", "Hi", "--json")
    id = sent.json["results"][0]["id"]
    assert (await server.command("inbox", "--as", "bob")).out == "0 unread\n"
    assert (await server.command("inbox", "--as", "ada", "--tenant", "other")).out == "0 unread\n"
    assert await server.command("ack", id, "--as", "bob") == Done(4, "", "error: no such notification\n")


async def test_deliveries(server: Server) -> None:
    listed = await server.command("deliveries", "list", "--state", "failed", "--channel", "email", "--older-than", "1s")
    assert (listed.code, listed.out.split()[:3]) == (0, ["ID", "CHANNEL", "STATE"])
    assert lines(await server.command("deliveries", "list", "--json")) == []
    await server.command("send", "--to", "ada", "--id", "n1")
    shown = await server.command("deliveries", "show", "n1")
    assert (shown.code, shown.out.split()[0], shown.out.rstrip().endswith("in app pending")) == (0, "ada", True)
    [status] = lines(await server.command("deliveries", "show", "n1", "--json"))
    assert status["user_id"] == "ada"
    assert (await server.command("deliveries", "show", "n2")).code == 4
    assert (await server.command("deliveries", "retry", UNKNOWN)).code == 4


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["send", "--to", ""], 2, "error: user_ids[0]: is required"),
        (["send", "--to", "ada", "--title", "x" * 100_000], 2, "error: title: "),
        (["send"], 2, "Missing option '--to'"),
        (["send", "--to", "ada", "--channel", "pigeon"], 2, "--channel"),
        (["inbox"], 2, "error: --as: "),
        (["inbox", "--as", "ada", "--cursor", "nonsense"], 2, "error: cursor: "),
        (["inbox", "--as", "a:b"], 2, "error: --as: "),
        (["listen", "--as", "ada", "--after", "nonsense"], 2, "error: resume_after: "),
        (["inbox", "--token", "nonsense"], 3, "error: "),
        (["ack", UNKNOWN, "--as", "ada"], 4, "error: no such notification"),
        (["inbox", "--as", "ada", "--ca", "nowhere.pem"], 2, "error: --ca: "),
    ],
)
async def test_what_is_wrong_is_named(server: Server, arguments: list[str], code: int, error: str) -> None:
    done = await server.command(*arguments)
    assert (done.code, done.out) == (code, "")
    assert error in done.err
    assert "Traceback" not in done.err


async def test_where_nobody_listens(tmp_path: Path) -> None:
    done = await run("inbox", "--as", "ada", "--server", "1", env=environment(), cwd=tmp_path)
    assert done.code == 5
    assert "error: cannot connect: " in done.err


async def test_providers_without_any(tmp_path: Path) -> None:
    done = await run("providers", "check", env=environment(NOTIFY_AUTH_DEV_MODE="true"), cwd=tmp_path)
    assert (done.code, "no provider is configured" in done.out) == (0, True)


async def test_version(tmp_path: Path) -> None:
    assert set((await run("version", "--json", cwd=tmp_path)).json) == {"notify-grpc", "grpcio", "python"}
