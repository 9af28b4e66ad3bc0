"""``notify-grpc providers``: the external channels' backends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import typer

from notify_grpc.app.providers import make_providers
from notify_grpc.cli.failures import Exit
from notify_grpc.cli.text import Json, one_line, print_json
from notify_grpc.config import load
from notify_grpc.domain.errors import NotifyError, Unimplemented
from notify_grpc.ports.provider import Provider

group = typer.Typer(
    help="Backends of email, SMS and push.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


@group.callback()
def _group() -> None:
    """Backends of email, SMS and push."""


@group.command()
def check(as_json: Json = False) -> None:
    """Ask each configured provider whether our credentials hold; nothing is sent. Exit code 1 if one says no."""
    providers = make_providers(load())
    answers = asyncio.run(_ask(providers))
    for provider, (state, why) in zip(providers, answers, strict=True):
        if as_json:
            print_json({"channel": provider.channel.value, "provider": provider.name, "state": state, "why": why})
        else:
            colour = {"ok": "green", "failed": "red"}.get(state, "yellow")
            typer.echo(
                f"{provider.channel.value:<12} {provider.name:<9} {typer.style(state, fg=colour)}  {why}".rstrip()
            )
    if not (providers or as_json):
        typer.echo("no provider is configured: NOTIFY_EMAIL_PROVIDER, NOTIFY_SMS_PROVIDER …")
    if any(state == "failed" for state, _ in answers):
        raise typer.Exit(Exit.ERROR)


async def _ask(providers: Sequence[Provider]) -> list[tuple[str, str]]:
    return await asyncio.gather(*(_ask_one(provider) for provider in providers))


async def _ask_one(provider: Provider) -> tuple[str, str]:
    try:
        await provider.open()
        async with asyncio.timeout(provider.timeout_s):
            problem = await provider.check()
    except Unimplemented:
        return "unknown", "this provider cannot be asked"
    except (NotifyError, OSError, TimeoutError) as error:
        return "failed", one_line(str(error) or type(error).__name__, 200)
    finally:
        await provider.close()
    return ("failed", one_line(problem, 200)) if problem else ("ok", "")
