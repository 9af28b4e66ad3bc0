"""``notify-grpc demo``: the whole way of one notification, for real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any

import typer

from notify_grpc.app import Application
from notify_grpc.cli.text import one_line
from notify_grpc.cli.token import mint
from notify_grpc.client import InboxClient, NotifyClient, NotifyRequest, StreamEvent
from notify_grpc.config import IsolatedSettings, Settings

_PATIENCE_S = 10.0


def demo() -> None:
    """Start a service of its own, send a notification, see it arrive, read it, and look at the inbox."""
    with TemporaryDirectory(prefix="notify-demo-") as folder:
        asyncio.run(_demo(_settings(Path(folder) / "notify.db")))


def _settings(path: Path) -> Settings:
    """Whatever the environment says: own ports, an own file, own secrets, no provider."""
    own: dict[str, Any] = {
        "listen_host": "127.0.0.1",
        "client_port": 0,
        "internal_port": 0,
        "metrics_port": 0,
        "sqlite_path": str(path),
        "auth_jwt_secret": token_hex(32),
        "internal_token": token_hex(16),
        "shutdown_spread": 0.0,
    }
    return IsolatedSettings(**own)


async def _demo(settings: Settings) -> None:
    application = Application(settings)
    await application.start()
    try:
        ports = application.ports
        _step(f"started on ports {ports.client} (recipients) and {ports.internal} (producers), store: SQLite")
        producer = NotifyClient(f"127.0.0.1:{ports.internal}", token=settings.internal_token[0].get_secret_value())
        ada = mint("ada", "demo", secret=settings.auth_jwt_secret[0].get_secret_value())
        recipient = InboxClient(f"127.0.0.1:{ports.client}", token=ada)
        async with producer, recipient, aclosing(recipient.stream()) as events:
            await _follow(producer, recipient, events)
    finally:
        await application.stop()
    _step("stopped")


async def _follow(producer: NotifyClient, recipient: InboxClient, events: AsyncIterator[StreamEvent]) -> None:
    event = await _next(events, "caught_up")
    _step(f"ada opened a stream: {event.unread_count} unread")

    request = NotifyRequest(
        tenant_id="demo", notification_id="order-1", user_ids=["ada"], title="Your order", body="It has left the house"
    )
    response = await producer.notify(request)
    _step(f"a producer called Notify: {response.delivered} delivered, {response.pending} pending")

    event = await _next(events, "notification")
    item = event.notification.notification
    _step(f"ada's stream got “{one_line(item.title)}: {one_line(item.body)}”: {event.unread_count} unread")

    page = await recipient.page()
    _step(f"ada's inbox has {len(page.notifications)}: {page.unread_count} unread")

    await recipient.ack(item.id)
    event = await _next(events, "notification")
    _step(f"ada read it, and her other devices know: {event.unread_count} unread")

    again = await producer.notify(request)
    _step(f"the producer repeated the call: {again.duplicates} sent before, nothing sent again")


async def _next(events: AsyncIterator[StreamEvent], kind: str) -> StreamEvent:
    async with asyncio.timeout(_PATIENCE_S):
        async for event in events:
            if event.WhichOneof("event") == kind:
                return event
    raise AssertionError("a stream does not end by itself")


def _step(text: str) -> None:
    typer.echo(f"{typer.style('•', fg='cyan')} {text}")
