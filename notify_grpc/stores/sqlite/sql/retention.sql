-- name: old
-- Notifications created before a time that have no open delivery, as a removal takes them.
SELECT n.inbox_id, n.position, n.id, n.content_id, n.change_seq, n.read_at_ms = 0
FROM notify_notifications AS n
WHERE n.created_at_ms < :created_before_ms AND NOT EXISTS (
    SELECT 1 FROM notify_deliveries AS d
    WHERE d.notification_ref = n.id AND d.state IN ('pending', 'retry', 'leased', 'sending')
)
ORDER BY n.created_at_ms LIMIT :limit

-- name: own
-- Notifications of an inbox, as a removal takes them.
SELECT n.inbox_id, n.position, n.id, n.content_id, n.change_seq, n.read_at_ms = 0
FROM notify_notifications AS n WHERE n.inbox_id = :inbox_id
ORDER BY n.position LIMIT :limit

-- name: remove_deliveries
-- Their attempts go with them.
DELETE FROM notify_deliveries WHERE notification_ref = :id

-- name: remove
DELETE FROM notify_notifications WHERE inbox_id = :inbox_id AND position = :position

-- name: lower
-- What an inbox remembers of rows that are gone.
UPDATE notify_inboxes SET unread = unread - :unread, pruned_seq = max(pruned_seq, :seq) WHERE id = :inbox_id

-- name: release_content
UPDATE notify_contents SET refs = refs - :refs WHERE id = :content_id

-- name: remove_content
DELETE FROM notify_contents WHERE id = :content_id AND refs = 0

-- name: inbox
SELECT id FROM notify_inboxes WHERE tenant_id = :tenant_id AND user_id = :user_id

-- name: remove_inbox
DELETE FROM notify_inboxes WHERE id = :inbox_id
