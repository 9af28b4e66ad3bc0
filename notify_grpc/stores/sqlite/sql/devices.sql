-- name: holder
-- Who has this token now.
SELECT user_id, device_id FROM notify_devices
WHERE tenant_id = :tenant_id AND device_type = :device_type AND token = :token

-- name: put
INSERT INTO notify_devices (tenant_id, user_id, device_type, device_id, token, updated_at_ms)
VALUES (:tenant_id, :user_id, :device_type, :device_id, :token, :at_ms)
ON CONFLICT (tenant_id, user_id, device_type, device_id) DO UPDATE
SET token = excluded.token, updated_at_ms = excluded.updated_at_ms

-- name: list
-- Devices of a JSON list of user ids.
SELECT d.user_id, d.device_type, d.device_id, d.token, d.updated_at_ms
FROM json_each(:user_ids) AS u CROSS JOIN notify_devices AS d
WHERE d.tenant_id = :tenant_id AND d.user_id = u.value
ORDER BY d.user_id, d.device_type, d.device_id

-- name: remove
DELETE FROM notify_devices
WHERE tenant_id = :tenant_id AND user_id = :user_id AND device_type = :device_type AND device_id = :device_id

-- name: remove_token
DELETE FROM notify_devices WHERE tenant_id = :tenant_id AND user_id = :user_id AND token = :token

-- name: remove_all
DELETE FROM notify_devices WHERE tenant_id = :tenant_id AND user_id = :user_id

-- name: cancel
-- Open pushes of a user to a token that is another's now; what is being sent right now cannot be called back.
UPDATE notify_deliveries SET state = 'cancelled', updated_at_ms = :now_ms, lease_owner = '', lease_until_ms = 0
WHERE tenant_id = :tenant_id AND target = :target AND user_id = :user_id AND channel = :channel
  AND state IN ('pending', 'retry', 'leased')
