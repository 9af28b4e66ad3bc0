"""The driver's SQL, kept in ``sql/*.sql`` as named, commented statements.

A statement starts at a line ``-- name: <name>``; ``{other}`` in it stands for the text of an earlier one of the same
file. Parameters are ``%(name)s``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_INCLUDE = re.compile(r"\{(\w+)\}")


def load(file: str) -> Mapping[str, bytes]:
    """The statements of ``sql/<file>.sql`` by name, without comments."""
    return MappingProxyType(parse((files(__package__) / "sql" / f"{file}.sql").read_text("utf-8")))


def parse(text: str) -> dict[str, bytes]:
    """As ``load``, from a text. Raises KeyError for an include not defined above, ValueError for a name used twice."""
    _, *parts = _NAME.split(text)
    statements: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if name in statements:
            raise ValueError(f"two statements are called {name}")
        lines = (line for line in body.splitlines() if line.strip() and not line.lstrip().startswith("--"))
        statements[name] = _INCLUDE.sub(lambda found: statements[found[1]], "\n".join(lines)).rstrip().rstrip(";")
    return {name: sql.encode() for name, sql in statements.items()}
