"""``notify-grpc deliveries``: what became of notifications on other channels, and what to do about it."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import Annotated

import typer
from notify.v1 import internal_service_pb2 as pb
from notify.v1.notification_pb2 import Delivery, DeliveryChannel, DeliveryState, DeliveryStatus, ErrorClass

from notify_grpc.cli.connecting import producer_command
from notify_grpc.cli.text import Json, local_time, name_of, one_line, print_json, seconds, table
from notify_grpc.cli.token import Tenant
from notify_grpc.client import NotifyClient
from notify_grpc.domain import deliveries as domain
from notify_grpc.domain.models import Channel

group = typer.Typer(
    help="Deliveries over email, SMS and push.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)
_HEADINGS = ("ID", "CHANNEL", "STATE", "TENANT", "USER", "TARGET", "TRIES", "UPDATED", "WHY")


async def list_deliveries(
    client: NotifyClient,
    state: Annotated[list[domain.DeliveryState] | None, typer.Option(help="Only these; may be repeated.")] = None,
    channel: Annotated[list[Channel] | None, typer.Option(help="Only these; may be repeated.")] = None,
    tenant: Annotated[str, typer.Option(help="Only this tenant's.")] = "",
    older_than: Annotated[
        float,
        typer.Option(parser=seconds, metavar="DURATION", help="Only what was created longer ago.", show_default=False),
    ] = 0.0,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List deliveries, oldest first."""
    where = pb.ListDeliveriesRequest(
        tenant_id=tenant,
        states=[f"DELIVERY_STATE_{s.name}" for s in state or ()],
        channels=[f"DELIVERY_CHANNEL_{c.name}" for c in channel or ()],
        created_before_ms=round((time.time() - older_than) * 1_000) if older_than else 0,
        limit=min(limit, 100),
    )
    rows: list[Delivery] = []
    async with aclosing(client.deliveries(where)) as found:
        async for delivery in found:
            rows.append(delivery)
            if len(rows) == limit:
                break
    if as_json:
        for delivery in rows:
            print_json(delivery)
    else:
        table(_HEADINGS, map(_row, rows))


async def show(
    client: NotifyClient,
    notification_id: Annotated[str, typer.Argument(help="The producer's idempotency key.")],
    tenant: Tenant = "demo",
    user: Annotated[list[str] | None, typer.Option(help="Only this recipient; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Show what became of a notification: per recipient, each delivery and every attempt."""
    async with aclosing(client.get_status(tenant, notification_id, user_ids=user or ())) as recipients:
        async for recipient in recipients:
            print_json(recipient) if as_json else _say(recipient)


async def retry(
    client: NotifyClient,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Deliveries as `list` shows them.")],
    as_json: Json = False,
) -> None:
    """Make failed, parked, expired or cancelled deliveries due again."""
    for id in ids:
        delivery = await client.retry(id)
        print_json(delivery) if as_json else typer.echo(f"{id} is {_state(delivery.state)}")


group.command("list")(producer_command(list_deliveries))
group.command("show")(producer_command(show))
group.command("retry")(producer_command(retry))


def _row(delivery: Delivery) -> tuple[str, ...]:
    return (
        delivery.id,
        name_of(DeliveryChannel, delivery.channel),
        _state(delivery.state),
        one_line(delivery.tenant_id, 20),
        one_line(delivery.user_id, 20),
        one_line(delivery.target, 30),
        str(delivery.attempts),
        local_time(delivery.updated_at_ms),
        _why(delivery.last_error_class, delivery.last_error),
    )


def _say(recipient: pb.RecipientStatus) -> None:
    item = recipient.notification
    typer.echo(f"{one_line(recipient.user_id)}  {item.id}  in app {name_of(DeliveryStatus, item.status)}")
    for delivery in item.deliveries:
        typer.echo(
            f"  {name_of(DeliveryChannel, delivery.channel)} to {one_line(delivery.target)}  "
            f"{_state(delivery.state)}  {delivery.id}  {delivery.provider_message_id}".rstrip()
        )
        for attempt in delivery.attempt_log:
            note = " (lease lost)" if attempt.stale else ""
            typer.echo(
                f"    {local_time(attempt.at_ms)}  {attempt.provider or '-'}  {_state(attempt.state)}{note}  "
                f"{attempt.duration_ms} ms  {_why(attempt.error_class, attempt.error)}".rstrip()
            )


def _state(value: int) -> str:
    return name_of(DeliveryState, value)


def _why(error_class: int, error: str) -> str:
    return f"{name_of(ErrorClass, error_class)}: {one_line(error)}" if error_class else ""
