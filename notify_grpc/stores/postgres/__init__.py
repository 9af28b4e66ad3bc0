"""The PostgreSQL driver: durable, for any number of instances (docs/adr/0006-postgres-set-based-writes.md)."""

from notify_grpc.stores.postgres.errors import is_dsn
from notify_grpc.stores.postgres.migrations import migrate, plan
from notify_grpc.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore", "is_dsn", "migrate", "plan"]
