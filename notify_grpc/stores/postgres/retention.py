"""Removing what is old, and what a user wants forgotten."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from notify_grpc.domain.deliveries import ABANDONED, Delivery
from notify_grpc.domain.models import Channel, UserKey
from notify_grpc.ports.store import Erased
from notify_grpc.stores.postgres.arrays import Bigints, Texts, Uuids
from notify_grpc.stores.postgres.pool import Database, Rows, Statement
from notify_grpc.stores.postgres.queries import load
from notify_grpc.stores.postgres.rows import delivery, lock_of

_SQL = load("retention")
_REMOVE_DEVICES = load("devices")["remove_all"]
_ABANDON = load("deliveries")["abandon"]
_ABANDONED = dict(zip(("state", "error_class", "error_code"), map(str, ABANDONED), strict=True))
_BATCH = 500
_NIL = "00000000-0000-0000-0000-000000000000"


class Removal:
    """`Retention`."""

    _database: Database

    async def prune(self, created_before_ms: int, *, limit: int) -> int:
        pruned, after, before = 0, _NIL, _first_id(created_before_ms)
        while pruned < limit:
            rows = await self._database.read(_SQL["old"], after=after, before=before, limit=min(_BATCH, limit - pruned))
            if not rows:
                break
            pruned += (await self._remove([row[:3] for row in rows if not row[3]]))[0]
            after = rows[-1][0]
        return pruned

    async def abandon(self, created_before_ms: int, channels: Collection[Channel], *, limit: int) -> list[Delivery]:
        after, before, abandoned = _NIL, _first_id(created_before_ms), list[Delivery]()
        while len(abandoned) < limit:
            page = {"after": after, "before": before, "channels": Texts(channels), "limit": _BATCH}
            rows = await self._database.read(_SQL["unserved"], **page)
            if not rows:
                break
            ids = [id for row in rows for id in row[1]][: limit - len(abandoned)]
            if ids:
                [changed] = await self._database.write(Statement(_ABANDON, {"ids": Uuids(ids), **_ABANDONED}))
                abandoned += map(delivery, changed)
            after = rows[-1][0]
        return abandoned

    async def erase_user(self, user: UserKey) -> Erased:
        key = user._asdict()
        [devices] = await self._database.write(Statement(_REMOVE_DEVICES, key))
        notifications = deliveries = 0
        while True:
            rows = await self._database.read(_SQL["of_user"], limit=_BATCH, **key)
            if not rows:
                await self._database.write(_lock([user]), Statement(_SQL["remove_inbox"], key))
                return Erased(notifications, deliveries, len(devices))
            removed = await self._remove(rows)
            notifications, deliveries = notifications + removed[0], deliveries + removed[1]

    async def _remove(self, rows: Rows) -> tuple[int, int]:
        """Remove these (id, tenant_id, user_id); how many notifications and deliveries there were."""
        if not rows:
            return 0, 0
        users = sorted({row[1:] for row in rows})
        _, removed = await self._database.write(
            _lock(users),
            Statement(_SQL["remove"], {"ids": Uuids(row[0] for row in rows)}),
        )
        await self._remove_contents([row[:2] for row in removed if row[2]])
        return sum(row[3] for row in removed), removed[0][4] if removed else 0

    async def _remove_contents(self, keys: Sequence[tuple[Any, ...]]) -> None:
        """Remove these (call_key, content_hash) where no notification is left to say them."""
        if not keys:
            return
        call_keys, hashes = (Uuids(column) for column in zip(*keys, strict=True))
        await self._database.write(
            Statement(_SQL["lock_contents"], {"locks": Bigints(map(lock_of, hashes))}),
            Statement(_SQL["remove_contents"], {"call_keys": call_keys, "hashes": hashes}),
        )


def _lock(users: Sequence[tuple[str, ...]]) -> Statement:
    tenant_ids, user_ids = (Texts(column) for column in zip(*users, strict=True))
    return Statement(_SQL["lock_inboxes"], {"tenant_ids": tenant_ids, "user_ids": user_ids})


def _first_id(at_ms: int) -> str:
    """The lowest UUID of a millisecond: every UUIDv7 made before it is lower."""
    digits = f"{at_ms & 0xFFFF_FFFF_FFFF:012x}"
    return f"{digits[:8]}-{digits[8:]}-0000-0000-000000000000"
