"""All of the SQLite store."""

from __future__ import annotations

from notify_grpc.ports.store import Capabilities, Store
from notify_grpc.stores.sqlite.deliveries import SqliteDeliveries
from notify_grpc.stores.sqlite.devices import SqliteDevices
from notify_grpc.stores.sqlite.inboxes import SqliteInboxes
from notify_grpc.stores.sqlite.recovery import SqliteRecovery
from notify_grpc.stores.sqlite.retention import SqliteRetention

_CAPABILITIES = Capabilities(name="sqlite", durable=True, many_processes=False)


class SqliteStore(SqliteDeliveries, SqliteInboxes, SqliteDevices, SqliteRetention, SqliteRecovery, Store):
    """A durable store in one file, for one process: ``SqliteStore(path, clock)``."""

    @property
    def capabilities(self) -> Capabilities:
        return _CAPABILITIES
