"""``notify-grpc send``: one Notify."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Annotated

import typer
from notify.v1 import internal_service_pb2 as pb
from notify.v1.notification_pb2 import DeliveryChannel, DeliveryStatus, ErrorClass

from notify_grpc.cli.connecting import producer_command
from notify_grpc.cli.failures import Exit
from notify_grpc.cli.text import Json, as_dict, name_of, one_line, print_json, seconds
from notify_grpc.cli.token import Tenant
from notify_grpc.client import NotifyClient
from notify_grpc.domain.models import Channel


@producer_command
async def send(
    client: NotifyClient,
    to: Annotated[list[str], typer.Option(help="A recipient's user id; may be repeated.")],
    title: Annotated[str, typer.Option(help="The title.")] = "",
    body: Annotated[str, typer.Option(help="The text.")] = "",
    tenant: Tenant = "demo",
    id: Annotated[str, typer.Option("--id", help="Idempotency key; a new one if absent.")] = "",
    channel: Annotated[
        list[Channel] | None,
        typer.Option(help="Beside the inbox; may be repeated. If absent: all with a provider."),
    ] = None,
    address: Annotated[
        list[str] | None,
        typer.Option(metavar="[USER.]CHANNEL=ADDRESS", help="Where a channel reaches a recipient; may be repeated."),
    ] = None,
    data: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Your own data; may be repeated.")] = None,
    subject: Annotated[str, typer.Option(metavar="[TYPE:]REF", help="What it is about.")] = "",
    expires_in: Annotated[
        float,
        typer.Option(
            parser=seconds, metavar="DURATION", help="Other channels give up after this time.", show_default=False
        ),
    ] = 0.0,
    queued: Annotated[bool, typer.Option("--queued", help="Do not wait for the first attempts.")] = False,
    as_json: Json = False,
) -> None:
    """Notify users. Exit code 6: stored, but a channel failed for good."""
    subject_type, _, subject_ref = subject.rpartition(":")
    request = pb.NotifyRequest(
        tenant_id=tenant,
        notification_id=id or str(uuid.uuid4()),
        user_ids=to,
        channels=[f"DELIVERY_CHANNEL_{c.name}" for c in channel or ()],
        subject_ref=subject_ref,
        subject_type=subject_type,
        title=title,
        body=body,
        data=dict(_pair(text, "--data") for text in data or ()),
        expires_at_ms=round((time.time() + expires_in) * 1_000) if expires_in else 0,
        dispatch=pb.DISPATCH_MODE_QUEUED if queued else pb.DISPATCH_MODE_INLINE,
        return_results=True,
    )
    for text in address or ():
        user, channel_name, target = _address(text, to)
        request.addresses[user].by_channel[channel_name] = target
    response = await client.notify(request)
    if as_json:
        print_json({"notification_id": request.notification_id, **as_dict(response)})
    else:
        _say(request.notification_id, response)
    if response.failed:
        raise typer.Exit(Exit.PARTIAL)


def _pair(text: str, option: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise typer.BadParameter(f"{text!r} is not KEY=VALUE", param_hint=option)
    return key, value


def _address(text: str, to: Sequence[str]) -> tuple[str, str, str]:
    """(user, channel, address) of ``ada.email=ada@example.com``; the user may be left out if there is only one."""
    key, target = _pair(text, "--address")
    user, _, channel = key.rpartition(".")
    if not user and len(to) > 1:
        raise typer.BadParameter(f"{text!r} does not say whose address it is", param_hint="--address")
    return user or to[0], channel, target


def _say(notification_id: str, response: pb.NotifyResponse) -> None:
    typer.echo(
        f"{notification_id}: {response.delivered} delivered, {response.pending} pending, {response.failed} failed"
        + (f", {response.duplicates} sent before" if response.duplicates else "")
    )
    for result in response.results:
        channels = [_channel(c) for c in result.channels]
        notes = ["sent before" * result.duplicate, "with another content" * result.content_mismatch]
        typer.echo(f"  {one_line(result.user_id)}  {result.id}  {', '.join([*channels, *filter(None, notes)])}")


def _channel(result: pb.ChannelResult) -> str:
    status = name_of(DeliveryStatus, result.status)
    colour = {"delivered": "green", "failed": "red"}.get(status, "yellow")
    why = name_of(ErrorClass, result.error_class) if result.error_class else name_of(pb.ChannelReason, result.reason)
    note = f" ({why})" if result.error_class or result.reason else ""
    return f"{name_of(DeliveryChannel, result.channel)} {typer.style(status, fg=colour)}{note}"
