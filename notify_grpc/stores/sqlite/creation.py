"""Storing a Notify call: its content, then a few statements for any number of recipients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from notify_grpc.domain.deliveries import Delivery, DeliveryState
from notify_grpc.domain.ids import new_id
from notify_grpc.domain.models import Status
from notify_grpc.ports.store import Created, Notice, Recipient
from notify_grpc.stores.sqlite.queries import load
from notify_grpc.stores.sqlite.rows import text_list, to_json
from notify_grpc.stores.sqlite.writer import Tx

_SQL = load("inboxes")
_ADD_DELIVERY = load("deliveries")["add"]


class _Known(NamedTuple):
    id: str
    digest: bytes


def create(tx: Tx, notice: Notice, recipients: Sequence[Recipient], digest: bytes) -> list[Created]:
    """Rows for these recipients of a notice whose content has this digest; answers in their order."""
    known = _known(tx, notice, recipients)
    fresh = [recipient for recipient in recipients if recipient.user_id not in known]
    created = {row.user_id: row for row in _add(tx, notice, fresh, digest)} if fresh else {}
    for user_id, row in known.items():
        created[user_id] = Created(user_id, row.id, True, row.digest != digest)
    return [created[recipient.user_id] for recipient in recipients]


def _known(tx: Tx, notice: Notice, recipients: Sequence[Recipient]) -> dict[str, _Known]:
    key = {"tenant_id": notice.tenant_id, "notification_id": notice.notification_id}
    if not tx.db.execute(_SQL["any_recipient"], key).fetchone():
        return {}
    wanted = text_list([recipient.user_id for recipient in recipients])
    rows = tx.db.execute(_SQL["known_recipients"], key | {"user_ids": wanted})
    return {user_id: _Known(id, digest) for user_id, id, digest in rows}


def _add(tx: Tx, notice: Notice, recipients: Sequence[Recipient], digest: bytes) -> list[Created]:
    content_id = _add_content(tx, notice, len(recipients), digest)
    inboxes = tx.db.execute(
        _SQL["advance_inboxes"],
        {
            "tenant_id": notice.tenant_id,
            "user_ids": text_list([recipient.user_id for recipient in recipients]),
        },
    ).fetchall()
    targets = {recipient.user_id: recipient.targets for recipient in recipients if recipient.targets}
    same = (
        notice.tenant_id,
        notice.notification_id,
        content_id,
        ",".join(notice.channels),
        int(Status.PENDING),
        notice.created_at_ms,
        notice.expires_at_ms,
        notice.traceparent,
    )
    rows = []
    created = []
    for user_id, inbox_id, epoch, position, seq, unread in inboxes:
        id = new_id(tx.now_ms)
        rows.append((inbox_id, position, seq, id, user_id, *same))
        created.append(Created(user_id, id, False, False, position, seq, epoch, unread))
    tx.db.executemany(_SQL["add_notification"], rows)
    if targets:
        for row in created:
            row.deliveries = tuple(_deliveries(tx, notice, row, targets.get(row.user_id, ())))
        tx.db.executemany(_ADD_DELIVERY, [_delivery_row(made) for row in created for made in row.deliveries])
    return created


def _add_content(tx: Tx, notice: Notice, refs: int, digest: bytes) -> int:
    content = notice.content
    values = {
        "tenant_id": notice.tenant_id,
        "digest": digest,
        "refs": refs,
        "title": content.title,
        "body": content.body,
        "subject_ref": content.subject_ref,
        "subject_type": content.subject_type,
        "data": to_json(dict(content.data)),
    }
    [(content_id,)] = tx.db.execute(_SQL["add_content"], values).fetchall()
    return int(content_id)


def _deliveries(tx: Tx, notice: Notice, row: Created, targets: Sequence[Any]) -> Iterator[Delivery]:
    leased = bool(notice.lease_owner)
    ids = sorted(new_id(tx.now_ms) for _ in targets)  # within one millisecond, too, ids follow the order of the targets
    for id, target in zip(ids, targets, strict=True):
        yield Delivery(
            id=id,
            tenant_id=notice.tenant_id,
            user_id=row.user_id,
            notification_ref=row.id,
            notification_id=notice.notification_id,
            channel=target.channel,
            target=target.address,
            state=DeliveryState.LEASED if leased else DeliveryState.PENDING,
            created_at_ms=notice.created_at_ms,
            updated_at_ms=tx.now_ms,
            due_at_ms=tx.now_ms,
            expires_at_ms=notice.expires_at_ms,
            attempts=int(leased),
            fence=int(leased),
            lease_owner=notice.lease_owner,
            lease_until_ms=tx.now_ms + round(notice.lease_s * 1000) if leased else 0,
        )


def _delivery_row(made: Delivery) -> tuple[Any, ...]:
    return (
        made.id,
        made.tenant_id,
        made.user_id,
        made.notification_ref,
        made.notification_id,
        str(made.channel),
        made.target,
        str(made.state),
        made.created_at_ms,
        made.updated_at_ms,
        made.due_at_ms,
        made.expires_at_ms,
        made.attempts,
        made.fence,
        made.lease_owner,
        made.lease_until_ms,
    )
