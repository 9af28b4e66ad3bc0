-- Push targets.

-- name: lock_token
-- Those who register one token take turns, so that it has one owner.
SELECT pg_advisory_xact_lock(hashtextextended(jsonb_build_array(%(tenant_id)s, %(device_type)s, %(token)s)::text, 0))

-- name: take_token
-- Whoever else has the token loses it, and what is not being sent to it yet is cancelled if it was another user.
WITH lost AS (
    DELETE FROM notify_devices
    WHERE tenant_id = %(tenant_id)s AND device_type = %(device_type)s AND md5(token) = md5(%(token)s) AND token = %(token)s
      AND (user_id, device_id) <> (%(user_id)s, %(device_id)s)
    RETURNING user_id
)
UPDATE notify_deliveries
SET state = 'cancelled', lease_owner = '', lease_until_ms = 0, updated_at_ms = notify_now_ms()
WHERE tenant_id = %(tenant_id)s AND user_id = ANY (ARRAY(SELECT user_id FROM lost WHERE user_id <> %(user_id)s))
  AND state IN ('pending', 'retry', 'leased') AND channel = %(channel)s AND target = %(target)s

-- name: upsert
INSERT INTO notify_devices (tenant_id, user_id, device_type, device_id, token, updated_at_ms)
VALUES (%(tenant_id)s, %(user_id)s, %(device_type)s, %(device_id)s, %(token)s, %(at_ms)s)
ON CONFLICT (tenant_id, user_id, device_type, device_id) DO UPDATE
SET token = excluded.token, updated_at_ms = excluded.updated_at_ms

-- name: list
SELECT user_id, device_type, device_id, token, updated_at_ms
FROM notify_devices WHERE tenant_id = %(tenant_id)s AND user_id = ANY (%(user_ids)s)
ORDER BY user_id, device_type, device_id

-- name: remove
DELETE FROM notify_devices
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND device_type = %(device_type)s AND device_id = %(device_id)s
RETURNING true

-- name: remove_token
DELETE FROM notify_devices WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND token = %(token)s
RETURNING true

-- name: remove_all
DELETE FROM notify_devices WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s
RETURNING true
