"""Tables as large as wanted, made by the database itself, with rows of all users in the order of time."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

_RECIPIENTS = 1_000
"""Of a call to many, at most."""
_INBOXES = """
INSERT INTO notify_inboxes (tenant_id, user_id, epoch, last_position, last_seq, unread)
SELECT 'acme', 'user-' || lpad(u::text, 7, '0'), 1, %(each)s, %(each)s, %(each)s - %(each)s / 2
FROM generate_series(0, %(users)s - 1) u
"""
_CONTENTS = """
INSERT INTO notify_contents
SELECT md5('call' || k)::uuid, md5('content')::uuid, 'acme', 'call-' || k, 'Your order is on its way',
       repeat('It left. ', 20), '', '', '{}'
FROM generate_series(0, (%(users)s::bigint * %(each)s - 1) / %(recipients)s) k
"""
# The older half of everybody's is read. Row i is the (i / users)-th of its user, so a user's rows lie far apart; every
# other one was sent to this user alone.
_NOTIFICATIONS = """
INSERT INTO notify_notifications (
    id, call_key, content_hash, inbox_id, position, change_seq, created_at_ms, read_at_ms, status, user_id, channels,
    notification_id, title, body, subject_ref, subject_type, data)
SELECT (lpad(to_hex(1750000000000 + i), 12, '0') || '70008' || lpad(to_hex(i), 15, '0'))::uuid,
       md5(CASE WHEN alone THEN 'own' || i ELSE 'call' || i / %(recipients)s END)::uuid,
       md5('content')::uuid, first.id + i %% %(users)s, i / %(users)s + 1,
       i / %(users)s + 1, 1750000000000 + i, CASE WHEN i / %(users)s < %(each)s / 2 THEN 1 ELSE 0 END, 1,
       'user-' || lpad((i %% %(users)s)::text, 7, '0'), 'i',
       CASE WHEN alone THEN 'own-' || i END, CASE WHEN alone THEN 'Your order is on its way' END,
       CASE WHEN alone THEN repeat('It left. ', 20) END, CASE WHEN alone THEN '' END, CASE WHEN alone THEN '' END,
       CASE WHEN alone THEN '{}'::json END
FROM generate_series(%(from)s::bigint, %(to)s::bigint - 1) i, (SELECT min(id) AS id FROM notify_inboxes) first,
     LATERAL (SELECT i / %(users)s %% 2 = 0 AS alone) kind
"""
_DELIVERIES = """
INSERT INTO notify_deliveries (
    id, notification_ref, created_at_ms, updated_at_ms, due_at_ms, tenant_id, user_id, notification_id, channel, target,
    state)
SELECT ('01970000-0000-7000-9000-' || lpad(to_hex(i), 12, '0'))::uuid, n.id, n.created_at_ms, n.created_at_ms, 1,
       %(tenant)s, n.user_id, 'call-' || i, 'email', 'someone@example.test', %(state)s
FROM (SELECT *, row_number() OVER (ORDER BY id) + %(from)s AS i FROM notify_notifications ORDER BY id LIMIT %(count)s) n
"""


async def fill(connection: AsyncConnection[Any], *, users: int, each: int, slice_rows: int = 500_000) -> None:
    """``each`` notifications for each of ``users`` users of tenant acme, into empty tables; slices are committed."""
    counts = {"users": users, "each": each, "recipients": min(users, _RECIPIENTS)}
    await connection.execute(_INBOXES, counts)
    await connection.execute(_CONTENTS, counts)
    for start in range(0, users * each, slice_rows):
        part = {"from": start, "to": min(start + slice_rows, users * each)}
        await connection.execute(_NOTIFICATIONS, counts | part)


async def fill_deliveries(
    connection: AsyncConnection[Any], count: int, *, tenant_id: str, start: int = 0, state: str = "pending"
) -> None:
    """Deliveries of ``tenant_id`` for the first ``count`` notifications; ``start`` keeps their ids apart."""
    params = {"tenant": tenant_id, "count": count, "from": start, "state": state}
    await connection.execute(_DELIVERIES, params)
