"""Where a command finds its server: the options that say so."""

from __future__ import annotations

from typing import Annotated

import typer

from notify_grpc.domain.addresses import authority, plain_host, reached_at

_HELP = "host:port, or a port of this host."
ProducerServer = Annotated[
    str, typer.Option("--server", envvar=["NOTIFY_INTERNAL_ADDRESS", "NOTIFY_INTERNAL_PORT"], help=_HELP)
]
RecipientServer = Annotated[
    str, typer.Option("--server", envvar=["NOTIFY_CLIENT_ADDRESS", "NOTIFY_CLIENT_PORT"], help=_HELP)
]
ListenHost = Annotated[
    str, typer.Option("--listen-host", envvar="NOTIFY_LISTEN_HOST", hidden=True, help="What a port alone belongs to.")
]


def address(server: str, listen_host: str) -> str:
    """``host:port`` of an address that may be a port alone: then of the service that listens here."""
    return authority(reached_at(plain_host(listen_host)), server) if server.isdigit() else server
