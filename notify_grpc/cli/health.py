"""``notify-grpc health``: the probe of a container that has no other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import grpc
import typer
from grpc_health.v1 import health_pb2, health_pb2_grpc

from notify_grpc.cli.failures import Exit
from notify_grpc.cli.servers import ListenHost, RecipientServer, address
from notify_grpc.cli.text import Json, print_json


def health(
    service: Annotated[str, typer.Option(help='"readiness", "liveness", a service\'s full name, or "".')] = "readiness",
    server: RecipientServer = "8080",
    listen_host: ListenHost = "",
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds.")] = 3.0,
    tls: Annotated[bool, typer.Option("--tls", envvar="NOTIFY_TLS", help="Speak TLS.")] = False,
    ca: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, envvar="NOTIFY_CA_FILE", help="PEM file of the CA; implies --tls."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask grpc.health.v1 whether the server serves. Exit code 0 if it does, else 1."""
    target = address(server, listen_host)
    secure = ca is not None or tls
    credentials = grpc.ssl_channel_credentials(ca.read_bytes() if ca else None)
    with grpc.secure_channel(target, credentials) if secure else grpc.insecure_channel(target) as channel:
        status = _ask(channel, service, timeout)
    print_json({"service": service, "status": status}) if as_json else typer.echo(status)
    if status != "SERVING":
        raise typer.Exit(Exit.ERROR)


def _ask(channel: grpc.Channel, service: str, timeout_s: float) -> str:
    """The service's status, or the status code of a probe that failed."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    try:
        reply = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=timeout_s)
    except grpc.RpcError as error:
        return str(error.code().name)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status))
