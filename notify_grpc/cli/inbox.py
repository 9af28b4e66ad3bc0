"""``notify-grpc inbox``, ``ack`` and ``read-all``: what a recipient does with what came."""

from __future__ import annotations

from typing import Annotated

import typer
from notify.v1.notification_pb2 import Notification

from notify_grpc.cli.connecting import recipient_command
from notify_grpc.cli.text import Json, local_time, one_line, print_json
from notify_grpc.client import InboxClient


@recipient_command
async def inbox(
    client: InboxClient,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Notifications of one page.")] = 20,
    cursor: Annotated[str, typer.Option(help="Where an earlier page ended.")] = "",
    unread: Annotated[bool, typer.Option("--unread", help="Only what is not read.")] = False,
    as_json: Json = False,
) -> None:
    """Show a page of the inbox, newest first."""
    page = await client.page(cursor=cursor, limit=limit, unread_only=unread)
    if as_json:
        print_json(page)
        return
    typer.echo(f"{page.unread_count} unread")
    for item in page.notifications:
        _say(item)
    if page.next_cursor:
        typer.echo(typer.style(f"more: --cursor {page.next_cursor}", dim=True))


def _say(item: Notification) -> None:
    mark = " " if item.read_at_ms else typer.style("*", fg="green", bold=True)
    text = f"{typer.style(one_line(item.title), bold=not item.read_at_ms)}  {one_line(item.body)}".rstrip()
    typer.echo(f"{mark} {local_time(item.created_at_ms)}  {item.id}  {text}")


@recipient_command
async def ack(
    client: InboxClient,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids as `inbox` shows them.")],
    as_json: Json = False,
) -> None:
    """Mark notifications read."""
    for id in ids:
        await client.ack(id)
        print_json({"id": id, "read": True}) if as_json else typer.echo(f"{one_line(id)} is read")


@recipient_command
async def read_all(client: InboxClient, as_json: Json = False) -> None:
    """Mark everything read."""
    marked = await client.mark_all_read()
    print_json({"marked": marked}) if as_json else typer.echo(f"{marked} marked read")
