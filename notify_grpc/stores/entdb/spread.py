"""One store made of several: each tenant's rows lie in one of them, by the tenant's name."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b

from notify_grpc.domain.deliveries import Attempt, Delivery, Job, Lease, Outcome
from notify_grpc.domain.errors import NotFound, NotifyError
from notify_grpc.domain.models import Channel, Device, DeviceType, Inbox, Notification, UserKey
from notify_grpc.ports.store import (
    Capabilities,
    Changes,
    Created,
    DeliveryFilter,
    DueStats,
    Erased,
    Marked,
    Notice,
    Page,
    Report,
    Store,
)
from notify_grpc.stores.together import create_together


class Spread(Store):
    """Asks the store that has the tenant, or all where a call names none. See the port for what each method does."""

    def __init__(self, stores: Sequence[Store]) -> None:
        self._stores = list(stores)

    def store_of(self, tenant_id: str) -> Store:
        """Where a tenant's rows lie."""
        digest = blake2b(tenant_id.encode(), digest_size=8).digest()
        return self._stores[int.from_bytes(digest, "big") % len(self._stores)]

    def _in_any_order(self) -> list[Store]:
        """All stores; none is always the first."""
        return random.sample(self._stores, k=len(self._stores))

    @property
    def capabilities(self) -> Capabilities:
        return self._stores[0].capabilities

    async def open(self) -> None:
        try:
            for store in self._stores:
                await store.open()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        await asyncio.gather(*(store.close() for store in self._stores))

    async def ping(self) -> None:
        await asyncio.gather(*(store.ping() for store in self._stores))

    # Of one tenant

    async def create(self, notice: Notice) -> list[Created]:
        return await self.store_of(notice.tenant_id).create(notice)

    async def create_many(self, notices: Sequence[Notice]) -> list[list[Created] | NotifyError]:
        return await create_together(self.create, notices)

    async def get_notification(self, user: UserKey, id: str) -> Notification:
        return await self.store_of(user.tenant_id).get_notification(user, id)

    async def list_notifications(
        self, user: UserKey, *, before: int | None, limit: int, unread_only: bool = False
    ) -> Page:
        store = self.store_of(user.tenant_id)
        return await store.list_notifications(user, before=before, limit=limit, unread_only=unread_only)

    async def list_recipients(
        self, tenant_id: str, notification_id: str, *, user_ids: Collection[str] = (), after: str = "", limit: int
    ) -> list[Notification]:
        store = self.store_of(tenant_id)
        return await store.list_recipients(tenant_id, notification_id, user_ids=user_ids, after=after, limit=limit)

    async def list_changes(self, user: UserKey, *, since: int, limit: int) -> Changes:
        return await self.store_of(user.tenant_id).list_changes(user, since=since, limit=limit)

    async def mark_read(self, user: UserKey, id: str, at_ms: int) -> Marked:
        return await self.store_of(user.tenant_id).mark_read(user, id, at_ms)

    async def mark_all_read(self, user: UserKey, at_ms: int, *, limit: int) -> tuple[int, Inbox]:
        return await self.store_of(user.tenant_id).mark_all_read(user, at_ms, limit=limit)

    async def upsert_device(self, user: UserKey, device: Device, at_ms: int) -> None:
        await self.store_of(user.tenant_id).upsert_device(user, device, at_ms)

    async def list_devices(self, tenant_id: str, user_ids: Collection[str]) -> Mapping[str, Sequence[Device]]:
        return await self.store_of(tenant_id).list_devices(tenant_id, user_ids)

    async def remove_device(self, user: UserKey, device_type: DeviceType, device_id: str) -> bool:
        return await self.store_of(user.tenant_id).remove_device(user, device_type, device_id)

    async def remove_token(self, user: UserKey, token: str) -> bool:
        return await self.store_of(user.tenant_id).remove_token(user, token)

    async def erase_user(self, user: UserKey) -> Erased:
        return await self.store_of(user.tenant_id).erase_user(user)

    # Of several tenants

    async def get_inboxes(self, users: Collection[UserKey]) -> dict[UserKey, Inbox]:
        by_store: defaultdict[Store, list[UserKey]] = defaultdict(list)
        for user in users:
            by_store[self.store_of(user.tenant_id)].append(user)
        answers = await asyncio.gather(*(store.get_inboxes(each) for store, each in by_store.items()))
        return {user: inbox for answer in answers for user, inbox in answer.items()}

    async def mark_delivered(self, items: Sequence[tuple[UserKey, str]], at_ms: int) -> int:
        by_store: defaultdict[Store, list[tuple[UserKey, str]]] = defaultdict(list)
        for user, id in items:
            by_store[self.store_of(user.tenant_id)].append((user, id))
        return sum(await asyncio.gather(*(store.mark_delivered(each, at_ms) for store, each in by_store.items())))

    # Of whichever tenant: a delivery's id does not tell

    async def claim(
        self, owner: str, *, limit: int, lease_s: float, channels: Collection[Channel], per_tenant: int
    ) -> list[Job]:
        async def claim_at(store: Store, limit: int, per_tenant: int) -> list[Job]:
            if limit <= 0 or per_tenant <= 0:
                return []
            return await store.claim(owner, limit=limit, lease_s=lease_s, channels=channels, per_tenant=per_tenant)

        stores = self._in_any_order()
        shares = [(limit + place) // len(stores) for place in range(len(stores))]
        answers = await asyncio.gather(*(claim_at(*each, per_tenant) for each in zip(stores, shares, strict=True)))
        jobs = [job for answer in answers for job in answer]
        # What some did not need of their shares goes to those that could use more.
        for store, share, answer in zip(stores, shares, answers, strict=True):
            if len(answer) == share:
                taken = Counter(job.delivery.tenant_id for job in answer)
                jobs += await claim_at(store, limit - len(jobs), per_tenant - max(taken.values(), default=0))
        return jobs

    async def start_sending(self, leases: Sequence[Lease]) -> set[str]:
        return set().union(*await asyncio.gather(*(store.start_sending(leases) for store in self._stores)))

    async def finish(self, outcomes: Sequence[Outcome]) -> list[bool]:
        answers = await asyncio.gather(*(store.finish(outcomes) for store in self._stores))
        return [any(of_each) for of_each in zip(*answers, strict=True)]

    async def renew(self, leases: Sequence[Lease], lease_s: float) -> set[str]:
        return set().union(*await asyncio.gather(*(store.renew(leases, lease_s) for store in self._stores)))

    async def release(self, leases: Sequence[Lease], due_in_s: float = 0.0) -> int:
        return sum(await asyncio.gather(*(store.release(leases, due_in_s) for store in self._stores)))

    async def sweep_deliveries(self, limit: int) -> list[Delivery]:
        swept: list[Delivery] = []
        for store in self._in_any_order():
            if left := limit - len(swept):
                swept += await store.sweep_deliveries(left)
        return swept

    async def get_delivery(self, id: str) -> tuple[Delivery, list[Attempt]]:
        return await (await self._store_with(id)).get_delivery(id)

    async def list_deliveries(self, where: DeliveryFilter, *, after: str = "", limit: int) -> list[Delivery]:
        stores = [self.store_of(where.tenant_id)] if where.tenant_id else self._stores
        answers = await asyncio.gather(*(store.list_deliveries(where, after=after, limit=limit) for store in stores))
        return sorted((delivery for answer in answers for delivery in answer), key=lambda row: row.id)[:limit]

    async def list_deliveries_of(
        self, notification_refs: Collection[str]
    ) -> Mapping[str, Sequence[tuple[Delivery, list[Attempt]]]]:
        answers = await asyncio.gather(*(store.list_deliveries_of(notification_refs) for store in self._stores))
        return {ref: rows for answer in answers for ref, rows in answer.items()}

    async def retry_delivery(self, id: str) -> Delivery:
        return await (await self._store_with(id)).retry_delivery(id)

    async def report_delivery(self, report: Report) -> Delivery | None:
        answers = await asyncio.gather(*(store.report_delivery(report) for store in self._stores))
        return next((delivery for delivery in answers if delivery is not None), None)

    async def due_stats(self) -> DueStats:
        answers = await asyncio.gather(*(store.due_stats() for store in self._stores))
        return DueStats(sum(answer.due for answer in answers), max(answer.oldest_age_s for answer in answers))

    async def prune(self, created_before_ms: int, *, limit: int) -> int:
        pruned = 0
        for store in self._in_any_order():
            if left := limit - pruned:
                pruned += await store.prune(created_before_ms, limit=left)
        return pruned

    async def abandon(self, created_before_ms: int, channels: Collection[Channel], *, limit: int) -> list[Delivery]:
        abandoned: list[Delivery] = []
        for store in self._in_any_order():
            if left := limit - len(abandoned):
                abandoned += await store.abandon(created_before_ms, channels, limit=left)
        return abandoned

    async def renew_epochs(self) -> int:
        return sum(await asyncio.gather(*(store.renew_epochs() for store in self._stores)))

    async def _store_with(self, delivery_id: str) -> Store:
        for store in self._stores[:-1]:
            try:
                await store.get_delivery(delivery_id)
            except NotFound:
                continue
            return store
        return self._stores[-1]
