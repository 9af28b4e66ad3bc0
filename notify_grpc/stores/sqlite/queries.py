"""The driver's statements as sqlite3 takes them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from notify_grpc.stores.sql_files import load_statements


def load(file: str) -> Mapping[str, str]:
    """The statements of ``sql/<file>.sql`` by name."""
    return MappingProxyType(load_statements(__package__, file))
