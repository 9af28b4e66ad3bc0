"""Email by a real SMTP server, from the command line: sent, refused, looked at and tried again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.process import environment, run, serving
from tests.support.scripted_smtp import ScriptedSmtp
from tests.support.waiting import eventually


@pytest.fixture
async def smtp() -> AsyncIterator[ScriptedSmtp]:
    async with ScriptedSmtp() as smtp:
        yield smtp


@pytest.fixture
def settings(smtp: ScriptedSmtp) -> dict[str, str]:
    return {
        "NOTIFY_EMAIL_PROVIDER": "smtp",
        "NOTIFY_EMAIL_SMTP_HOST": f"127.0.0.1:{smtp.port}",
        "NOTIFY_EMAIL_FROM": "notify@example.org",
    }


async def test_what_is_refused_can_be_sent_again(tmp_path: Path, smtp: ScriptedSmtp, settings: dict[str, str]) -> None:
    smtp.refuse("rcpt", "550 5.1.1 no such mailbox")
    async with serving(tmp_path, settings=settings) as server:
        ada = ("--to", "ada", "--address", "email=ada@example.org", "--channel", "email")
        sent = await server.command("send", *ada, "--id", "n1", "--title", "Hi")
        assert (sent.code, sent.out.splitlines()[0]) == (6, "n1: 0 delivered, 0 pending, 1 failed"), sent
        assert sent.out.rstrip().endswith("email failed (permanent)")

        listed = await server.command("deliveries", "list", "--state", "failed", "--json")
        assert listed.json["target"] == "ada@example.org"
        assert listed.json["last_error_class"] == "ERROR_CLASS_PERMANENT"
        shown = await server.command("deliveries", "show", "n1", "--user", "ada")
        assert "email to ada@example.org  failed" in shown.out

        smtp.accept()
        again = await server.command("deliveries", "retry", listed.json["id"])
        assert (again.code, again.out.startswith(f"{listed.json['id']} is ")) == (0, True)
        await eventually(lambda: smtp.taken, timeout=20)
        assert [mail["Subject"] for mail in smtp.mails] == ["Hi"]

        async def delivered() -> bool:
            now = await server.command("deliveries", "show", "n1", "--json")
            return bool(now.json["notification"]["deliveries"][0]["state"] == "DELIVERY_STATE_DELIVERED")

        await eventually(delivered, timeout=20)
        assert (await server.command("deliveries", "retry", listed.json["id"])).code == 1


async def test_providers_are_asked(tmp_path: Path, settings: dict[str, str]) -> None:
    dev = {"NOTIFY_AUTH_DEV_MODE": "true"}
    good = await run("providers", "check", "--json", env=environment(**dev, **settings), cwd=tmp_path)
    assert (good.code, json.loads(good.out)) == (0, {"channel": "email", "provider": "smtp", "state": "ok", "why": ""})
    nobody = settings | {"NOTIFY_EMAIL_SMTP_HOST": "127.0.0.1:1"}
    bad = await run("providers", "check", env=environment(**dev, **nobody), cwd=tmp_path)
    assert (bad.code, bad.out.split()[:3]) == (1, ["email", "smtp", "failed"])
    assert "Traceback" not in bad.err


async def test_a_wrong_address_is_named(tmp_path: Path, settings: dict[str, str]) -> None:
    async with serving(tmp_path, settings=settings) as server:
        sent = await server.command("send", "--to", "ada", "--address", "email=nowhere")
        assert (sent.code, "addresses" in sent.err) == (2, True)
        sent = await server.command("send", "--to", "ada", "--address", "pigeon=roof")
        assert (sent.code, "addresses" in sent.err) == (2, True)
