"""A driver's SQL beside it: ``sql/*.sql`` are named, commented statements, ``sql/migrations/NNNN_name.sql`` steps.

A statement starts at a line ``-- name: <name>``; ``{other}`` in it stands for the text of an earlier one of the same
file.
"""

from __future__ import annotations

import re
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_INCLUDE = re.compile(r"\{(\w+)\}")


def load_statements(package: str, *names: str) -> dict[str, str]:
    """The statements of the package's ``sql/<name>.sql`` by name, without comments, as if they were one file."""
    return parse_statements("\n".join((files(package) / "sql" / f"{name}.sql").read_text("utf-8") for name in names))


def parse_statements(text: str) -> dict[str, str]:
    """As ``load_statements``. Raises KeyError for an include not defined above, ValueError for a name used twice."""
    _, *parts = _NAME.split(text)
    statements: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if name in statements:
            raise ValueError(f"two statements are called {name}")
        lines = (line for line in body.splitlines() if line.strip() and not line.lstrip().startswith("--"))
        statements[name] = _INCLUDE.sub(lambda found: statements[found[1]], "\n".join(lines)).rstrip().rstrip(";")
    return statements


class Migration(NamedTuple):
    """One numbered step."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return sha256(self.sql.encode()).hexdigest()


def load_migrations(package: str) -> list[Migration]:
    """The package's migrations, in order."""
    found = []
    for file in (files(package) / "sql" / "migrations").iterdir():
        if file.name.endswith(".sql"):
            number, _, name = file.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(number), name, file.read_text("utf-8")))
    return sorted(found)
