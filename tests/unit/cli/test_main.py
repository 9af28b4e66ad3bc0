"""Commands are found when they are asked for, and only then imported."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from notify_grpc.cli.main import COMMANDS, app

SLOW = {"psycopg", "redis", "pydantic_settings", "httpx", "cryptography", "rich"}
OURS = {"notify_grpc.app", "notify_grpc.config", "notify_grpc.client"}


def test_help_lists_every_command() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    listed = [line.split()[0] for line in result.stdout.partition("Commands:")[2].splitlines() if line.strip()]
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Usage: ")
    assert "completion" not in result.stdout


def test_an_unknown_command_is_wrong_usage() -> None:
    result = CliRunner().invoke(app, ["explode"])
    assert result.exit_code == 2
    assert "explode" in result.stderr


def test_a_health_probe_starts_light() -> None:
    """It runs every few seconds in a container: what only a server needs is not imported."""
    program = (
        "import json, sys; from notify_grpc.cli.main import app\n"
        "try: app(['health', '--server', '1', '--timeout', '1'])\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (SLOW | OURS) & set(json.loads(answer.stdout.splitlines()[-1])) == set()


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False), ("yes", False)])
def test_colours_on_a_terminal_unless_no_color(no_color: str, coloured: bool) -> None:
    ours, terminal = pty.openpty()
    try:
        command = [sys.executable, "-m", "notify_grpc", "inbox"]
        done = subprocess.run(
            command, stdout=terminal, stderr=terminal, env=os.environ | {"NO_COLOR": no_color}, check=False
        )
        shown = os.read(ours, 10_000).decode()
    finally:
        os.close(ours)
        os.close(terminal)
    assert (done.returncode, "\x1b[" in shown, "--as" in shown) == (2, coloured, True)


def test_no_colours_in_a_pipe() -> None:
    done = subprocess.run([sys.executable, "-m", "notify_grpc", "inbox"], capture_output=True, text=True, check=False)
    assert done.stderr == "error: --as: say whose inbox it is, or give a --token\n"


def test_scripts_get_errors_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["inbox", "--json"]
    monkeypatch.setattr(sys, "argv", ["notify-grpc", *arguments])
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, json.loads(result.stderr)["error"]) == (2, "usage")
