"""Push targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from notify_grpc.domain.deliveries import device_target
from notify_grpc.domain.models import Device, DeviceType, UserKey
from notify_grpc.stores.postgres.arrays import Texts
from notify_grpc.stores.postgres.pool import Database, Statement
from notify_grpc.stores.postgres.queries import load

_SQL = load("devices")


class Devices:
    """`DeviceStore`."""

    _database: Database

    async def upsert_device(self, user: UserKey, device: Device, at_ms: int) -> None:
        target = device_target(device)
        params: dict[str, Any] = {
            **user._asdict(),
            "device_type": device.device_type.value,
            "device_id": device.device_id,
            "token": device.token,
            "channel": target.channel.value,
            "target": target.address,
            "at_ms": at_ms,
        }
        await self._database.write(*(Statement(_SQL[name], params) for name in ("lock_token", "take_token", "upsert")))

    async def list_devices(self, tenant_id: str, user_ids: Collection[str]) -> Mapping[str, Sequence[Device]]:
        rows = await self._database.read(_SQL["list"], tenant_id=tenant_id, user_ids=Texts(user_ids))
        devices: dict[str, list[Device]] = {}
        for user_id, device_type, *rest in rows:
            devices.setdefault(user_id, []).append(Device(DeviceType(device_type), *rest))
        return devices

    async def remove_device(self, user: UserKey, device_type: DeviceType, device_id: str) -> bool:
        return await self._forget("remove", user, device_type=device_type.value, device_id=device_id)

    async def remove_token(self, user: UserKey, token: str) -> bool:
        return await self._forget("remove_token", user, token=token)

    async def _forget(self, statement: str, user: UserKey, **which: str) -> bool:
        [removed] = await self._database.write(Statement(_SQL[statement], user._asdict() | which))
        return bool(removed)
