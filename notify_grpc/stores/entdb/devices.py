"""Push targets: `DeviceStore`. A unique key per token keeps it with one owner."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from notify_grpc.domain.deliveries import device_target
from notify_grpc.domain.models import Device, DeviceType, UserKey
from notify_grpc.stores.entdb import moves
from notify_grpc.stores.entdb.attempts import Attempts
from notify_grpc.stores.entdb.connection import Conflict
from notify_grpc.stores.entdb.delivery_rows import holder, read_row
from notify_grpc.stores.entdb.keys import key, of_user
from notify_grpc.stores.entdb.nodes import EQ, Node, Value, create, delete, dumps, update, where
from notify_grpc.stores.entdb.part import Part
from notify_grpc.stores.entdb.schema import DOC, KEY, DeliveryField, DeviceField, Type


class _DeviceRow(NamedTuple):
    node: Node
    user: UserKey
    device: Device


class Devices(Part):
    """One node per device."""

    async def upsert_device(self, user: UserKey, device: Device, at_ms: int) -> None:
        """See `DeviceStore`."""
        fields = _fields(user, device, at_ms)
        async for _ in Attempts():
            mine = await self._connection.find(Type.DEVICE, KEY, str(fields[KEY]))
            held = await self._connection.find(Type.DEVICE, DeviceField.TOKEN, str(fields[DeviceField.TOKEN]))
            operations: list[Any] = []
            if held is not None and (mine is None or held.id != mine.id):
                operations += delete(held)
                if (other := _read(held).user) != user:
                    operations += await self._cancel(other, device)
            operations.append(create(Type.DEVICE, fields) if mine is None else update(mine, fields))
            try:
                await self._connection.commit(operations)
            except Conflict:
                continue
            return

    async def list_devices(self, tenant_id: str, user_ids: Collection[str]) -> Mapping[str, Sequence[Device]]:
        """See `DeviceStore`."""
        users = list(dict.fromkeys(user_ids))
        rows = await asyncio.gather(*(self._devices_of(UserKey(tenant_id, user_id)) for user_id in users))
        return {user: [_read(node).device for node in nodes] for user, nodes in zip(users, rows, strict=True) if nodes}

    async def remove_device(self, user: UserKey, device_type: DeviceType, device_id: str) -> bool:
        """See `DeviceStore`."""
        async for _ in Attempts():
            node = await self._connection.find(Type.DEVICE, KEY, of_user(user, device_type, device_id))
            if node is None:
                return False
            if await self._removed_devices([node]):
                return True
        raise AssertionError("Attempts end by raising")

    async def remove_token(self, user: UserKey, token: str) -> bool:
        """See `DeviceStore`."""
        async for _ in Attempts():
            nodes = [node for node in await self._devices_of(user) if _read(node).device.token == token]
            if not nodes:
                return False
            if await self._removed_devices(nodes):
                return True
        raise AssertionError("Attempts end by raising")

    async def _devices_of(self, user: UserKey) -> list[Node]:
        """A user's devices, by type and device_id."""
        mine = where(DeviceField.USER, EQ, of_user(user))
        nodes = [node async for page in self._connection.pages(Type.DEVICE, mine) for node in page]
        return sorted(nodes, key=lambda node: (_read(node).device.device_type, _read(node).device.device_id))

    async def _removed_devices(self, nodes: Sequence[Node]) -> bool:
        try:
            await self._connection.commit([operation for node in nodes for operation in delete(node)])
        except Conflict:
            return False
        return True

    async def _cancel(self, user: UserKey, device: Device) -> list[Any]:
        """The operations that cancel a user's open deliveries to a device that is somebody else's now."""
        target, now_ms = device_target(device), await self._time.now_ms()
        open_ones = where(DeliveryField.HOLDER, EQ, holder(user, target.channel, target.address))
        nodes = [node async for page in self._connection.pages(Type.DELIVERY, open_ones) for node in page]
        decided = [(row, moves.cancel(row.delivery, now_ms)) for row in map(read_row, nodes)]
        return [row.changed(move.delivery) for row, move in decided if move is not None]


def _fields(user: UserKey, device: Device, at_ms: int) -> dict[int, Value]:
    doc = {
        "tenant_id": user.tenant_id,
        "user_id": user.user_id,
        "device_type": device.device_type,
        "device_id": device.device_id,
        "token": device.token,
        "updated_at_ms": at_ms,
    }
    return {
        KEY: of_user(user, device.device_type, device.device_id),
        DeviceField.TOKEN: key(user.tenant_id, device.device_type, device.token),
        DeviceField.USER: of_user(user),
        DOC: dumps(doc),
    }


def _read(node: Node) -> _DeviceRow:
    doc = node.doc()
    device = Device(DeviceType(doc["device_type"]), doc["device_id"], doc["token"], doc["updated_at_ms"])
    return _DeviceRow(node, UserKey(doc["tenant_id"], doc["user_id"]), device)
