"""``notify-grpc store``: what an operator does to what is stored, without a server."""

from __future__ import annotations

import asyncio

import typer

from notify_grpc.app.stores import make_store
from notify_grpc.cli.text import Json, print_json
from notify_grpc.config import load
from notify_grpc.domain.clock import SystemClock
from notify_grpc.domain.errors import FailedPrecondition
from notify_grpc.ports.store import Store

_HELP = "The configured store itself, without a server."
group = typer.Typer(help=_HELP, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@group.callback(help=_HELP)
def _group() -> None:
    """Makes it a group though it has one command."""


@group.command()
def renew_epochs(as_json: Json = False) -> None:
    """Once on restored data, before the service starts: clients that saw more than was restored read anew."""
    renewed = asyncio.run(_renew(make_store(load(), SystemClock())))
    print_json({"inboxes": renewed}) if as_json else typer.echo(f"inboxes with a new epoch: {renewed}")


async def _renew(store: Store) -> int:
    if not store.capabilities.durable:
        raise FailedPrecondition(f"the {store.capabilities.name} store keeps nothing that could be restored")
    try:
        await store.open()
        return await store.renew_epochs()
    finally:
        await store.close()
