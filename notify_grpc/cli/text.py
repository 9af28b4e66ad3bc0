"""What commands print: JSON for scripts, short lines for people, colours only where they are seen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


def seconds(text: str | float) -> float:
    """A duration option (``90s``, ``5m``) in seconds."""
    from notify_grpc.config import parse_duration  # slow to import, and needed only where such an option is given

    try:
        return float(parse_duration(text))  # type: ignore[arg-type]  # a number, or the ValueError below
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a duration like 30s, 5m or 12h") from None


def first(listed: str) -> str:
    """The first of a list as settings read it, empty parts left out: the current one of secrets that are rotated."""
    return next(filter(None, map(str.strip, listed.split(","))), "")


def print_json(value: Any) -> None:
    """One line of JSON; a protobuf message by its JSON mapping, fields named as in protos/ and none left out."""
    typer.echo(json.dumps(as_dict(value) if hasattr(value, "DESCRIPTOR") else value, ensure_ascii=False))


def as_dict(message: Any) -> dict[str, Any]:
    """A protobuf message as print_json shows it."""
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def one_line(text: str, longest: int = 80) -> str:
    """Text of a stranger for a terminal: no control characters (they could move the cursor), one line, not too long."""
    plain = "".join(c if c.isprintable() else " " for c in text).strip()
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def local_time(at_ms: int) -> str:
    """A time for people, in their own zone; ``-`` for none."""
    if not at_ms:
        return "-"
    return datetime.fromtimestamp(at_ms / 1_000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def name_of(enum: Any, value: int) -> str:
    """``DELIVERY_STATUS_READ`` as ``read``; the number of a value newer than this program."""
    if value not in enum.values():
        return str(value)
    prefix = str(enum.Name(0)).lower().removesuffix("unspecified")
    return str(enum.Name(value)).lower().removeprefix(prefix).replace("_", " ")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows in columns as wide as their content."""
    lines = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headings))]
    for number, line in enumerate(lines):
        padded = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        typer.echo(padded if number else typer.style(padded, dim=True))
