"""Storing notices: any number of them, for any number of recipients, in one statement."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any, NamedTuple

from notify_grpc.domain.deliveries import Delivery, DeliveryState
from notify_grpc.domain.errors import NotifyError
from notify_grpc.domain.ids import new_id
from notify_grpc.ports.store import Created, Notice, Recipient
from notify_grpc.stores.group_commit import GroupCommit
from notify_grpc.stores.postgres.arrays import Bigints, Texts, Uuids
from notify_grpc.stores.postgres.pool import Database, Statement
from notify_grpc.stores.postgres.queries import load
from notify_grpc.stores.postgres.rows import call_key, channel_letters, lock_of
from notify_grpc.stores.together import create_together

_CREATE = load("create")["create"]
_PER_TRANSACTION = 1_000
"""Recipients per transaction of a large call."""
_PER_GROUP = 256
"""Recipients per transaction of small calls together; a larger call goes alone."""
_GROUPS_AT_ONCE = 2


class Creation:
    """`InboxStore.create`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._creating: GroupCommit[Notice, list[Created]] = GroupCommit(
            self._create,
            name="postgres",
            limit=_PER_GROUP,
            weigh=lambda notice: len(notice.recipients),
            parallel=_GROUPS_AT_ONCE,
        )

    async def create(self, notice: Notice) -> list[Created]:
        if len(notice.recipients) <= _PER_GROUP:
            return await self._creating.submit(notice)
        created: list[Created] = []
        for start in range(0, len(notice.recipients), _PER_TRANSACTION):
            part = replace(notice, recipients=notice.recipients[start : start + _PER_TRANSACTION])
            created += (await self._create([part]))[0]
        return created

    async def create_many(self, notices: Sequence[Notice]) -> list[list[Created] | NotifyError]:
        return await create_together(self.create, notices)

    async def _create(self, notices: Sequence[Notice]) -> list[list[Created]]:
        batch = Batch(notices)
        [rows] = await self._database.write(batch.statement())
        return batch.answers(rows)


class _Row(NamedTuple):
    """One recipient of one notice; `notice` counts from 1, as arrays do in SQL."""

    tenant_id: str
    user_id: str
    notice: int
    recipient: Recipient


class Batch:
    """Notices as the parameters of one statement, and its rows as their answers.

    Who is in two of the notices under the same notification_id gets the first one; the other is its duplicate.
    """

    def __init__(self, notices: Sequence[Notice]) -> None:
        self._notices = notices
        self._hashes = Uuids(notice.content.digest().hex() for notice in notices)
        self._rows: list[_Row] = []
        self._places: dict[tuple[str, str, str], int] = {}
        """Each row's place, from 1, by (tenant_id, user_id, notification_id)."""
        for row in sorted(self._wanted(), key=itemgetter(0, 1, 2)):
            key = (row.tenant_id, row.user_id, notices[row.notice - 1].notification_id)
            if self._places.setdefault(key, len(self._rows) + 1) > len(self._rows):
                self._rows.append(row)
        self._ids = Uuids(new_id(notices[row.notice - 1].created_at_ms) for row in self._rows)
        self._deliveries = [
            (row.notice, place, id, row.user_id, target)
            for place, row in enumerate(self._rows, 1)
            if row.recipient.targets
            for id, target in zip(self._delivery_ids(row), row.recipient.targets, strict=True)
        ]

    def _wanted(self) -> Iterator[_Row]:
        for number, notice in enumerate(self._notices, 1):
            for recipient in notice.recipients:
                yield _Row(notice.tenant_id, recipient.user_id, number, recipient)

    def _delivery_ids(self, row: _Row) -> list[str]:
        # Sorted: within one millisecond, too, ids follow the order of the targets.
        at_ms = self._notices[row.notice - 1].created_at_ms
        return sorted(new_id(at_ms) for _ in row.recipient.targets)

    def statement(self) -> Statement:
        """What stores them."""
        return Statement(_CREATE, self._notice_arrays() | self._recipient_arrays() | self._delivery_arrays())

    def _notice_arrays(self) -> dict[str, Any]:
        notices = self._notices
        contents = [notice.content for notice in notices]
        return {
            "call_keys": Uuids(call_key(notice.tenant_id, notice.notification_id) for notice in notices),
            "tenant_ids": Texts(notice.tenant_id for notice in notices),
            "notification_ids": Texts(notice.notification_id for notice in notices),
            "hashes": self._hashes,
            "alone": Bigints(int(len(notice.recipients) == 1) for notice in notices),
            "locks": Bigints(map(lock_of, self._hashes)),
            "titles": Texts(content.title for content in contents),
            "bodies": Texts(content.body for content in contents),
            "subject_refs": Texts(content.subject_ref for content in contents),
            "subject_types": Texts(content.subject_type for content in contents),
            "data": Texts(json.dumps(dict(content.data)) for content in contents),
            "channels": Texts(channel_letters(notice.channels) for notice in notices),
            "created_at_ms": Bigints(notice.created_at_ms for notice in notices),
            "expires_at_ms": Bigints(notice.expires_at_ms for notice in notices),
            "traceparents": Texts(notice.traceparent for notice in notices),
            "owners": Texts(notice.lease_owner for notice in notices),
            "lease_ms": Bigints(round(notice.lease_s * 1000) for notice in notices),
        }

    def _recipient_arrays(self) -> dict[str, Any]:
        return {
            "recipient_notices": Bigints(row.notice for row in self._rows),
            "recipient_ids": self._ids,
            "user_ids": Texts(row.user_id for row in self._rows),
        }

    def _delivery_arrays(self) -> dict[str, Any]:
        notices, places, ids, user_ids, targets = zip(*self._deliveries, strict=True) if self._deliveries else [()] * 5
        return {
            "delivery_notices": Bigints(notices),
            "delivery_places": Bigints(places),
            "delivery_ids": Uuids(ids),
            "delivery_user_ids": Texts(user_ids),
            "delivery_channels": Texts(target.channel for target in targets),
            "delivery_targets": Texts(target.address for target in targets),
        }

    def answers(self, stored: Sequence[tuple[Any, ...]]) -> list[list[Created]]:
        """One list per notice, in the order of its recipients."""
        now_ms = 0
        created: dict[int, Created] = {}
        for place, stored_id, mismatch, position, change_seq, epoch, unread, at_ms in stored:
            user_id = self._rows[place - 1].user_id
            if stored_id:
                created[place] = Created(user_id, stored_id, True, mismatch)
            else:
                now_ms = at_ms
                created[place] = Created(
                    user_id, self._ids[place - 1], False, False, position, change_seq, epoch, unread
                )
        for notice, place, id, _, target in self._deliveries:
            if not created[place].duplicate:
                created[place].deliveries += (self._delivery(notice, place, id, target, now_ms),)
        return [self._answer(number, notice, created) for number, notice in enumerate(self._notices, 1)]

    def _answer(self, number: int, notice: Notice, created: dict[int, Created]) -> list[Created]:
        answers = []
        for recipient in notice.recipients:
            place = self._places[notice.tenant_id, recipient.user_id, notice.notification_id]
            answer, first = created[place], self._rows[place - 1].notice
            if first != number:
                mismatch = answer.content_mismatch or self._hashes[first - 1] != self._hashes[number - 1]
                answer = Created(recipient.user_id, answer.id, True, mismatch)
            answers.append(answer)
        return answers

    def _delivery(self, number: int, place: int, id: str, target: Any, now_ms: int) -> Delivery:
        notice, row = self._notices[number - 1], self._rows[place - 1]
        leased = bool(notice.lease_owner)
        return Delivery(
            id=id,
            tenant_id=notice.tenant_id,
            user_id=row.user_id,
            notification_ref=self._ids[place - 1],
            notification_id=notice.notification_id,
            channel=target.channel,
            target=target.address,
            state=DeliveryState.LEASED if leased else DeliveryState.PENDING,
            created_at_ms=notice.created_at_ms,
            updated_at_ms=now_ms,
            due_at_ms=now_ms,
            expires_at_ms=notice.expires_at_ms,
            attempts=int(leased),
            fence=int(leased),
            lease_owner=notice.lease_owner,
            lease_until_ms=now_ms + round(notice.lease_s * 1000) if leased else 0,
        )
