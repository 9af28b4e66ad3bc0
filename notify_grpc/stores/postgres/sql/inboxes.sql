-- Reading and marking notifications. A statement's rows and counters are of one moment (one snapshot).

-- name: notification
n.id::text, i.tenant_id, i.user_id, coalesce(n.notification_id, c.notification_id), n.channels, n.status,
n.position, n.change_seq, n.created_at_ms, n.delivered_at_ms, n.ack_at_ms, n.read_at_ms, n.expires_at_ms, n.traceparent,
{content}

-- name: its_inbox
LATERAL (SELECT * FROM notify_inboxes i WHERE i.id = n.inbox_id LIMIT 1) i

-- name: inbox
i.epoch, i.last_position, i.last_seq, i.pruned_seq, i.unread

-- name: get
SELECT {notification}
FROM notify_notifications n, {its_inbox} {its_content}
WHERE n.id = %(id)s::uuid AND i.tenant_id = %(tenant_id)s AND i.user_id = %(user_id)s

-- name: list_page
-- The unread count, and beside it each row of the page; one row of NULLs for an empty page.
SELECT i.unread, page.*
FROM notify_inboxes i LEFT JOIN LATERAL (
    SELECT {notification}
    FROM notify_notifications n {its_content}
    WHERE n.inbox_id = i.id AND n.position < %(before)s
    ORDER BY n.position DESC
    LIMIT %(limit)s
) page ON true
WHERE i.tenant_id = %(tenant_id)s AND i.user_id = %(user_id)s

-- name: list_unread_page
SELECT i.unread, page.*
FROM notify_inboxes i LEFT JOIN LATERAL (
    SELECT {notification}
    FROM notify_notifications n {its_content}
    WHERE n.inbox_id = i.id AND n.position < %(before)s AND n.read_at_ms = 0
    ORDER BY n.position DESC
    LIMIT %(limit)s
) page ON true
WHERE i.tenant_id = %(tenant_id)s AND i.user_id = %(user_id)s

-- name: list_changes
SELECT {inbox}, changes.*
FROM notify_inboxes i LEFT JOIN LATERAL (
    SELECT {notification}
    FROM notify_notifications n {its_content}
    WHERE n.inbox_id = i.id AND n.change_seq > %(since)s
    ORDER BY n.change_seq
    LIMIT %(limit)s
) changes ON true
WHERE i.tenant_id = %(tenant_id)s AND i.user_id = %(user_id)s

-- name: list_recipients
SELECT {notification}
FROM notify_notifications n, {its_inbox} {its_content}
WHERE n.call_key = %(call_key)s::uuid AND n.user_id > %(after)s
ORDER BY n.user_id
LIMIT %(limit)s

-- name: list_some_recipients
SELECT {notification}
FROM unnest(%(user_ids)s) WITH ORDINALITY AS wanted (user_id, place), LATERAL (
    SELECT * FROM notify_notifications n
    WHERE n.call_key = %(call_key)s::uuid AND n.user_id = wanted.user_id
    LIMIT 1
) n, {its_inbox} {its_content}
ORDER BY wanted.place
LIMIT %(limit)s

-- name: get_inboxes
SELECT i.tenant_id, i.user_id, {inbox}
FROM unnest(%(tenant_ids)s, %(user_ids)s) AS wanted (tenant_id, user_id), LATERAL (
    SELECT * FROM notify_inboxes i WHERE i.tenant_id = wanted.tenant_id AND i.user_id = wanted.user_id LIMIT 1
) i

-- name: lock
-- First in every transaction that numbers changes: what follows it sees all that came before, and is before all that comes after.
SELECT FROM notify_inboxes WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s FOR NO KEY UPDATE

-- name: mark_read
-- After `lock`. A row when it was unread until now. 4 is READ.
WITH advanced AS (
    UPDATE notify_inboxes i SET last_seq = last_seq + 1, unread = unread - 1
    WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND id = (
        SELECT CASE n.read_at_ms WHEN 0 THEN n.inbox_id END FROM notify_notifications n WHERE n.id = %(id)s::uuid
    )
    RETURNING last_seq
)
UPDATE notify_notifications n
SET status = 4, read_at_ms = %(at_ms)s, ack_at_ms = CASE ack_at_ms WHEN 0 THEN %(at_ms)s ELSE ack_at_ms END,
    change_seq = advanced.last_seq
FROM advanced
WHERE n.id = %(id)s::uuid
RETURNING true

-- name: get_with_inbox
SELECT {inbox}, {notification}
FROM notify_notifications n, {its_inbox} {its_content}
WHERE n.id = %(id)s::uuid AND i.tenant_id = %(tenant_id)s AND i.user_id = %(user_id)s

-- name: mark_all_read
-- After `lock`. The oldest unread rows take the next numbers in their order. Rows are locked by id, as `mark_delivered` does.
WITH oldest AS MATERIALIZED (
    SELECT n.id, n.position
    FROM notify_inboxes i, LATERAL (
        SELECT n.id, n.position FROM notify_notifications n
        WHERE n.inbox_id = i.id AND n.read_at_ms = 0 AND n.position > 0
        ORDER BY n.position LIMIT %(limit)s
    ) n
    WHERE i.tenant_id = %(tenant_id)s AND i.user_id = %(user_id)s
), numbered AS MATERIALIZED (
    SELECT id, row_number() OVER (ORDER BY position) AS nth FROM oldest
), locked AS MATERIALIZED (
    SELECT id FROM notify_notifications WHERE id = ANY (ARRAY(SELECT id FROM oldest)) ORDER BY id FOR NO KEY UPDATE
), advanced AS (
    UPDATE notify_inboxes
    SET last_seq = last_seq + (SELECT count(*) FROM locked), unread = unread - (SELECT count(*) FROM locked)
    WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s
    RETURNING last_seq - (SELECT count(*) FROM locked) AS before
)
UPDATE notify_notifications n
SET status = 4, read_at_ms = %(at_ms)s, ack_at_ms = CASE ack_at_ms WHEN 0 THEN %(at_ms)s ELSE ack_at_ms END,
    change_seq = advanced.before + numbered.nth
FROM advanced, numbered
WHERE n.id = numbered.id
RETURNING true

-- name: get_inbox
SELECT {inbox} FROM notify_inboxes i WHERE i.tenant_id = %(tenant_id)s AND i.user_id = %(user_id)s

-- name: mark_delivered
-- 1 is PENDING, 2 DELIVERED. No index knows either column, so no index is written to.
WITH pending AS MATERIALIZED (
    SELECT n.id
    FROM unnest(%(ids)s, %(tenant_ids)s, %(user_ids)s) AS item (id, tenant_id, user_id), LATERAL (
        SELECT n.id, n.inbox_id FROM notify_notifications n WHERE n.id = item.id AND n.status = 1 LIMIT 1
    ) n, {its_inbox}
    WHERE i.tenant_id = item.tenant_id AND i.user_id = item.user_id
), locked AS MATERIALIZED (
    SELECT id FROM notify_notifications WHERE id = ANY (ARRAY(SELECT id FROM pending)) ORDER BY id FOR NO KEY UPDATE
)
UPDATE notify_notifications SET status = 2, delivered_at_ms = %(at_ms)s
WHERE id = ANY (ARRAY(SELECT id FROM locked)) AND status = 1
RETURNING true
