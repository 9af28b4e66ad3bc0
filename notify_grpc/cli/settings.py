"""``notify-grpc config``: what the environment says."""

from __future__ import annotations

from typing import Any

import typer

from notify_grpc.app.providers import make_callbacks, make_providers, make_webhook
from notify_grpc.app.stores import postgres_bus_dsn, postgres_dsn
from notify_grpc.cli.text import Json, print_json, table
from notify_grpc.config import load, masked

group = typer.Typer(
    help="The server's settings, read from the environment.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@group.command()
def check(as_json: Json = False) -> None:
    """Check the environment. Exit code 2, and a line for every problem, if the server would not start with it."""
    settings = load()
    make_providers(settings)
    make_callbacks(settings)
    make_webhook(settings)
    if settings.bus == "postgres":
        postgres_bus_dsn(settings)
    if settings.store_driver == "postgres":
        postgres_dsn(settings)
    print_json({"ok": True}) if as_json else typer.echo("ok")


@group.command()
def show(as_json: Json = False) -> None:
    """Show every setting in force; secrets are masked."""
    values = masked(load())
    if as_json:
        print_json(values)
    else:
        table(("VARIABLE", "VALUE"), ((name, _text(value)) for name, value in values.items()))


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
