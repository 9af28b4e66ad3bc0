"""A wrong environment is refused before anything starts, every problem named, nothing secret shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.process import Done, environment, run, serving

WRONG = {
    "NOTIFY_CLIENT_PORT": "70000",
    "NOTIFY_LOG_LEVEL": "loud",
    "NOTIFY_SHUTDOWN_TIMEOUT": "soon",
    "NOTIFY_AUTH_JWT_SECRET": "too-short-secret",
    "NOTIFY_STORE_DRIVER": "postgres",
}


def problems(done: Done) -> set[str]:
    """The variables named, one a line."""
    return {line.removeprefix("error: ").split()[0].rstrip(":") for line in done.err.splitlines()}


@pytest.mark.parametrize("command", [("serve",), ("config", "check"), ("config", "show"), ("migrate",)])
async def test_every_problem_has_a_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = await run(*command, env=environment(**WRONG), cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert problems(done) >= {
        "NOTIFY_CLIENT_PORT",
        "NOTIFY_LOG_LEVEL",
        "NOTIFY_SHUTDOWN_TIMEOUT",
        "NOTIFY_INTERNAL_TOKEN",
    }
    assert problems(done) >= {"NOTIFY_AUTH_JWT_SECRET", "NOTIFY_POSTGRES_DSN"}
    assert "too-short-secret" not in done.err


async def test_without_any_setting_it_says_what_is_required(tmp_path: Path) -> None:
    done = await run("serve", env=environment(), cwd=tmp_path)
    assert done.code == 2
    assert problems(done) == {"NOTIFY_AUTH_JWT_SECRET", "NOTIFY_INTERNAL_TOKEN"}


async def test_providers_are_checked_too(tmp_path: Path) -> None:
    wrong = {"NOTIFY_EMAIL_PROVIDER": "smtp,pigeon", "NOTIFY_SMS_PROVIDER": "twilio", "NOTIFY_AUTH_DEV_MODE": "true"}
    for command in (("serve",), ("config", "check"), ("providers", "check")):
        done = await run(*command, env=environment(**wrong), cwd=tmp_path)
        assert (done.code, done.out) == (2, "")
        assert problems(done) >= {
            "NOTIFY_EMAIL_PROVIDER=pigeon",
            "NOTIFY_EMAIL_SMTP_HOST",
            "NOTIFY_EMAIL_FROM",
            "NOTIFY_SMS_ACCOUNT_SID",
        }


async def test_workers_need_a_store_they_can_share(tmp_path: Path) -> None:
    done = await run("serve", "--workers", "2", env=environment(NOTIFY_AUTH_DEV_MODE="true"), cwd=tmp_path)
    assert done.code == 2
    assert "NOTIFY_WORKERS=2" in done.err


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        taken = {"NOTIFY_AUTH_DEV_MODE": "true", "NOTIFY_STORE_DRIVER": "memory", "NOTIFY_INTERNAL_PORT": "0"}
        taken |= {"NOTIFY_METRICS_PORT": "0", "NOTIFY_CLIENT_PORT": str(server.ports.client)}
        done = await run("serve", env=environment(**taken), cwd=tmp_path)
        assert done.code == 1
        assert f"error: cannot start: cannot listen on 127.0.0.1:{server.ports.client}" in done.err
        assert "Traceback" not in done.err


async def test_a_database_that_is_in_use(tmp_path: Path) -> None:
    async with serving(tmp_path):
        other = {"NOTIFY_AUTH_DEV_MODE": "true"}
        other |= {f"NOTIFY_{port}_PORT": "0" for port in ("CLIENT", "INTERNAL", "METRICS")}
        done = await run("serve", env=environment(**other), cwd=tmp_path)
        assert done.code in (1, 5)
        assert done.err.splitlines()[-1].startswith("error: ")
        assert "Traceback" not in done.err


async def test_what_is_in_force_is_shown_without_secrets(tmp_path: Path) -> None:
    good = {"NOTIFY_AUTH_JWT_SECRET": "s" * 32, "NOTIFY_INTERNAL_TOKEN": "first,second", "NOTIFY_CLIENT_PORT": "18080"}
    assert await run("config", "check", env=environment(**good), cwd=tmp_path) == Done(0, "ok\n", "")
    table = await run("config", "show", env=environment(**good), cwd=tmp_path)
    lines = dict(line.split(maxsplit=1) for line in table.out.splitlines() if len(line.split()) == 2)
    assert (lines["NOTIFY_CLIENT_PORT"], lines["NOTIFY_AUTH_JWT_SECRET"]) == ("18080", "********")
    shown = json.loads((await run("config", "show", "--json", env=environment(**good), cwd=tmp_path)).out)
    assert (shown["NOTIFY_INTERNAL_TOKEN"], shown["NOTIFY_SHUTDOWN_TIMEOUT"]) == (["********"] * 2, 30.0)
    assert shown["NOTIFY_POSTGRES_DSN"] == ""
    assert not any(secret in table.out for secret in ("s" * 32, "first", "second"))


async def test_the_schema_is_planned_and_made(tmp_path: Path) -> None:
    dev = environment(NOTIFY_AUTH_DEV_MODE="true")
    plan = await run("migrate", "--plan", env=dev, cwd=tmp_path)
    assert (plan.code, "would apply 0001" in plan.out, "CREATE TABLE" in plan.out) == (0, True, True)
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240 - nothing else runs here
    applied = await run("migrate", "--json", env=dev, cwd=tmp_path)
    assert [json.loads(line)["applied"] for line in applied.out.splitlines()] == [True] * len(applied.out.splitlines())
    assert await run("migrate", env=dev, cwd=tmp_path) == Done(0, "nothing to do\n", "")
    async with serving(tmp_path) as server:
        assert (await server.command("send", "--to", "ada")).code == 0
