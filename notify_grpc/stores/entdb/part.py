"""What the parts of the store share."""

from __future__ import annotations

from notify_grpc.stores.entdb.connection import Connection
from notify_grpc.stores.entdb.delivery_rows import Buckets
from notify_grpc.stores.entdb.heads import Heads
from notify_grpc.stores.entdb.server_time import StoreTime


class Part:
    """One part of the store over its connection."""

    def __init__(self, connection: Connection, time: StoreTime) -> None:
        self._connection = connection
        self._time = time
        self._heads = Heads(connection)
        self._buckets = Buckets(connection)
