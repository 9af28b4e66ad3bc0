"""``notify-grpc listen``: a recipient's live events."""

from __future__ import annotations

from contextlib import aclosing
from typing import Annotated

import typer
from notify.v1 import client_service_pb2 as pb

from notify_grpc.cli.connecting import recipient_command
from notify_grpc.cli.text import Json, local_time, name_of, one_line, print_json
from notify_grpc.client import InboxClient
from notify_grpc.domain.errors import NotifyError


@recipient_command
async def listen(
    client: InboxClient,
    after: Annotated[str, typer.Option("--after", metavar="CURSOR", help="Start after this event, not live.")] = "",
    count: Annotated[int, typer.Option(min=0, help="Stop after so many notifications and changes; 0 never.")] = 0,
    as_json: Json = False,
) -> None:
    """Show events as they come, across reconnects, until Ctrl-C. With --json every event, its cursor too."""
    seen = 0
    async with aclosing(client.stream(resume_after=after, on_lost=_say_lost)) as events:
        async for event in events:
            print_json(event) if as_json else _say(event)
            seen += event.WhichOneof("event") in ("notification", "data_change")
            if count and seen >= count:
                return


def _say_lost(error: NotifyError | None) -> None:
    typer.echo(typer.style(f"connecting again: {error or 'the server closed the stream'}", dim=True), err=True)


def _say(event: pb.StreamEvent) -> None:
    kind = event.WhichOneof("event")
    if kind == "notification":
        item = event.notification.notification
        state = typer.style("read", dim=True) if item.read_at_ms else typer.style("new", fg="green", bold=True)
        text = f"{typer.style(one_line(item.title), bold=True)}  {one_line(item.body)}".rstrip()
        typer.echo(f"{local_time(item.created_at_ms)}  {state}  {text}  ({event.unread_count} unread, id {item.id})")
    elif kind == "data_change":
        change = event.data_change
        what = f"{one_line(change.subject_type)} {one_line(change.subject_ref)}"
        typer.echo(f"changed: {what} ({one_line(change.idempotency_key)})")
    elif kind == "resync":
        reason = name_of(pb.ResyncReason, event.resync.reason)
        typer.echo(f"out of date ({reason}): read the inbox anew", err=True)
    elif kind == "caught_up":
        typer.echo(typer.style(f"listening, {event.unread_count} unread", dim=True), err=True)
