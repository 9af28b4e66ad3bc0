-- Storing notices. Several notices, of any tenants, share one statement, and that is the whole transaction.

-- name: create
-- Notices come as parallel arrays; a recipient and a delivery name their notice by its place in them (`notice`). Recipients are
-- sorted by (tenant_id, user_id), and no two have the same (call_key, user_id).
--
-- `own` is the notice's place where a row keeps the content to itself, else null: so is then what an array has there.
--
-- Locks are taken in one order by everybody, so no two calls can deadlock: inboxes sorted, then contents sorted by digest.
-- A recipient's inbox row stays locked until the commit, so a user's numbers become visible in their order, without gaps.
--
-- Who creates the same (call_key, user_id) meanwhile has that lock, and commits first. This statement did not see its row, so it
-- fails with a unique violation, nothing of it is kept, and another try finds the duplicate.
WITH clock AS MATERIALIZED (
    SELECT notify_now_ms() AS now_ms
), recipients AS MATERIALIZED (
    SELECT r.place, r.notice, r.id, r.user_id,
           (%(tenant_ids)s)[r.notice] AS tenant_id,
           (%(call_keys)s)[r.notice] AS call_key,
           CASE (%(alone)s)[r.notice] WHEN 1 THEN r.notice END AS own,
           (%(hashes)s)[r.notice] AS content_hash
    FROM unnest(%(recipient_notices)s, %(recipient_ids)s, %(user_ids)s) WITH ORDINALITY AS r (notice, id, user_id, place)
), compared AS MATERIALIZED (
    -- LIMIT makes it one index search per recipient, however the planner counts.
    SELECT r.*, stored.id AS stored_id, stored.content_hash AS stored_hash
    FROM recipients r LEFT JOIN LATERAL (
        SELECT n.id, n.content_hash FROM notify_notifications n
        WHERE n.call_key = r.call_key AND n.user_id = r.user_id
        LIMIT 1
    ) stored ON true
), fresh AS MATERIALIZED (
    -- `later`: how many rows of the same user come after this one in this statement.
    SELECT place, notice, id, tenant_id, user_id, call_key, own, content_hash,
           row_number() OVER (PARTITION BY tenant_id, user_id ORDER BY place DESC) - 1 AS later
    FROM compared WHERE stored_id IS NULL
), inboxes AS (
    INSERT INTO notify_inboxes AS i (tenant_id, user_id, epoch, last_position, last_seq, unread)
    SELECT tenant_id, user_id, (random() * (1::bigint << 47))::bigint + 1, count(*), count(*), count(*)
    FROM fresh GROUP BY tenant_id, user_id ORDER BY tenant_id, user_id
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET
        last_position = i.last_position + excluded.last_position,
        last_seq = i.last_seq + excluded.last_seq,
        unread = i.unread + excluded.unread
    RETURNING i.id, i.tenant_id, i.user_id, i.epoch, i.last_position, i.last_seq, i.unread
), placed AS MATERIALIZED (
    -- Each side has its partner. FULL, because that is never planned as a loop within a loop.
    SELECT f.*, i.id AS inbox_id, i.epoch, i.last_position - f.later AS position, i.last_seq - f.later AS change_seq, i.unread - f.later AS unread
    FROM fresh f FULL JOIN inboxes i ON i.tenant_id = f.tenant_id AND i.user_id = f.user_id
), notifications AS (
    INSERT INTO notify_notifications (
        id, call_key, content_hash, inbox_id, position, change_seq, created_at_ms, expires_at_ms, user_id, channels, traceparent,
        notification_id, title, body, subject_ref, subject_type, data)
    SELECT id, call_key, content_hash, inbox_id, position, change_seq, (%(created_at_ms)s)[notice], (%(expires_at_ms)s)[notice],
           user_id, (%(channels)s)[notice], (%(traceparents)s)[notice],
           (%(notification_ids)s)[own], (%(titles)s)[own], (%(bodies)s)[own], (%(subject_refs)s)[own], (%(subject_types)s)[own],
           (%(data)s)[own]::json
    FROM placed
), contents AS (
    -- The lock, shared among creators, keeps `remove_contents` from deleting what is about to be used again.
    INSERT INTO notify_contents (
        call_key, content_hash, tenant_id, notification_id, title, body, subject_ref, subject_type, data)
    SELECT c.call_key, c.content_hash, c.tenant_id, c.notification_id, c.title, c.body, c.subject_ref, c.subject_type, c.data::json
    FROM (
        SELECT u.*, pg_advisory_xact_lock_shared(u.lock)
        FROM unnest(
            %(call_keys)s, %(hashes)s, %(tenant_ids)s, %(notification_ids)s, %(titles)s, %(bodies)s, %(subject_refs)s,
            %(subject_types)s, %(data)s, %(locks)s
        ) WITH ORDINALITY AS u (
            call_key, content_hash, tenant_id, notification_id, title, body, subject_ref, subject_type, data, lock, notice)
        WHERE u.notice = ANY (ARRAY(SELECT DISTINCT f.notice FROM fresh f WHERE f.own IS NULL))
        ORDER BY u.lock, u.call_key
        OFFSET 0
    ) c
    ON CONFLICT DO NOTHING
), deliveries AS (
    INSERT INTO notify_deliveries (
        id, notification_ref, created_at_ms, updated_at_ms, due_at_ms, expires_at_ms, fence, lease_until_ms, attempts, tenant_id, user_id,
        notification_id, channel, target, state, lease_owner)
    SELECT d.id, (%(recipient_ids)s)[d.place], (%(created_at_ms)s)[d.notice], clock.now_ms, clock.now_ms, (%(expires_at_ms)s)[d.notice],
           lease.held, lease.held * (clock.now_ms + (%(lease_ms)s)[d.notice]), lease.held, (%(tenant_ids)s)[d.notice], d.user_id,
           (%(notification_ids)s)[d.notice], d.channel, d.target, CASE lease.held WHEN 1 THEN 'leased' ELSE 'pending' END, lease.owner
    FROM unnest(%(delivery_notices)s, %(delivery_places)s, %(delivery_ids)s, %(delivery_user_ids)s, %(delivery_channels)s,
                %(delivery_targets)s) AS d (notice, place, id, user_id, channel, target)
    CROSS JOIN clock
    CROSS JOIN LATERAL (SELECT (%(owners)s)[d.notice] AS owner, ((%(owners)s)[d.notice] <> '')::int AS held OFFSET 0) lease
    WHERE (ARRAY(SELECT c.stored_id IS NULL FROM compared c ORDER BY c.place))[d.place]
)
SELECT place, NULL AS stored_id, NULL AS mismatch, position, change_seq, epoch, unread, (SELECT now_ms FROM clock) FROM placed
UNION ALL
SELECT place, stored_id::text, stored_hash <> content_hash, NULL, NULL, NULL, NULL, NULL FROM compared WHERE stored_id IS NOT NULL
