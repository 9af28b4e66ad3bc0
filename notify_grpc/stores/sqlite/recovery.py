"""Recovery in SQLite."""

from __future__ import annotations

from notify_grpc.ports.store import Recovery
from notify_grpc.stores.sqlite.database import Database
from notify_grpc.stores.sqlite.queries import load
from notify_grpc.stores.sqlite.writer import Tx

_RENEW = load("recovery")["renew_epochs"]
_BATCH = 1_000


class SqliteRecovery(Database, Recovery):
    """`Recovery`."""

    async def renew_epochs(self) -> int:
        renewed = after = 0
        while numbers := await self._writer.run(_renew, _BATCH, after):
            renewed += len(numbers)
            after = max(numbers)
        return renewed


def _renew(tx: Tx, after: int) -> list[int]:
    return [number for (number,) in tx.db.execute(_RENEW, {"after": after, "limit": _BATCH})]
