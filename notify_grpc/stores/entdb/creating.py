"""Storing notices: concurrent calls share a plan, which compares and sets the inboxes of all its recipients."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from notify_grpc.domain.deliveries import Delivery, DeliveryState
from notify_grpc.domain.errors import NotifyError
from notify_grpc.domain.ids import new_id
from notify_grpc.domain.models import Notification, Status, UserKey
from notify_grpc.ports.store import Created, Notice, Recipient
from notify_grpc.stores.entdb.attempts import Attempts
from notify_grpc.stores.entdb.connection import Conflict, Connection
from notify_grpc.stores.entdb.delivery_rows import create_row as create_delivery
from notify_grpc.stores.entdb.heads import Head
from notify_grpc.stores.entdb.keys import of_recipient
from notify_grpc.stores.entdb.notification_rows import create_content, create_row, read_row
from notify_grpc.stores.entdb.part import Part
from notify_grpc.stores.entdb.schema import KEY, Type
from notify_grpc.stores.entdb.server_time import StoreTime
from notify_grpc.stores.entdb.sizes import parts_of, size_of
from notify_grpc.stores.group_commit import GroupCommit
from notify_grpc.stores.together import create_together

_GROUP_BYTES = 400_000
"""Of the notices that share a plan: some 200 recipients; larger plans gain nothing."""


class _Wish(NamedTuple):
    """One recipient of one notice: what becomes one row."""

    notice: Notice
    recipient: Recipient
    digest: str

    @property
    def user(self) -> UserKey:
        return UserKey(self.notice.tenant_id, self.recipient.user_id)

    @property
    def key(self) -> str:
        return of_recipient(self.notice.tenant_id, self.notice.notification_id, self.recipient.user_id)


class Creating(Part):
    """`InboxStore.create`."""

    def __init__(self, connection: Connection, time: StoreTime) -> None:
        super().__init__(connection, time)
        self._group = GroupCommit(self._commit, name="entdb", limit=_GROUP_BYTES, weigh=size_of)

    async def _finish_writes(self) -> None:
        """Refuse new notices, and store those that wait."""
        await self._group.close()

    async def create(self, notice: Notice) -> list[Created]:
        """See `InboxStore.create`. What EntDB does not take in one plan commits in batches."""
        answers = await asyncio.gather(*map(self._group.submit, parts_of(notice)))
        return [created for answer in answers for created in answer]

    async def create_many(self, notices: Sequence[Notice]) -> list[list[Created] | NotifyError]:
        return await create_together(self.create, notices)

    async def _commit(self, notices: Sequence[Notice]) -> list[list[Created]]:
        wishes = [wish for notice in notices for wish in _wishes(notice)]
        answers: dict[int, Created] = {}
        while waiting := [wish for wish in wishes if id(wish) not in answers]:
            # Of wishes for the same row the first is stored, then the others are told that it is there.
            one_each = {wish.key: wish for wish in reversed(waiting)}
            answers |= await self._settle(list(one_each.values()))
        in_order = iter(wishes)
        return [[answers[id(next(in_order))] for _ in notice.recipients] for notice in notices]

    async def _settle(self, wishes: list[_Wish]) -> dict[int, Created]:
        """Store what is not there yet, each row once."""
        answers: dict[int, Created] = {}
        async for _ in Attempts():
            now_ms = await self._time.now_ms()
            heads = await self._heads.read_or_begin({wish.user for wish in wishes}, now_ms)
            plan = _Plan(heads, now_ms)
            created = {id(wish): plan.add(wish) for wish in wishes}
            touches = await self._buckets.touches(plan.deliveries)
            try:
                await self._connection.commit([*plan.operations(), *touches])
            except Conflict as conflict:
                self._buckets.forget()
                if conflict.taken in (Type.NOTIFICATION, -1):
                    answers |= await self._duplicates(wishes)
                    wishes = [wish for wish in wishes if id(wish) not in answers]
            else:
                self._heads.began(heads)
                answers |= created
                break
            if not wishes:
                break
        return answers

    async def _duplicates(self, wishes: Iterable[_Wish]) -> dict[int, Created]:
        by_key = {wish.key: wish for wish in wishes}
        nodes = await self._connection.find_many(Type.NOTIFICATION, KEY, by_key)
        found = {}
        for node in nodes:
            wish, row = by_key[node.fields[KEY]], read_row(node)
            found[id(wish)] = Created(wish.recipient.user_id, node.id, True, row.digest != wish.digest)
        return found


class _Plan:
    """The operations of one plan, as its rows are added."""

    def __init__(self, heads: dict[UserKey, Head], now_ms: int) -> None:
        self._heads = heads
        self._now_ms = now_ms
        self._inboxes = {user: head.inbox for user, head in heads.items()}
        self._contents: dict[int, tuple[str, Notice, int]] = {}
        """By notice: the content's id, and how many rows have it."""
        self._rows: list[Any] = []
        self.deliveries: list[Delivery] = []

    def add(self, wish: _Wish) -> Created:
        """Give a row its place."""
        inbox = self._inboxes[wish.user]
        inbox = self._inboxes[wish.user] = inbox._replace(
            last_position=inbox.last_position + 1, last_seq=inbox.last_seq + 1, unread=inbox.unread + 1
        )
        row = self._notification(wish, inbox.last_position, inbox.last_seq)
        content_id = self._content_of(wish.notice)
        deliveries = tuple(self._new_deliveries(row, wish))
        self._rows.append(create_row(row, content_id, wish.digest, [delivery.id for delivery in deliveries]))
        self._rows += (create_delivery(delivery, content_id, row.traceparent) for delivery in deliveries)
        self.deliveries += deliveries
        return Created(
            row.user_id, row.id, False, False, row.position, row.change_seq, inbox.epoch, inbox.unread, deliveries
        )

    def operations(self) -> list[Any]:
        """The inboxes first: what is refused is refused at once."""
        inboxes = [head.moved_to(user, self._inboxes[user]) for user, head in self._heads.items()]
        contents = [create_content(id, notice.content, rows) for id, notice, rows in self._contents.values()]
        return [*inboxes, *contents, *self._rows]

    def _content_of(self, notice: Notice) -> str:
        """The id of the content that the rows of a notice share; one more row has it."""
        content_id, _, rows = self._contents.get(id(notice)) or (new_id(self._now_ms), notice, 0)
        self._contents[id(notice)] = (content_id, notice, rows + 1)
        return content_id

    def _notification(self, wish: _Wish, position: int, change_seq: int) -> Notification:
        notice = wish.notice
        return Notification(
            new_id(self._now_ms),
            notice.tenant_id,
            wish.recipient.user_id,
            notice.notification_id,
            notice.content,
            notice.channels,
            Status.PENDING,
            position,
            change_seq,
            notice.created_at_ms,
            expires_at_ms=notice.expires_at_ms,
            traceparent=notice.traceparent,
        )

    def _new_deliveries(self, row: Notification, wish: _Wish) -> Iterable[Delivery]:
        targets, owner = wish.recipient.targets, wish.notice.lease_owner
        lease_until_ms = self._now_ms + round(wish.notice.lease_s * 1000) if owner else 0
        ids = sorted(new_id(self._now_ms) for _ in targets)
        for id, target in zip(ids, targets, strict=True):
            yield Delivery(
                id=id,
                tenant_id=row.tenant_id,
                user_id=row.user_id,
                notification_ref=row.id,
                notification_id=row.notification_id,
                channel=target.channel,
                target=target.address,
                state=DeliveryState.LEASED if owner else DeliveryState.PENDING,
                created_at_ms=row.created_at_ms,
                updated_at_ms=self._now_ms,
                due_at_ms=self._now_ms,
                expires_at_ms=row.expires_at_ms,
                attempts=int(bool(owner)),
                fence=int(bool(owner)),
                lease_owner=owner,
                lease_until_ms=lease_until_ms,
            )


def _wishes(notice: Notice) -> list[_Wish]:
    digest = notice.content.digest().hex()
    return [_Wish(notice, recipient, digest) for recipient in notice.recipients]
