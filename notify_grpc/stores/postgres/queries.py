"""The driver's statements as psycopg takes them; their parameters are ``%(name)s``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from notify_grpc.stores.sql_files import load_statements


def load(file: str) -> Mapping[str, bytes]:
    """The statements of ``sql/<file>.sql`` by name; they may include parts of ``sql/content.sql``."""
    statements = load_statements(__package__, "content", file)
    return MappingProxyType({name: sql.encode() for name, sql in statements.items()})
