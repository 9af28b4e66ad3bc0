"""What an operator does to restored data."""

from __future__ import annotations

from notify_grpc.stores.postgres.pool import Database, Statement
from notify_grpc.stores.postgres.queries import load

_RENEW = load("recovery")["renew_epochs"]
_BATCH = 1_000


class Recovery:
    """`ports.store.Recovery`."""

    _database: Database

    async def renew_epochs(self) -> int:
        renewed, last = 0, ("", "")
        while True:
            page = {"after_tenant": last[0], "after_user": last[1], "limit": _BATCH}
            [users] = await self._database.write(Statement(_RENEW, page))
            if not users:
                return renewed
            renewed += len(users)
            last = max(users)
