-- name: renew_epochs
-- Of the next inboxes; an epoch as of domain ids.new_epoch.
UPDATE notify_inboxes SET epoch = (random() & 0xFFFFFFFFFFFF) | 1
WHERE id IN (SELECT id FROM notify_inboxes WHERE id > :after ORDER BY id LIMIT :limit)
RETURNING id
