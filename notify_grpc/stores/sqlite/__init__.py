"""The SQLite driver: WAL, every commit synced to disk, group commit, one serving process."""

from notify_grpc.stores.sqlite.migrations import Migration, migrate, plan
from notify_grpc.stores.sqlite.store import SqliteStore

__all__ = ["Migration", "SqliteStore", "migrate", "plan"]
