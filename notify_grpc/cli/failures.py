"""What went wrong, for people and for scripts."""

from __future__ import annotations

import json
from enum import IntEnum

import typer

from notify_grpc.domain.errors import (
    InvalidArgument,
    NotFound,
    NotifyError,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)


class Exit(IntEnum):
    """Exit codes; a script may rely on them."""

    OK = 0
    ERROR = 1
    USAGE = 2
    """Wrong options, a wrong field, a wrong setting."""
    REFUSED = 3
    NOT_FOUND = 4
    UNAVAILABLE = 5
    """Trying again later may help."""
    PARTIAL = 6
    """Done, but something of it failed for good."""


_CODES: tuple[tuple[type[NotifyError], Exit], ...] = (
    (InvalidArgument, Exit.USAGE),
    (Unauthenticated, Exit.REFUSED),
    (PermissionDenied, Exit.REFUSED),
    (NotFound, Exit.NOT_FOUND),
    (ResourceExhausted, Exit.UNAVAILABLE),
    (Unavailable, Exit.UNAVAILABLE),
)


def exit_code(error: NotifyError) -> Exit:
    """The code of an error. One with ``problems`` is a wrong configuration."""
    if problems_of(error):
        return Exit.USAGE
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.ERROR)


def problems_of(error: NotifyError) -> list[str]:
    """The lines of a ConfigError, told by its shape: its module is slow to import."""
    return list(getattr(error, "problems", ()))


def report(error: NotifyError, *, as_json: bool) -> Exit:
    """Say it on stderr, a line per problem; the exit code."""
    code = exit_code(error)
    if as_json:
        typer.echo(json.dumps({"error": code.name.lower(), "problems": _lines(error)}), err=True)
        return code
    for line in _lines(error):
        typer.echo(f"{typer.style('error:', fg='red', bold=True)} {line}", err=True)
    if str(error).startswith("cannot connect"):
        typer.echo("Is it running? `notify-grpc serve` starts one; --server names another address.", err=True)
    return code


def _lines(error: NotifyError) -> list[str]:
    if isinstance(error, InvalidArgument):
        return [f"{violation.field}: {violation.description}" for violation in error.violations]
    return problems_of(error) or [str(error) or type(error).__name__]
