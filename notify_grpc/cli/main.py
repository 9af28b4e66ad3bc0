"""Every command and where it lives; nothing of it is imported before it runs, so that a health probe is quick."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from notify_grpc.cli.failures import report
from notify_grpc.domain.errors import NotifyError

COMMANDS = {
    "serve": "serving:serve",
    "demo": "demo:demo",
    "send": "send:send",
    "listen": "listen:listen",
    "inbox": "inbox:inbox",
    "ack": "inbox:ack",
    "read-all": "inbox:read_all",
    "token": "token:token",
    "deliveries": "deliveries:group",
    "providers": "providers:group",
    "migrate": "migrate:migrate",
    "store": "store:group",
    "config": "settings:group",
    "health": "health:health",
    "version": "version:version",
}
"""Command → module:name under notify_grpc/cli; a function is a command, a Typer is a group of them."""


class LazyCommands(TyperGroup):
    """Looks commands up in COMMANDS."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        found = getattr(import_module(f"notify_grpc.cli.{module}"), name)
        if not isinstance(found, typer.Typer):
            command, found = found, _plain_typer()
            found.command(cmd_name)(command)
        built = typer.main.get_command(found)
        built.name = cmd_name
        return built

    def invoke(self, ctx: Any) -> Any:
        """Expected errors become a line on stderr and an exit code, never a traceback."""
        try:
            return super().invoke(ctx)
        except NotifyError as error:
            ctx.exit(report(error, as_json="--json" in sys.argv))


def _plain_typer(**options: Any) -> typer.Typer:
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **options)


app = _plain_typer(cls=LazyCommands, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]})


@app.callback()
def _root(
    context: typer.Context,
    no_color: Annotated[str, typer.Option(envvar="NO_COLOR", hidden=True, help="Any value: no colours.")] = "",
) -> None:
    """Notifications over gRPC: a durable inbox per user, live streams, and delivery over email, SMS and push.

    Exit codes: 0 done, 1 error, 2 wrong usage or a wrong field, 3 not allowed, 4 not found, 5 unavailable (try again),
    6 done in part.
    """
    if no_color:
        context.color = False


def main() -> None:
    """Run the command line."""
    app()
