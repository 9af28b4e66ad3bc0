"""All of the PostgreSQL store: the parts and the life cycle."""

from __future__ import annotations

from notify_grpc.ports.store import Capabilities, Store
from notify_grpc.stores.postgres import migrations
from notify_grpc.stores.postgres.create import Creation
from notify_grpc.stores.postgres.deliveries import Deliveries
from notify_grpc.stores.postgres.devices import Devices
from notify_grpc.stores.postgres.inboxes import Inboxes
from notify_grpc.stores.postgres.pool import Database
from notify_grpc.stores.postgres.queue import Queue
from notify_grpc.stores.postgres.recovery import Recovery
from notify_grpc.stores.postgres.retention import Removal

_CAPABILITIES = Capabilities(name="postgres", durable=True, many_processes=True)


class PostgresStore(Creation, Inboxes, Devices, Queue, Deliveries, Removal, Recovery, Store):
    """Over a pool of connections.

    ``dsn`` is a libpq connection string or URL. ``automigrate=False`` only checks the schema at ``open``. With
    ``pgbouncer``, nothing is kept in a session between transactions, neither prepared statements nor settings
    (PgBouncer's transaction mode).
    """

    def __init__(
        self,
        dsn: str,
        *,
        automigrate: bool = True,
        pool_min: int = 2,
        pool_max: int = 10,
        pgbouncer: bool = False,
    ) -> None:
        super().__init__(Database(dsn, pool_min=pool_min, pool_max=pool_max, pgbouncer=pgbouncer))
        self._dsn = dsn
        self._automigrate = automigrate

    @property
    def capabilities(self) -> Capabilities:
        return _CAPABILITIES

    async def open(self) -> None:
        await (migrations.migrate if self._automigrate else migrations.check)(self._dsn)
        await self._database.open()

    async def close(self) -> None:
        await self._creating.close()
        await self._database.close()

    async def ping(self) -> None:
        await self._database.ping()
