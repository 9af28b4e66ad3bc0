"""The EntDB driver: everything in storage tenants of an EntDB (tenant-shard-db) server; see docs/stores/entdb.md."""

from notify_grpc.stores.entdb.store import EntDBStore

__all__ = ["EntDBStore"]
