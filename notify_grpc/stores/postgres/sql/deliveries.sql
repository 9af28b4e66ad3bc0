-- The durable queue. Rows of several deliveries are always locked in the order of their ids, so nobody deadlocks; due times,
-- leases and expiry go by the database's clock (notify_now_ms). `= ANY (ARRAY(...))` beside a join keeps it an index search, even in a
-- plan that was made while the table was empty.

-- name: delivery
d.id::text, d.tenant_id, d.user_id, d.notification_ref::text, d.notification_id, d.channel, d.target, d.state,
d.created_at_ms, d.updated_at_ms, d.due_at_ms, d.expires_at_ms, d.attempts, d.failures, d.fence, d.lease_owner, d.lease_until_ms,
d.provider, d.provider_message_id, d.last_error_class, d.last_error_code, d.last_error

-- name: attempt
a.at_ms, a.fence, a.owner, a.provider, a.state, a.error_class, a.error_code, a.error, a.duration_ms, a.stale

-- name: clock
clock AS MATERIALIZED (SELECT notify_now_ms() AS now_ms)

-- name: queues
-- Every (tenant_id, channel) with waiting rows, from the tenant after `after` around to it. A loose index scan: one search each,
-- whatever waits there, and no more searches than rows are asked for.
ahead AS (
    (SELECT d.tenant_id, d.channel FROM notify_deliveries d
     WHERE d.state IN ('pending', 'retry') AND d.tenant_id > %(after)s ORDER BY d.tenant_id, d.channel LIMIT 1)
    UNION ALL
    SELECT next.tenant_id, next.channel FROM ahead, LATERAL (
        SELECT d.tenant_id, d.channel FROM notify_deliveries d
        WHERE d.state IN ('pending', 'retry') AND (d.tenant_id, d.channel) > (ahead.tenant_id, ahead.channel)
        ORDER BY d.tenant_id, d.channel LIMIT 1
    ) next
), behind AS (
    (SELECT d.tenant_id, d.channel FROM notify_deliveries d
     WHERE d.state IN ('pending', 'retry') AND d.tenant_id <= %(after)s ORDER BY d.tenant_id, d.channel LIMIT 1)
    UNION ALL
    SELECT next.tenant_id, next.channel FROM behind, LATERAL (
        SELECT d.tenant_id, d.channel FROM notify_deliveries d
        WHERE d.state IN ('pending', 'retry') AND (d.tenant_id, d.channel) > (behind.tenant_id, behind.channel)
          AND d.tenant_id <= %(after)s
        ORDER BY d.tenant_id, d.channel LIMIT 1
    ) next
), queues AS MATERIALIZED (
    SELECT tenant_id, channel, row_number() OVER () AS turn
    FROM (SELECT * FROM ahead UNION ALL SELECT * FROM behind LIMIT 1000) every
)

-- name: claim
-- From each queue its oldest due rows that no other claim holds; then one of each tenant, the second of each, and so on.
-- 50 is domain.backoff.MAX_CLAIMS.
WITH RECURSIVE {clock}, {queues}, candidates AS MATERIALIZED (
    SELECT q.tenant_id, q.turn, due.id, due.due_at_ms
    FROM queues q, LATERAL (
        SELECT d.id, d.due_at_ms FROM notify_deliveries d
        WHERE d.tenant_id = q.tenant_id AND d.channel = q.channel AND d.state IN ('pending', 'retry')
          AND d.due_at_ms <= (SELECT now_ms FROM clock)
          AND (d.expires_at_ms = 0 OR d.expires_at_ms > (SELECT now_ms FROM clock)) AND d.attempts < 50
        ORDER BY d.due_at_ms, d.id
        LIMIT least(%(per_tenant)s, %(limit)s)
        FOR UPDATE SKIP LOCKED
    ) due
    WHERE q.channel = ANY (%(channels)s)
), ranked AS (
    SELECT id, turn, row_number() OVER (PARTITION BY tenant_id ORDER BY due_at_ms, id) AS nth FROM candidates
), taken AS MATERIALIZED (
    SELECT id, nth, turn FROM ranked WHERE nth <= %(per_tenant)s ORDER BY nth, turn LIMIT %(limit)s
), d AS (
    UPDATE notify_deliveries d
    SET state = 'leased', fence = d.fence + 1, attempts = d.attempts + 1, lease_owner = %(owner)s,
        lease_until_ms = clock.now_ms + %(lease_ms)s, updated_at_ms = clock.now_ms
    FROM taken, clock WHERE d.id = taken.id AND d.id = ANY (ARRAY(SELECT id FROM taken))
    RETURNING d.*, taken.nth, taken.turn
)
SELECT n.traceparent, {content}, {delivery}
FROM d, LATERAL (
    SELECT * FROM notify_notifications n WHERE n.id = d.notification_ref LIMIT 1
) n {its_content}
ORDER BY d.nth, d.turn

-- name: held
-- The leases that are still their holders', locked.
held AS MATERIALIZED (
    SELECT d.id, d.state, d.lease_until_ms
    FROM (SELECT * FROM unnest(%(ids)s, %(fences)s) AS l (id, fence) ORDER BY id) l, LATERAL (
        SELECT * FROM notify_deliveries d WHERE d.id = l.id LIMIT 1 FOR UPDATE
    ) d
    WHERE d.fence = l.fence AND d.state IN ('leased', 'sending')
)

-- name: start_sending
WITH {clock}, {held}
UPDATE notify_deliveries d SET state = 'sending', updated_at_ms = clock.now_ms
FROM clock
WHERE d.id = ANY (ARRAY(SELECT h.id FROM held h, clock WHERE h.state = 'leased' AND h.lease_until_ms > clock.now_ms))
RETURNING d.id::text

-- name: renew
WITH {clock}, {held}
UPDATE notify_deliveries d SET lease_until_ms = clock.now_ms + %(lease_ms)s, updated_at_ms = clock.now_ms
FROM clock
WHERE d.id = ANY (ARRAY(SELECT id FROM held))
RETURNING d.id::text

-- name: release
WITH {clock}, {held}
UPDATE notify_deliveries d
SET state = 'pending', attempts = d.attempts - 1, due_at_ms = clock.now_ms + %(due_in_ms)s, lease_owner = '', lease_until_ms = 0,
    updated_at_ms = clock.now_ms
FROM clock
WHERE d.id = ANY (ARRAY(SELECT id FROM held WHERE state = 'leased'))
RETURNING d.id::text

-- name: finish
-- Answers the places of the outcomes that were taken. What was leased and never sent cannot have been delivered or parked.
WITH {clock}, outcomes AS MATERIALIZED (
    SELECT o.*, d.state AS held_state, d.fence AS held_fence
    FROM (
        SELECT * FROM unnest(
            %(ids)s, %(fences)s, %(states)s, %(providers)s, %(message_ids)s, %(error_classes)s, %(error_codes)s, %(errors)s, %(due_in_ms)s,
            %(failures)s
        ) WITH ORDINALITY AS o (
            id, fence, state, provider, message_id, error_class, error_code, error, due_in_ms, failures, place)
        ORDER BY id, place
    ) o, LATERAL (
        SELECT d.state, d.fence FROM notify_deliveries d WHERE d.id = o.id LIMIT 1 FOR UPDATE
    ) d
), taken AS MATERIALIZED (
    SELECT DISTINCT ON (id) * FROM outcomes
    WHERE fence = held_fence AND (held_state = 'sending' OR held_state = 'leased' AND state IN ('retry', 'failed', 'expired'))
    ORDER BY id, place
), moved AS (
    UPDATE notify_deliveries d
    SET state = o.state, due_at_ms = clock.now_ms + o.due_in_ms, failures = d.failures + o.failures, provider = o.provider,
        provider_message_id = o.message_id, last_error_class = o.error_class, last_error_code = o.error_code, last_error = o.error,
        lease_owner = '', lease_until_ms = 0, updated_at_ms = clock.now_ms
    FROM taken o, clock WHERE d.id = o.id AND d.id = ANY (ARRAY(SELECT id FROM taken))
), audited AS (
    INSERT INTO notify_delivery_attempts (
        delivery_id, at_ms, fence, owner, provider, state, error_class, error_code, error, duration_ms, stale)
    SELECT (%(ids)s)[a.place], CASE a.at_ms WHEN 0 THEN clock.now_ms ELSE a.at_ms END, a.fence, a.owner, a.provider, a.state,
           a.error_class, a.error_code, a.error, a.duration_ms, a.place <> ALL (ARRAY(SELECT place FROM taken))
    FROM unnest(
        %(a_places)s, %(a_at_ms)s, %(a_fences)s, %(a_owners)s, %(a_providers)s, %(a_states)s, %(a_error_classes)s, %(a_error_codes)s,
        %(a_errors)s, %(a_durations)s
    ) WITH ORDINALITY AS a (
        place, at_ms, fence, owner, provider, state, error_class, error_code, error, duration_ms, nth), clock
    WHERE a.place = ANY (ARRAY(SELECT place FROM outcomes))
    ORDER BY a.nth
)
SELECT place FROM taken

-- name: sweep
-- 50 is domain.backoff.MAX_CLAIMS.
WITH {clock}, run_out AS MATERIALIZED (
    SELECT * FROM notify_deliveries
    WHERE state IN ('leased', 'sending') AND lease_until_ms <= (SELECT now_ms FROM clock)
    ORDER BY lease_until_ms LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), expired AS MATERIALIZED (
    SELECT id FROM notify_deliveries
    WHERE state IN ('pending', 'retry') AND expires_at_ms > 0 AND expires_at_ms <= (SELECT now_ms FROM clock)
    ORDER BY expires_at_ms LIMIT %(limit)s - (SELECT count(*) FROM run_out)
    FOR UPDATE SKIP LOCKED
), worn AS MATERIALIZED (
    SELECT id FROM notify_deliveries
    WHERE state IN ('pending', 'retry') AND attempts >= 50 AND id <> ALL (ARRAY(SELECT id FROM expired))
    ORDER BY id LIMIT %(limit)s - (SELECT count(*) FROM run_out) - (SELECT count(*) FROM expired)
    FOR UPDATE SKIP LOCKED
), fates AS MATERIALIZED (
    -- The state to take, and the last error's class and code; NULL leaves what is there.
    SELECT id, NULL AS error_code,
           CASE WHEN state = 'sending' AND channel = ANY (%(parking)s) THEN 'parked' WHEN attempts >= 50 THEN 'failed' ELSE 'retry' END
               AS state,
           CASE WHEN state = 'sending' AND (channel = ANY (%(parking)s) OR attempts < 50) THEN 'unknown_outcome' END AS error_class
    FROM run_out
    UNION ALL SELECT id, NULL, 'expired', NULL FROM expired
    UNION ALL SELECT id, NULL, 'failed', NULL FROM worn
), audited AS (
    INSERT INTO notify_delivery_attempts (delivery_id, at_ms, fence, owner, provider, state, error_class)
    SELECT id, clock.now_ms, fence, lease_owner, provider, CASE WHEN channel = ANY (%(parking)s) THEN 'parked' ELSE 'retry' END,
           'unknown_outcome'
    FROM run_out, clock WHERE state = 'sending'
)
UPDATE notify_deliveries d
SET state = f.state, due_at_ms = CASE f.state WHEN 'retry' THEN clock.now_ms ELSE d.due_at_ms END,
    last_error_class = coalesce(f.error_class, d.last_error_class),
    last_error_code = CASE f.state WHEN 'failed' THEN 'too_many_claims' ELSE d.last_error_code END,
    lease_owner = '', lease_until_ms = 0, updated_at_ms = clock.now_ms
FROM fates f, clock WHERE d.id = f.id AND d.id = ANY (ARRAY(SELECT id FROM fates))
RETURNING {delivery}

-- name: abandon
-- Of these, what still waits.
WITH {clock}, abandoned AS MATERIALIZED (
    SELECT d.id, d.fence
    FROM (SELECT * FROM unnest(%(ids)s) AS l (id) ORDER BY id) l, LATERAL (
        SELECT * FROM notify_deliveries d WHERE d.id = l.id LIMIT 1 FOR UPDATE
    ) d
    WHERE d.state IN ('pending', 'retry')
), audited AS (
    INSERT INTO notify_delivery_attempts (delivery_id, at_ms, fence, owner, provider, state, error_class, error_code)
    SELECT id, clock.now_ms, fence, '', '', %(state)s, %(error_class)s, %(error_code)s FROM abandoned, clock
)
UPDATE notify_deliveries d
SET state = %(state)s, last_error_class = %(error_class)s, last_error_code = %(error_code)s, last_error = '',
    updated_at_ms = clock.now_ms
FROM clock
WHERE d.id = ANY (ARRAY(SELECT id FROM abandoned))
RETURNING {delivery}

-- name: get
SELECT {delivery} FROM notify_deliveries d WHERE d.id = %(id)s::uuid

-- name: attempts
SELECT a.delivery_id::text, {attempt} FROM notify_delivery_attempts a
WHERE a.delivery_id = ANY (%(ids)s)
ORDER BY a.delivery_id, a.seq

-- name: list_of
SELECT {delivery} FROM notify_deliveries d
WHERE d.notification_ref = ANY (%(refs)s)
ORDER BY d.notification_ref, d.id

-- name: matches
-- Empty arrays and 0 match everything.
(cardinality(%(states)s) = 0 OR d.state = ANY (%(states)s)) AND (cardinality(%(channels)s) = 0 OR d.channel = ANY (%(channels)s))
AND (%(created_before_ms)s = 0 OR d.created_at_ms < %(created_before_ms)s)

-- name: list_all
SELECT {delivery} FROM notify_deliveries d
WHERE d.id > %(after)s::uuid AND {matches}
ORDER BY d.id LIMIT %(limit)s

-- name: list_of_tenant
SELECT {delivery} FROM notify_deliveries d
WHERE d.tenant_id = %(tenant_id)s AND d.id > %(after)s::uuid AND {matches}
ORDER BY d.id LIMIT %(limit)s

-- name: list_stuck
-- For states that few rows are in: from each state's index its first ones, then the first of all.
SELECT {delivery}
FROM unnest(%(states)s) AS wanted (state), LATERAL (
    SELECT * FROM notify_deliveries d
    WHERE d.state IN ('failed', 'parked', 'expired', 'cancelled')
      AND (d.state, d.id) > (wanted.state, %(after)s::uuid) AND d.state <= wanted.state
      AND (%(tenant_id)s = '' OR d.tenant_id = %(tenant_id)s) AND {matches}
    ORDER BY d.state, d.id LIMIT %(limit)s
) d
ORDER BY d.id LIMIT %(limit)s

-- name: retry
WITH {clock}
UPDATE notify_deliveries d
SET state = 'pending', due_at_ms = clock.now_ms, failures = 0, attempts = 0, updated_at_ms = clock.now_ms,
    expires_at_ms = CASE WHEN d.expires_at_ms <= clock.now_ms THEN 0 ELSE d.expires_at_ms END
FROM clock
WHERE d.id = %(id)s::uuid AND d.state = ANY (%(from_states)s)
RETURNING {delivery}

-- name: take_report
SET state = %(state)s, provider = CASE d.provider WHEN '' THEN %(provider)s ELSE d.provider END,
    provider_message_id = CASE d.provider_message_id WHEN '' THEN %(message_id)s ELSE d.provider_message_id END,
    last_error_class = %(error_class)s, last_error_code = %(error_code)s, last_error = %(error)s, lease_owner = '', lease_until_ms = 0,
    updated_at_ms = notify_now_ms()

-- name: report
UPDATE notify_deliveries d
{take_report}
WHERE d.id = %(id)s::uuid AND d.state = ANY (%(from_states)s)
RETURNING {delivery}

-- name: report_message
UPDATE notify_deliveries d
{take_report}
WHERE d.provider = %(provider)s AND d.provider_message_id = %(message_id)s AND d.provider_message_id <> '' AND d.state = ANY (%(from_states)s)
RETURNING {delivery}

-- name: due_stats
-- The first of each queue tells the oldest; counting ends at a bound.
WITH RECURSIVE {clock}, {queues}, firsts AS (
    SELECT first.due_at_ms FROM queues q, LATERAL (
        SELECT d.due_at_ms FROM notify_deliveries d
        WHERE d.tenant_id = q.tenant_id AND d.channel = q.channel AND d.state IN ('pending', 'retry')
          AND d.due_at_ms <= (SELECT now_ms FROM clock) AND d.attempts < 50
          AND (d.expires_at_ms = 0 OR d.expires_at_ms > (SELECT now_ms FROM clock))
        ORDER BY d.due_at_ms LIMIT 1
    ) first
), counted AS (
    SELECT FROM queues q, LATERAL (
        SELECT FROM notify_deliveries d
        WHERE d.tenant_id = q.tenant_id AND d.channel = q.channel AND d.state IN ('pending', 'retry')
          AND d.due_at_ms <= (SELECT now_ms FROM clock) AND d.attempts < 50
          AND (d.expires_at_ms = 0 OR d.expires_at_ms > (SELECT now_ms FROM clock))
        LIMIT %(bound)s
    ) due
    LIMIT %(bound)s
)
SELECT (SELECT count(*) FROM counted), coalesce((SELECT now_ms FROM clock) - (SELECT min(due_at_ms) FROM firsts), 0)
