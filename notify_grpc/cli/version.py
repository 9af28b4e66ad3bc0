"""``notify-grpc version``."""

from __future__ import annotations

import platform
from importlib.metadata import version as installed

import typer

from notify_grpc.cli.text import Json, print_json


def version(as_json: Json = False) -> None:
    """Print the version."""
    found = {
        "notify-grpc": installed("notify-grpc"),
        "grpcio": installed("grpcio"),
        "python": platform.python_version(),
    }
    print_json(found) if as_json else typer.echo(", ".join(f"{name} {number}" for name, number in found.items()))
