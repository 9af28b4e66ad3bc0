-- name: add
INSERT INTO notify_deliveries (id, tenant_id, user_id, notification_ref, notification_id, channel, target, state, created_at_ms,
                               updated_at_ms, due_at_ms, expires_at_ms, attempts, fence, lease_owner, lease_until_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: columns
-- A delivery, as rows.delivery reads it.
d.id, d.tenant_id, d.user_id, d.notification_ref, d.notification_id, d.channel, d.target, d.state, d.created_at_ms,
d.updated_at_ms, d.due_at_ms, d.expires_at_ms, d.attempts, d.failures, d.fence, d.lease_owner, d.lease_until_ms,
d.provider, d.provider_message_id, d.last_error_class, d.last_error_code, d.last_error

-- name: get
SELECT d.number, {columns} FROM notify_deliveries AS d WHERE d.id = :id

-- name: by_message
SELECT d.number, {columns} FROM notify_deliveries AS d
WHERE d.provider = :provider AND d.provider_message_id = :provider_message_id AND d.provider_message_id <> ''

-- name: list
-- By id. Each filter is off where its value is NULL.
SELECT {columns} FROM notify_deliveries AS d
WHERE d.id > :after
  AND (:tenant_id IS NULL OR d.tenant_id = :tenant_id)
  AND (:states IS NULL OR d.state IN (SELECT value FROM json_each(:states)))
  AND (:channels IS NULL OR d.channel IN (SELECT value FROM json_each(:channels)))
  AND (:created_before_ms IS NULL OR d.created_at_ms < :created_before_ms)
ORDER BY d.id LIMIT :limit

-- name: list_trouble
-- The same where only states an operator can retry are asked for: their index has no other rows.
SELECT {columns} FROM notify_deliveries AS d
WHERE d.id > :after
  AND d.state IN ('failed', 'parked', 'expired', 'cancelled')
  AND (:tenant_id IS NULL OR d.tenant_id = :tenant_id)
  AND d.state IN (SELECT value FROM json_each(:states))
  AND (:channels IS NULL OR d.channel IN (SELECT value FROM json_each(:channels)))
  AND (:created_before_ms IS NULL OR d.created_at_ms < :created_before_ms)
ORDER BY d.id LIMIT :limit

-- name: of_notifications
SELECT d.number, {columns}
FROM json_each(:refs) AS r CROSS JOIN notify_deliveries AS d
WHERE d.notification_ref = r.value
ORDER BY d.number

-- name: attempts
-- The audits of deliveries, given as a JSON list of their numbers.
SELECT a.delivery_number, a.at_ms, a.fence, a.owner, a.provider, a.state, a.error_class, a.error_code, a.error, a.duration_ms,
       a.stale
FROM json_each(:numbers) AS l CROSS JOIN notify_delivery_attempts AS a
WHERE a.delivery_number = l.value
ORDER BY a.number

-- name: add_attempt
INSERT INTO notify_delivery_attempts
    (delivery_number, at_ms, fence, owner, provider, state, error_class, error_code, error, duration_ms, stale)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: queues
-- The queues that hold due rows, from a tenant on: one search for each tenant and channel with waiting rows, however many.
-- Read only as far as the reader likes. (Not as (tenant_id, channel) > (…, …): SQLite begins such a search at the equal
-- rows and walks through all of them.)
WITH RECURSIVE queue (number, tenant_id, channel, due_at_ms) AS (
    SELECT * FROM (
        SELECT number, tenant_id, channel, due_at_ms FROM notify_deliveries
        WHERE state IN ('pending', 'retry') AND tenant_id >= :from_tenant
        ORDER BY tenant_id, channel, due_at_ms LIMIT 1
    )
    UNION ALL
    SELECT d.number, d.tenant_id, d.channel, d.due_at_ms
    FROM queue AS q CROSS JOIN notify_deliveries AS d
    WHERE d.number = coalesce(
        (
            SELECT n.number FROM notify_deliveries AS n
            WHERE n.state IN ('pending', 'retry') AND n.tenant_id = q.tenant_id AND n.channel > q.channel
            ORDER BY n.channel, n.due_at_ms LIMIT 1
        ),
        (
            SELECT n.number FROM notify_deliveries AS n
            WHERE n.state IN ('pending', 'retry') AND n.tenant_id > q.tenant_id
            ORDER BY n.tenant_id, n.channel, n.due_at_ms LIMIT 1
        )
    )
)
SELECT tenant_id, channel FROM queue WHERE due_at_ms <= :now_ms

-- name: due
-- The first due rows of one queue. A long row of expired ones is the sweep's to clear; here it costs a bounded look.
SELECT due_at_ms, number FROM (
    SELECT due_at_ms, number, expires_at_ms, attempts FROM notify_deliveries
    WHERE state IN ('pending', 'retry') AND tenant_id = :tenant_id AND channel = :channel AND due_at_ms <= :now_ms
    ORDER BY due_at_ms, number LIMIT 1000
)
WHERE (expires_at_ms = 0 OR expires_at_ms > :now_ms) AND attempts < :max_claims
LIMIT :limit

-- name: lease
UPDATE notify_deliveries
SET state = 'leased', fence = fence + 1, attempts = attempts + 1, lease_owner = :owner, lease_until_ms = :until_ms,
    updated_at_ms = :now_ms
WHERE number IN (SELECT value FROM json_each(:numbers))

-- name: jobs
-- Deliveries with what they say, given as a JSON list of their numbers, in its order.
SELECT {columns}, n.traceparent, c.title, c.body, c.subject_ref, c.subject_type, c.data
FROM json_each(:numbers) AS l
CROSS JOIN notify_deliveries AS d
CROSS JOIN notify_notifications AS n
CROSS JOIN notify_contents AS c
WHERE d.number = l.value AND n.id = d.notification_ref AND c.id = n.content_id
ORDER BY l.key

-- name: start
UPDATE notify_deliveries SET state = 'sending', updated_at_ms = :now_ms
WHERE id = :id AND fence = :fence AND state = 'leased' AND lease_until_ms > :now_ms

-- name: renew
UPDATE notify_deliveries SET lease_until_ms = :then_ms, updated_at_ms = :now_ms
WHERE id = :id AND fence = :fence AND state IN ('leased', 'sending')

-- name: release
UPDATE notify_deliveries
SET state = 'pending', due_at_ms = :then_ms, attempts = attempts - 1, lease_owner = '', lease_until_ms = 0,
    updated_at_ms = :now_ms
WHERE id = :id AND fence = :fence AND state = 'leased'

-- name: finish
UPDATE notify_deliveries
SET state = :state, due_at_ms = :due_at_ms, failures = failures + :failures, provider = :provider,
    provider_message_id = :provider_message_id, last_error_class = :error_class, last_error_code = :error_code,
    last_error = :error, lease_owner = '', lease_until_ms = 0, updated_at_ms = :now_ms
WHERE number = :number

-- name: run_out
SELECT d.number, {columns} FROM notify_deliveries AS d
WHERE d.state IN ('leased', 'sending') AND d.lease_until_ms <= :now_ms
ORDER BY d.lease_until_ms LIMIT :limit

-- name: expired
SELECT d.number, {columns} FROM notify_deliveries AS d
WHERE d.state IN ('pending', 'retry') AND d.expires_at_ms > 0 AND d.expires_at_ms <= :now_ms
ORDER BY d.expires_at_ms LIMIT :limit

-- name: worn
-- Waiting rows claimed too often. (The first comparison is the index's own.)
SELECT d.number, {columns} FROM notify_deliveries AS d
WHERE d.state IN ('pending', 'retry') AND d.attempts > 9 AND d.attempts >= :max_claims
LIMIT :limit

-- name: unserved
-- Those of old notifications that wait on channels, given as a JSON list.
SELECT d.number, {columns}
FROM notify_notifications AS n CROSS JOIN notify_deliveries AS d
WHERE n.created_at_ms < :created_before_ms AND d.notification_ref = n.id AND d.state IN ('pending', 'retry')
  AND d.channel IN (SELECT value FROM json_each(:channels))
ORDER BY n.created_at_ms LIMIT :limit

-- name: abandon
UPDATE notify_deliveries
SET state = :state, last_error_class = :error_class, last_error_code = :error_code, last_error = '', updated_at_ms = :now_ms
WHERE number = :number

-- name: settle
-- A row that nobody holds any more.
UPDATE notify_deliveries
SET state = :state, due_at_ms = :due_at_ms, last_error_class = :error_class, last_error_code = :error_code,
    lease_owner = '', lease_until_ms = 0, updated_at_ms = :now_ms
WHERE number = :number

-- name: retry
UPDATE notify_deliveries
SET state = 'pending', due_at_ms = :now_ms, failures = 0, attempts = 0, updated_at_ms = :now_ms,
    expires_at_ms = CASE WHEN expires_at_ms <= :now_ms THEN 0 ELSE expires_at_ms END
WHERE number = :number

-- name: report
UPDATE notify_deliveries
SET state = :state, provider = CASE provider WHEN '' THEN :provider ELSE provider END,
    provider_message_id = CASE provider_message_id WHEN '' THEN :provider_message_id ELSE provider_message_id END,
    last_error_class = :error_class, last_error_code = :error_code, last_error = :error,
    lease_owner = '', lease_until_ms = 0, updated_at_ms = :now_ms
WHERE number = :number

-- name: count_due
-- How many of a queue are due, up to a bound, and since when.
SELECT count(*), min(due_at_ms) FROM (
    SELECT due_at_ms FROM notify_deliveries
    WHERE state IN ('pending', 'retry') AND tenant_id = :tenant_id AND channel = :channel AND due_at_ms <= :now_ms
      AND (expires_at_ms = 0 OR expires_at_ms > :now_ms)
    ORDER BY due_at_ms LIMIT :limit
)
