-- name: columns
-- A notification with its content, as rows.notifications reads it.
n.id, n.tenant_id, n.user_id, n.notification_id, n.content_id, n.channels, n.status, n.position, n.change_seq,
n.created_at_ms, n.delivered_at_ms, n.ack_at_ms, n.read_at_ms, n.expires_at_ms, n.traceparent,
c.title, c.body, c.subject_ref, c.subject_type, c.data

-- name: item
SELECT {columns}
FROM notify_notifications AS n JOIN notify_contents AS c ON c.id = n.content_id

-- name: get
{item}
WHERE n.id = :id AND n.tenant_id = :tenant_id AND n.user_id = :user_id

-- name: inbox
-- The counters of a user, with the row's number before them.
SELECT id, epoch, last_position, last_seq, pruned_seq, unread
FROM notify_inboxes WHERE tenant_id = :tenant_id AND user_id = :user_id

-- name: inboxes
-- The counters of many users, given as a JSON list of [tenant_id, user_id].
SELECT i.tenant_id, i.user_id, i.epoch, i.last_position, i.last_seq, i.pruned_seq, i.unread
FROM json_each(:users) AS u CROSS JOIN notify_inboxes AS i
  ON i.tenant_id = json_extract(u.value, '$[0]') AND i.user_id = json_extract(u.value, '$[1]')

-- name: page
{item}
WHERE n.inbox_id = :inbox_id AND n.position < :before
ORDER BY n.position DESC LIMIT :limit

-- name: unread_page
{item}
WHERE n.inbox_id = :inbox_id AND n.position < :before AND n.read_at_ms = 0
ORDER BY n.position DESC LIMIT :limit

-- name: changes
{item}
WHERE n.inbox_id = :inbox_id AND n.change_seq > :since
ORDER BY n.change_seq LIMIT :limit

-- name: recipients
{item}
WHERE n.tenant_id = :tenant_id AND n.notification_id = :notification_id AND n.user_id > :after
ORDER BY n.user_id LIMIT :limit

-- name: some_recipients
-- Of a JSON list of user ids: one search for each, however many others got the notification.
SELECT {columns}
FROM json_each(:user_ids) AS u CROSS JOIN notify_notifications AS n JOIN notify_contents AS c ON c.id = n.content_id
WHERE n.tenant_id = :tenant_id AND n.notification_id = :notification_id AND n.user_id = u.value AND u.value > :after
ORDER BY n.user_id LIMIT :limit

-- name: any_recipient
-- Whether anybody got this notification before: mostly nobody, and then nobody need be looked up.
SELECT 1 FROM notify_notifications WHERE tenant_id = :tenant_id AND notification_id = :notification_id LIMIT 1

-- name: known_recipients
-- Who of a JSON list of user ids got it before, and the digest of what they got.
SELECT n.user_id, n.id, c.digest
FROM json_each(:user_ids) AS u CROSS JOIN notify_notifications AS n JOIN notify_contents AS c ON c.id = n.content_id
WHERE n.tenant_id = :tenant_id AND n.notification_id = :notification_id AND n.user_id = u.value

-- name: add_content
INSERT INTO notify_contents (tenant_id, digest, refs, title, body, subject_ref, subject_type, data)
VALUES (:tenant_id, :digest, :refs, :title, :body, :subject_ref, :subject_type, :data)
ON CONFLICT (tenant_id, digest) DO UPDATE SET refs = refs + excluded.refs
RETURNING id

-- name: advance_inboxes
-- One more notification for each of a JSON list of user ids, each there once. A new inbox has an epoch as of domain ids.new_epoch.
-- (WHERE true: or ON would be a join's.)
INSERT INTO notify_inboxes (tenant_id, user_id, epoch, last_position, last_seq, pruned_seq, unread)
SELECT :tenant_id, value, (random() & 0xFFFFFFFFFFFF) | 1, 1, 1, 0, 1 FROM json_each(:user_ids) WHERE true
ON CONFLICT (tenant_id, user_id) DO UPDATE
SET last_position = last_position + 1, last_seq = last_seq + 1, unread = unread + 1
RETURNING user_id, id, epoch, last_position, last_seq, unread

-- name: add_notification
INSERT INTO notify_notifications (inbox_id, position, change_seq, id, user_id, tenant_id, notification_id, content_id, channels,
                                  status, created_at_ms, expires_at_ms, traceparent)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: count_read
-- The inbox after so many of its notifications were read.
UPDATE notify_inboxes SET last_seq = last_seq + :count, unread = unread - :count WHERE id = :inbox_id
RETURNING epoch, last_position, last_seq, pruned_seq, unread

-- name: oldest_unread
-- (INDEXED BY: the planner would take the primary key, and walk through all that was read long ago.)
SELECT position FROM notify_notifications INDEXED BY notify_notifications_unread
WHERE inbox_id = :inbox_id AND read_at_ms = 0 ORDER BY position LIMIT :limit

-- name: set_read
UPDATE notify_notifications
SET read_at_ms = :at_ms, ack_at_ms = CASE ack_at_ms WHEN 0 THEN :at_ms ELSE ack_at_ms END, status = :read, change_seq = :seq
WHERE inbox_id = :inbox_id AND position = :position

-- name: set_delivered
UPDATE notify_notifications SET status = :delivered, delivered_at_ms = :at_ms
WHERE id = :id AND tenant_id = :tenant_id AND user_id = :user_id AND status = :pending
