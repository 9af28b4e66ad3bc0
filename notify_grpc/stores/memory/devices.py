"""Push targets in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from notify_grpc.domain.clock import Clock
from notify_grpc.domain.deliveries import device_target
from notify_grpc.domain.models import Device, DeviceType, UserKey
from notify_grpc.stores.memory.delivery_rows import DeliveryRows

_Key = tuple[DeviceType, str]


class Devices(DeliveryRows):
    """`DeviceStore` over a dictionary per user, and who holds which token."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._devices: dict[UserKey, dict[_Key, Device]] = {}
        self._holders: dict[tuple[str, DeviceType, str], tuple[UserKey, str]] = {}
        """User and device_id by (tenant_id, device_type, token)."""

    async def upsert_device(self, user: UserKey, device: Device, at_ms: int) -> None:
        holding = (user.tenant_id, device.device_type, device.token)
        holder, device_id = self._holders.get(holding, (user, device.device_id))
        self._forget(holder, (device.device_type, device_id))
        if holder != user:
            self._cancel(holder, device_target(device))
        self._forget(user, (device.device_type, device.device_id))
        self._devices.setdefault(user, {})[device.device_type, device.device_id] = replace(device, updated_at_ms=at_ms)
        self._holders[holding] = (user, device.device_id)

    async def list_devices(self, tenant_id: str, user_ids: Collection[str]) -> Mapping[str, Sequence[Device]]:
        found = {user_id: self._devices.get(UserKey(tenant_id, user_id)) for user_id in user_ids}
        return {user_id: [devices[key] for key in sorted(devices)] for user_id, devices in found.items() if devices}

    async def remove_device(self, user: UserKey, device_type: DeviceType, device_id: str) -> bool:
        return self._forget(user, (device_type, device_id))

    async def remove_token(self, user: UserKey, token: str) -> bool:
        keys = [key for key, device in self._devices.get(user, {}).items() if device.token == token]
        for key in keys:
            self._forget(user, key)
        return bool(keys)

    def _forget(self, user: UserKey, key: _Key) -> bool:
        devices = self._devices.get(user, {})
        device = devices.pop(key, None)
        if device is None:
            return False
        del self._holders[user.tenant_id, device.device_type, device.token]
        if not devices:
            del self._devices[user]
        return True
