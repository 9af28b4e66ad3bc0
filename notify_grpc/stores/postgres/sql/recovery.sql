-- name: renew_epochs
-- Of the next inboxes, locked as by writers: in order. The epoch is as a new inbox's.
WITH inboxes AS MATERIALIZED (
    SELECT id, tenant_id, user_id FROM notify_inboxes
    WHERE (tenant_id, user_id) > (%(after_tenant)s, %(after_user)s)
    ORDER BY tenant_id, user_id LIMIT %(limit)s
    FOR NO KEY UPDATE
), renewed AS (
    UPDATE notify_inboxes i SET epoch = (random() * (1::bigint << 47))::bigint + 1
    FROM inboxes WHERE i.id = inboxes.id
)
SELECT tenant_id, user_id FROM inboxes
