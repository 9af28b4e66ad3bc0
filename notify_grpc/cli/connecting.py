"""Commands that speak to a server: their common options, and the client these make."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import grpc
import typer

from notify_grpc.cli.servers import ListenHost, ProducerServer, RecipientServer, address
from notify_grpc.cli.text import first
from notify_grpc.cli.token import Audience, Issuer, Secret, Tenant, User, mint
from notify_grpc.client import InboxClient, NotifyClient
from notify_grpc.domain.errors import InvalidArgument

P = ParamSpec("P")
Tls = Annotated[bool, typer.Option("--tls", envvar="NOTIFY_TLS", help="Speak TLS.")]
CaFile = Annotated[
    Path | None, typer.Option("--ca", envvar="NOTIFY_CA_FILE", help="PEM file of the CA to trust; implies --tls.")
]
InternalToken = Annotated[
    str, typer.Option("--token", envvar="NOTIFY_INTERNAL_TOKEN", help="The internal token; the first of several.")
]
RecipientToken = Annotated[
    str, typer.Option("--token", envvar="NOTIFY_CLIENT_TOKEN", help="The recipient's token; made from --as if absent.")
]


def _credentials(tls: bool, ca: Path | None) -> grpc.ChannelCredentials | None:
    if ca is None:
        return grpc.ssl_channel_credentials() if tls else None
    try:
        return grpc.ssl_channel_credentials(ca.read_bytes())
    except OSError as error:
        raise InvalidArgument("--ca", error.strerror or "cannot be read") from error


def _producer(
    server: ProducerServer = "8081",
    listen_host: ListenHost = "",
    token: InternalToken = "",
    tls: Tls = False,
    ca: CaFile = None,
) -> NotifyClient:
    return NotifyClient(
        address(server, listen_host), token=first(token), credentials=_credentials(tls, ca), timeout_s=30.0
    )


def _recipient(
    user: User = "",
    tenant: Tenant = "demo",
    server: RecipientServer = "8080",
    listen_host: ListenHost = "",
    token: RecipientToken = "",
    secret: Secret = "",
    issuer: Issuer = "",
    audience: Audience = "",
    tls: Tls = False,
    ca: CaFile = None,
) -> InboxClient:
    if not (user or token):
        raise InvalidArgument("--as", "say whose inbox it is, or give a --token")

    def fresh() -> str:
        return token or mint(user, tenant, secret=secret, issuer=issuer, audience=audience)

    return InboxClient(address(server, listen_host), token=fresh, credentials=_credentials(tls, ca), timeout_s=30.0)


def producer_command(command: Callable[Concatenate[NotifyClient, P], Awaitable[None]]) -> Callable[..., None]:
    """A command with a producer's connection options; it gets the client."""
    return _joined(command, _producer)


def recipient_command(command: Callable[Concatenate[InboxClient, P], Awaitable[None]]) -> Callable[..., None]:
    """A command with a recipient's connection options; it gets the client."""
    return _joined(command, _recipient)


def _joined(command: Callable[..., Awaitable[None]], connect: Callable[..., Any]) -> Callable[..., None]:
    """A function with the parameters of both, as Typer wants to see them."""
    own = [*inspect.signature(command, eval_str=True).parameters.values()][1:]
    shared = [*inspect.signature(connect, eval_str=True).parameters.values()]

    async def call(given: dict[str, Any]) -> None:
        async with connect(**{p.name: given.pop(p.name) for p in shared}) as client:
            await command(client, **given)

    def run(**given: Any) -> None:
        asyncio.run(call(given))

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *shared)]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect looks for (PEP 362)
    return run
