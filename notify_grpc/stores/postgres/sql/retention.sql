-- Removal in bounded batches. Inboxes are locked as by writers: in order, and before anything else.

-- name: old
-- The id is a UUIDv7 of the time of creation, so the primary key finds the oldest. Those with open deliveries come too, marked:
-- looking for one that has none would have no bound.
SELECT n.id::text, i.tenant_id, i.user_id, (
    SELECT coalesce(bool_or(d.state IN ('pending', 'retry', 'leased', 'sending')), false)
    FROM notify_deliveries d WHERE d.notification_ref = n.id
)
FROM (
    SELECT id, inbox_id FROM notify_notifications WHERE id > %(after)s::uuid AND id < %(before)s::uuid ORDER BY id LIMIT %(limit)s
) n, LATERAL (
    SELECT * FROM notify_inboxes i WHERE i.id = n.inbox_id LIMIT 1
) i
ORDER BY n.id

-- name: unserved
-- As `old`, with the deliveries that wait on these channels.
SELECT n.id::text, ARRAY(
    SELECT d.id::text FROM notify_deliveries d
    WHERE d.notification_ref = n.id AND d.state IN ('pending', 'retry') AND d.channel = ANY (%(channels)s)
)
FROM (
    SELECT id FROM notify_notifications WHERE id > %(after)s::uuid AND id < %(before)s::uuid ORDER BY id LIMIT %(limit)s
) n
ORDER BY n.id

-- name: of_user
SELECT n.id::text, i.tenant_id, i.user_id
FROM notify_inboxes i, LATERAL (
    SELECT n.id FROM notify_notifications n WHERE n.inbox_id = i.id AND n.position > 0 ORDER BY n.position LIMIT %(limit)s
) n
WHERE i.tenant_id = %(tenant_id)s AND i.user_id = %(user_id)s

-- name: lock_inboxes
SELECT i.user_id FROM (
    SELECT * FROM unnest(%(tenant_ids)s, %(user_ids)s) AS u (tenant_id, user_id) ORDER BY tenant_id, user_id
) u, LATERAL (
    SELECT * FROM notify_inboxes i WHERE i.tenant_id = u.tenant_id AND i.user_id = u.user_id LIMIT 1 FOR NO KEY UPDATE
) i

-- name: remove
-- After `lock_inboxes`. With their deliveries and audits; each content's key is answered once, and whether it was shared.
WITH removed AS (
    DELETE FROM notify_notifications n WHERE n.id = ANY (%(ids)s)
    RETURNING n.id, n.inbox_id, n.call_key, n.content_hash, n.change_seq, n.read_at_ms, n.title IS NULL AS shares
), deliveries AS (
    DELETE FROM notify_deliveries d WHERE d.notification_ref = ANY (ARRAY(SELECT id FROM removed))
    RETURNING d.id
), attempts AS (
    DELETE FROM notify_delivery_attempts a WHERE a.delivery_id = ANY (ARRAY(SELECT id FROM deliveries))
), counters AS (
    UPDATE notify_inboxes i
    SET pruned_seq = greatest(i.pruned_seq, gone.last_seq), unread = i.unread - gone.unread
    FROM (
        SELECT inbox_id, max(change_seq) AS last_seq, count(*) FILTER (WHERE read_at_ms = 0) AS unread
        FROM removed GROUP BY inbox_id
    ) gone
    WHERE i.id = gone.inbox_id
)
SELECT call_key::text, content_hash::text, shares, count(*), (SELECT count(*) FROM deliveries) FROM removed
GROUP BY call_key, content_hash, shares

-- name: lock_contents
-- Alone, while creators share it; in their order.
SELECT pg_advisory_xact_lock(lock) FROM (SELECT * FROM unnest(%(locks)s) AS l (lock) ORDER BY lock OFFSET 0) l

-- name: remove_contents
-- After `lock_contents`: nobody can be about to use them.
DELETE FROM notify_contents c
USING unnest(%(call_keys)s, %(hashes)s) AS k (call_key, content_hash)
WHERE c.call_key = k.call_key AND c.content_hash = k.content_hash AND NOT EXISTS (
    SELECT FROM notify_notifications n WHERE n.call_key = k.call_key AND n.content_hash = k.content_hash LIMIT 1
)

-- name: remove_inbox
-- The last of a user, unless something came in meanwhile.
DELETE FROM notify_inboxes i
WHERE i.tenant_id = %(tenant_id)s AND i.user_id = %(user_id)s AND (
    SELECT n.inbox_id FROM notify_notifications n WHERE n.inbox_id = i.id LIMIT 1
) IS NULL
RETURNING true
