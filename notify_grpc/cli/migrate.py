"""``notify-grpc migrate``: the store's schema."""

from __future__ import annotations

import asyncio
from typing import Annotated, NamedTuple

import typer

from notify_grpc.cli.text import Json, print_json
from notify_grpc.config import Settings, load


class Step(NamedTuple):
    """One migration."""

    version: int
    name: str
    sql: str


def migrate(
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what would be applied, with its SQL; change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the store to this release's schema. Safe beside running servers and beside another migrate."""
    settings = load()
    steps = _sqlite(settings, plan) if settings.store_driver == "sqlite" else []
    if settings.store_driver == "postgres":
        steps = asyncio.run(_postgres(settings, plan))
    for step in steps:
        _say(step, plan=plan, as_json=as_json)
    if not (steps or as_json):
        typer.echo("nothing to do")


def _say(step: Step, *, plan: bool, as_json: bool) -> None:
    if as_json:
        print_json({"version": step.version, "name": step.name, "applied": not plan})
    else:
        typer.echo(f"{'would apply' if plan else 'applied'} {step.version:04} {step.name}")
        if plan:
            typer.echo(step.sql)


def _sqlite(settings: Settings, plan: bool) -> list[Step]:
    from notify_grpc.stores.sqlite import migrations

    found = (migrations.plan if plan else migrations.migrate)(settings.sqlite_path)
    return [Step(m.version, m.name, m.sql) for m in found]


async def _postgres(settings: Settings, plan: bool) -> list[Step]:
    from notify_grpc.app.stores import postgres_dsn
    from notify_grpc.stores.postgres import migrations

    dsn = postgres_dsn(settings)
    found = await (migrations.plan(dsn) if plan else migrations.migrate(dsn))
    return [Step(m.version, m.name, m.sql) for m in found]
