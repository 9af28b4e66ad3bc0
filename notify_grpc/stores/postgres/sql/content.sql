-- What a notification `n` says: in its own row, or in `c`, shared. Parts of statements of other files.

-- name: content
coalesce(n.title, c.title), coalesce(n.body, c.body), coalesce(n.subject_ref, c.subject_ref),
coalesce(n.subject_type, c.subject_type), coalesce(n.data, c.data)::text

-- name: its_content
-- Of those that share theirs. LIMIT makes it one index search per notification, however the planner counts.
LEFT JOIN LATERAL (
    SELECT * FROM notify_contents c
    WHERE n.title IS NULL AND c.call_key = n.call_key AND c.content_hash = n.content_hash
    LIMIT 1
) c ON true
