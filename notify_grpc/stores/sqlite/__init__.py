"""The SQLite driver: WAL, every commit synced to disk, group commit, one serving process."""

from notify_grpc.stores.sqlite.migrations import migrate, plan
from notify_grpc.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore", "migrate", "plan"]
