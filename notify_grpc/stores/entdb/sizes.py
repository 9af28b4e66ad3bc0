"""How large a notice is as operations: EntDB takes plans of 4 MiB at most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from notify_grpc.ports.store import Notice, Recipient

PLAN_BYTES = 3_500_000
"""What one plan may hold of one notice; the rest is room for what text grows by as JSON."""
PLAN_RECIPIENTS = 1_000
_CONTENT, _ROW, _DELIVERY = 400, 1_000, 1_300
"""What names, numbers and ids take beside the text."""


def parts_of(notice: Notice) -> Iterator[Notice]:
    """The notice as plans: of 1,000 recipients each, fewer where those would not fit."""
    free = PLAN_BYTES - _content_bytes(notice)
    part: list[Recipient] = []
    left = free
    for recipient in notice.recipients:
        size = _row_bytes(notice, recipient)
        if part and (len(part) == PLAN_RECIPIENTS or size > left):
            yield replace(notice, recipients=tuple(part))
            part, left = [], free
        part.append(recipient)
        left -= size
    if part:
        yield replace(notice, recipients=tuple(part))


def size_of(notice: Notice) -> int:
    """Bytes of the operations that store it, or a few more."""
    return _content_bytes(notice) + sum(_row_bytes(notice, recipient) for recipient in notice.recipients)


def _content_bytes(notice: Notice) -> int:
    content = notice.content
    data = (text for pair in content.data.items() for text in pair)
    return _CONTENT + sum(map(_bytes, (content.title, content.body, content.subject_ref, content.subject_type, *data)))


def _row_bytes(notice: Notice, recipient: Recipient) -> int:
    tenant, user, key = map(_bytes, (notice.tenant_id, recipient.user_id, notice.notification_id))
    trace, owner = len(notice.traceparent), _bytes(notice.lease_owner)
    deliveries = (
        _DELIVERY + 4 * tenant + 2 * user + key + 3 * _bytes(target.address) + trace + owner
        for target in recipient.targets
    )
    return _ROW + 6 * (tenant + user) + 2 * key + trace + sum(deliveries)


def _bytes(text: str) -> int:
    return len(text.encode())
