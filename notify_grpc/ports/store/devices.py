"""Where pushes go."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from notify_grpc.domain.models import Device, DeviceType, UserKey


class DeviceStore(Protocol):
    """Push targets."""

    async def upsert_device(self, user: UserKey, device: Device, at_ms: int) -> None:
        """Replace the user's device of the same (device_type, device_id), or add it.

        If another user of the tenant holds the same (device_type, token), they lose it and their open deliveries
        to it (domain.deliveries.device_target) are CANCELLED, unless they are being sent right now.
        """
        ...

    async def list_devices(self, tenant_id: str, user_ids: Collection[str]) -> Mapping[str, Sequence[Device]]:
        """Devices of many users, by (device_type, device_id); users without any are missing."""
        ...

    async def remove_device(self, user: UserKey, device_type: DeviceType, device_id: str) -> bool:
        """Forget a device; whether there was one."""
        ...

    async def remove_token(self, user: UserKey, token: str) -> bool:
        """Forget the user's device that has this token (the provider says it is gone); whether there was one."""
        ...
