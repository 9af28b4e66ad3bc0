"""Push targets in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence

from notify_grpc.domain.deliveries import device_target
from notify_grpc.domain.models import Device, DeviceType, UserKey
from notify_grpc.ports.store import DeviceStore
from notify_grpc.stores.sqlite.database import Database
from notify_grpc.stores.sqlite.queries import load
from notify_grpc.stores.sqlite.rows import text_list
from notify_grpc.stores.sqlite.writer import Tx

_SQL = load("devices")


class SqliteDevices(Database, DeviceStore):
    """`DeviceStore`."""

    async def upsert_device(self, user: UserKey, device: Device, at_ms: int) -> None:
        await self._writer.run(_upsert, 1, user, device, at_ms)

    async def list_devices(self, tenant_id: str, user_ids: Collection[str]) -> Mapping[str, Sequence[Device]]:
        return await self._readers.run(_list, tenant_id, user_ids) if user_ids else {}

    async def remove_device(self, user: UserKey, device_type: DeviceType, device_id: str) -> bool:
        return await self._writer.run(_remove, 1, user, device_type, device_id)

    async def remove_token(self, user: UserKey, token: str) -> bool:
        return await self._writer.run(_remove_token, 1, user, token)


def _upsert(tx: Tx, user: UserKey, device: Device, at_ms: int) -> None:
    values = {
        "tenant_id": user.tenant_id,
        "device_type": str(device.device_type),
        "device_id": device.device_id,
        "token": device.token,
        "at_ms": at_ms,
        "now_ms": tx.now_ms,
    }
    holder = tx.db.execute(_SQL["holder"], values).fetchone()
    if holder and holder != (user.user_id, device.device_id):
        tx.db.execute(_SQL["remove"], values | {"user_id": holder[0], "device_id": holder[1]})
    if holder and holder[0] != user.user_id:
        target = device_target(device)
        values |= {"channel": str(target.channel), "target": target.address}
        tx.db.execute(_SQL["cancel"], values | {"user_id": holder[0]})
    tx.db.execute(_SQL["put"], values | {"user_id": user.user_id})


def _list(db: sqlite3.Connection, tenant_id: str, user_ids: Collection[str]) -> dict[str, list[Device]]:
    found: dict[str, list[Device]] = {}
    rows = db.execute(_SQL["list"], {"tenant_id": tenant_id, "user_ids": text_list(user_ids)})
    for user_id, device_type, device_id, token, at_ms in rows:
        found.setdefault(user_id, []).append(Device(DeviceType(device_type), device_id, token, at_ms))
    return found


def _remove(tx: Tx, user: UserKey, device_type: DeviceType, device_id: str) -> bool:
    values = {**user._asdict(), "device_type": str(device_type), "device_id": device_id}
    return tx.db.execute(_SQL["remove"], values).rowcount > 0


def _remove_token(tx: Tx, user: UserKey, token: str) -> bool:
    return tx.db.execute(_SQL["remove_token"], {**user._asdict(), "token": token}).rowcount > 0
