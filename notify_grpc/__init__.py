"""A notification service over gRPC; also usable in-process: ``Notifier(MemoryStore())`` needs no server.

Names are imported when they are first asked for, so that small commands start fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notify_grpc.core.commands import NotifyCommand, NotifyResult
    from notify_grpc.core.notifier import Notifier
    from notify_grpc.domain.models import Channel, Content, UserKey
    from notify_grpc.stores.memory import MemoryStore
    from notify_grpc.stores.postgres import PostgresStore
    from notify_grpc.stores.sqlite import SqliteStore

__all__ = [
    "Channel",
    "Content",
    "MemoryStore",
    "Notifier",
    "NotifyCommand",
    "NotifyResult",
    "PostgresStore",
    "SqliteStore",
    "UserKey",
]
_HOMES = {
    "Channel": "domain.models",
    "Content": "domain.models",
    "MemoryStore": "stores.memory",
    "Notifier": "core.notifier",
    "NotifyCommand": "core.commands",
    "NotifyResult": "core.commands",
    "PostgresStore": "stores.postgres",
    "SqliteStore": "stores.sqlite",
    "UserKey": "domain.models",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
