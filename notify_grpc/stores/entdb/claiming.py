"""Claiming due deliveries, fairly between tenants, through the buckets of their due times."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import islice, zip_longest
from typing import Any, NamedTuple

from notify_grpc.domain.deliveries import Job
from notify_grpc.domain.models import Channel
from notify_grpc.ports.store import DueStats
from notify_grpc.stores.entdb import moves
from notify_grpc.stores.entdb.connection import Conflict, Connection
from notify_grpc.stores.entdb.delivery_rows import BUCKET_MS, DeliveryRow, read_row
from notify_grpc.stores.entdb.nodes import EQ, GTE, LTE, Node, guarded, remove, where
from notify_grpc.stores.entdb.notification_rows import read_contents
from notify_grpc.stores.entdb.part import Part
from notify_grpc.stores.entdb.schema import KEY, BucketField, DeliveryField, Type
from notify_grpc.stores.entdb.server_time import StoreTime

_ROUNDS = 8
"""How often a claim that met another claimer looks again before it leaves the rest to it."""
_DUE_BOUND = 10_000
_COUNTED_AT_ONCE = 16
_READ_AT_ONCE = 32
_REMOVED_AT_ONCE = 100


class _Bucket(NamedTuple):
    node: Node
    tenant_id: str
    channel: Channel

    @property
    def slot_ms(self) -> int:
        return int(self.node.fields[BucketField.SLOT])


class Claiming(Part):
    """`DeliveryStore.claim` and `due_stats`."""

    def __init__(self, connection: Connection, time: StoreTime) -> None:
        super().__init__(connection, time)
        self._empty: list[_Bucket] = []

    async def claim(
        self, owner: str, *, limit: int, lease_s: float, channels: Collection[Channel], per_tenant: int
    ) -> list[Job]:
        """See `DeliveryStore`."""
        for attempt in range(_ROUNDS):
            now_ms = await self._time.now_ms()
            rows = await self._due_rows(now_ms, channels, limit, per_tenant)
            claimed = [(row, moves.claim(row.delivery, now_ms, owner, lease_s).delivery) for row in rows]
            if not claimed:
                break
            try:
                await self._connection.commit([row.changed(delivery) for row, delivery in claimed])
            except Conflict:
                await asyncio.sleep(random.uniform(0, 0.005 * (attempt + 1)))
                continue
            contents = await read_contents(self._connection, (row.content_id for row, _ in claimed))
            return [Job(delivery, contents[row.content_id], row.traceparent) for row, delivery in claimed]
        await self._remove_empty()
        return []

    async def due_stats(self) -> DueStats:
        """See `DeliveryStore`."""
        now_ms = await self._time.now_ms()
        buckets = sorted(await self._due_buckets(now_ms), key=lambda bucket: bucket.slot_ms)
        due: list[int] = []
        for start in range(0, len(buckets), _COUNTED_AT_ONCE):
            some = buckets[start : start + _COUNTED_AT_ONCE]
            for rows in await asyncio.gather(*(self._in_bucket(bucket, now_ms, _DUE_BOUND) for bucket in some)):
                due += (row.delivery.due_at_ms for row in rows)
            if len(due) >= _DUE_BOUND:
                break
        oldest_age_s = (now_ms - min(due)) / 1000 if due else 0.0
        return DueStats(min(len(due), _DUE_BOUND), oldest_age_s)

    async def _due_rows(
        self, now_ms: int, channels: Collection[Channel], limit: int, per_tenant: int
    ) -> list[DeliveryRow]:
        by_tenant: defaultdict[str, list[_Bucket]] = defaultdict(list)
        for bucket in await self._due_buckets(now_ms):
            if bucket.channel in channels:
                by_tenant[bucket.tenant_id].append(bucket)
        # More tenants than a claim has places take their turns by lot.
        tenants = random.sample(list(by_tenant.values()), k=min(limit, len(by_tenant)))
        most = min(limit, per_tenant)
        queues = await asyncio.gather(*(self._of_tenant(buckets, now_ms, most) for buckets in tenants))
        in_turn = (row for turn in zip_longest(*queues) for row in turn if row is not None)
        return list(islice(in_turn, limit))

    async def _of_tenant(self, buckets: Iterable[_Bucket], now_ms: int, most: int) -> Sequence[DeliveryRow]:
        """A tenant's oldest due rows; its channels' buckets of one time are read together."""
        by_slot: defaultdict[int, list[_Bucket]] = defaultdict(list)
        for bucket in buckets:
            by_slot[bucket.slot_ms].append(bucket)
        found: list[DeliveryRow] = []
        for slot in sorted(by_slot):
            for rows in await asyncio.gather(*(self._in_bucket(bucket, now_ms, most) for bucket in by_slot[slot])):
                found += rows
            if len(found) >= most:
                break
        return sorted(found, key=lambda row: (row.delivery.due_at_ms, row.delivery.id))[:most]

    async def _in_bucket(self, bucket: _Bucket, now_ms: int, most: int) -> list[DeliveryRow]:
        """A bucket's due rows, the first stored first, `most` of them and maybe more."""
        due = where(DeliveryField.BUCKET, EQ, bucket.node.fields[KEY]), where(DeliveryField.DUE, LTE, now_ms)
        found: list[DeliveryRow] = []
        token, more = "", True
        while more and len(found) < most:
            nodes, token = await self._connection.query(Type.DELIVERY, *due, size=max(most, _READ_AT_ONCE), token=token)
            if not nodes and not found and bucket.slot_ms + 2 * BUCKET_MS < now_ms:
                self._empty.append(bucket)
            found += (row for row in map(read_row, nodes) if moves.is_claimable(row.delivery, now_ms))
            more = bool(token)
        return found

    async def _due_buckets(self, now_ms: int) -> list[_Bucket]:
        due = (where(BucketField.SLOT, GTE, 0), where(BucketField.SLOT, LTE, now_ms))
        return [_bucket(node) async for page in self._connection.pages(Type.BUCKET, *due) for node in page]

    async def _remove_empty(self) -> None:
        """Remove buckets found empty, unless something was put in meanwhile: then another time."""
        empty, self._empty = self._empty[:_REMOVED_AT_ONCE], []
        operations: list[Any] = []
        for node, _, _ in {bucket.node.id: bucket for bucket in empty}.values():
            operations.append(guarded(Type.BUCKET, node.id, {}, BucketField.TOUCH, node.fields[BucketField.TOUCH]))
            operations.append(remove(Type.BUCKET, node.id))
        try:
            if operations:
                await self._connection.commit(operations)
        except Conflict:
            return


def _bucket(node: Node) -> _Bucket:
    doc = node.doc()
    return _Bucket(node, doc["tenant_id"], Channel(doc["channel"]))
