"""The store in this process's memory: for tests and demos, and the reference for every other driver."""

from notify_grpc.stores.memory.store import MemoryStore

__all__ = ["MemoryStore"]
