"""A notification service over gRPC; also usable in-process: ``Notifier(MemoryStore())`` needs no server."""
