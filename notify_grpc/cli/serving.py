"""``notify-grpc serve``: the service itself."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from notify_grpc.app import Application, Supervisor, run, supervise
from notify_grpc.cli.failures import Exit
from notify_grpc.cli.text import Json, print_json
from notify_grpc.config import Settings, load
from notify_grpc.domain.addresses import authority, reached_at
from notify_grpc.domain.errors import NotifyError


def serve(
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that share the ports; needs PostgreSQL or EntDB.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C, which drains; a second one stops at once. Settings come from NOTIFY_* variables.

    Exit codes: 0 drained, 1 could not start or had to be forced, 2 wrong settings.
    """
    settings = load(**({} if workers is None else {"workers": workers}))
    started = announce_json if as_json else announce
    try:
        code = supervise(settings, started) if settings.workers > 1 else run(settings, started)
    except OSError as error:
        raise NotifyError(f"cannot start: {error}") from error
    raise typer.Exit(code if code else Exit.OK)


def announce(application: Application | Supervisor) -> None:
    """Say where it listens and, in dev mode, what to paste next."""
    settings, ports = application.settings, application.ports
    for who, address in (
        ("recipients", authority(settings.host, ports.client)),
        ("producers", authority(settings.host, ports.internal)),
        ("operators", f"http://{authority(settings.host, ports.metrics)}/healthz"),
    ):
        typer.echo(f"  {who:<11} {address}")
    typer.echo(f"  {'store':<11} {settings.store_driver}{_where(settings)}")
    if settings.auth_dev_mode:
        typer.echo("\nDev mode: every user name is good. Try this in other terminals:\n")
        for line in to_paste(reached_at(settings.host), ports.client, ports.internal):
            typer.echo(f"  {line}")
        typer.echo()
    sys.stdout.flush()


def announce_json(application: Application | Supervisor) -> None:
    """Say where it listens, for scripts: one line."""
    print_json({"host": application.settings.host, **application.ports._asdict()})
    sys.stdout.flush()


def to_paste(host: str, client_port: int, internal_port: int) -> list[str]:
    """Three commands for a newcomer; the server is named where it is not the default."""
    recipients = _option(host, client_port, 8080)
    producers = _option(host, internal_port, 8081)
    return [
        f"{program()} listen --as ada{recipients}",
        f'{program()} send --to ada --title "Hello" --body "It works"{producers}',
        f"{program()} inbox --as ada{recipients}",
    ]


def _option(host: str, port: int, default: int) -> str:
    if host != "127.0.0.1":
        return f" --server {shlex.quote(authority(host, port))}"
    return "" if port == default else f" --server {port}"


def program() -> str:
    """How the user can call this program again."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return "python -m notify_grpc"
    return called.name if shutil.which(called.name) == str(called) else str(called)


def _where(settings: Settings) -> str:
    return f" ({settings.sqlite_path})" if settings.store_driver == "sqlite" else ""
