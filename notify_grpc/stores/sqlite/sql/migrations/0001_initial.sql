-- What a notification says, once per text and tenant, however many people it goes to.
CREATE TABLE notify_contents (
    id           INTEGER PRIMARY KEY,
    tenant_id    TEXT    NOT NULL,
    digest       BLOB    NOT NULL,
    refs         INTEGER NOT NULL,  -- how many notifications show it; the row goes with the last
    title        TEXT    NOT NULL,
    body         TEXT    NOT NULL,
    subject_ref  TEXT    NOT NULL,
    subject_type TEXT    NOT NULL,
    data         TEXT    NOT NULL,  -- a JSON object of strings
    UNIQUE (tenant_id, digest)
) STRICT;

-- A user's counters. Everything else of the user refers to the row by its short number.
CREATE TABLE notify_inboxes (
    id            INTEGER PRIMARY KEY,
    tenant_id     TEXT    NOT NULL,
    user_id       TEXT    NOT NULL,
    epoch         INTEGER NOT NULL,
    last_position INTEGER NOT NULL,
    last_seq      INTEGER NOT NULL,
    pruned_seq    INTEGER NOT NULL,
    unread        INTEGER NOT NULL,
    UNIQUE (tenant_id, user_id)
) STRICT;

-- One recipient's item. Stored in the order of its primary key: a page of an inbox lies in a few neighbouring pages of
-- the file, whatever else is in it. There is no foreign key to the contents, which would need an index; refs does its work.
CREATE TABLE notify_notifications (
    inbox_id        INTEGER NOT NULL REFERENCES notify_inboxes (id),
    position        INTEGER NOT NULL,
    id              TEXT    NOT NULL UNIQUE,
    tenant_id       TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    notification_id TEXT    NOT NULL,
    content_id      INTEGER NOT NULL,
    channels        TEXT    NOT NULL,  -- joined by commas
    status          INTEGER NOT NULL,
    change_seq      INTEGER NOT NULL,
    created_at_ms   INTEGER NOT NULL,
    delivered_at_ms INTEGER NOT NULL DEFAULT 0,
    ack_at_ms       INTEGER NOT NULL DEFAULT 0,
    read_at_ms      INTEGER NOT NULL DEFAULT 0,
    expires_at_ms   INTEGER NOT NULL,
    traceparent     TEXT    NOT NULL,
    PRIMARY KEY (inbox_id, position),
    -- In this order all rows of one Notify are neighbours, and its recipients come sorted.
    UNIQUE (tenant_id, notification_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX notify_notifications_changes ON notify_notifications (inbox_id, change_seq);
CREATE INDEX notify_notifications_unread ON notify_notifications (inbox_id, position) WHERE read_at_ms = 0;
CREATE INDEX notify_notifications_age ON notify_notifications (created_at_ms);

-- One notification on one external channel to one target.
CREATE TABLE notify_deliveries (
    number              INTEGER PRIMARY KEY,  -- the order of creation
    id                  TEXT    NOT NULL UNIQUE,
    tenant_id           TEXT    NOT NULL,
    user_id             TEXT    NOT NULL,
    notification_ref    TEXT    NOT NULL REFERENCES notify_notifications (id) ON DELETE CASCADE,
    notification_id     TEXT    NOT NULL,
    channel             TEXT    NOT NULL,
    target              TEXT    NOT NULL,
    state               TEXT    NOT NULL,
    created_at_ms       INTEGER NOT NULL,
    updated_at_ms       INTEGER NOT NULL,
    due_at_ms           INTEGER NOT NULL,
    expires_at_ms       INTEGER NOT NULL,
    attempts            INTEGER NOT NULL DEFAULT 0,
    failures            INTEGER NOT NULL DEFAULT 0,
    fence               INTEGER NOT NULL DEFAULT 0,
    lease_owner         TEXT    NOT NULL DEFAULT '',
    lease_until_ms      INTEGER NOT NULL DEFAULT 0,
    provider            TEXT    NOT NULL DEFAULT '',
    provider_message_id TEXT    NOT NULL DEFAULT '',
    last_error_class    TEXT,
    last_error_code     TEXT    NOT NULL DEFAULT '',
    last_error          TEXT    NOT NULL DEFAULT '',
    UNIQUE (notification_ref, channel, target)
) STRICT;

-- The queues: one for each tenant and channel, so that a long one is stepped over at the cost of one search.
CREATE INDEX notify_deliveries_due ON notify_deliveries (tenant_id, channel, due_at_ms)
    WHERE state IN ('pending', 'retry');
CREATE INDEX notify_deliveries_lease ON notify_deliveries (lease_until_ms) WHERE state IN ('leased', 'sending');
CREATE INDEX notify_deliveries_expiry ON notify_deliveries (expires_at_ms)
    WHERE state IN ('pending', 'retry') AND expires_at_ms > 0;
-- Rows claimed again and again: few, so that the sweep finds those claimed too often at once.
CREATE INDEX notify_deliveries_claimed ON notify_deliveries (attempts)
    WHERE state IN ('pending', 'retry') AND attempts > 9;
-- Open deliveries to a device that changes hands.
CREATE INDEX notify_deliveries_target ON notify_deliveries (tenant_id, target)
    WHERE state IN ('pending', 'retry', 'leased');
-- What operators look for.
CREATE INDEX notify_deliveries_trouble ON notify_deliveries (id)
    WHERE state IN ('failed', 'parked', 'expired', 'cancelled');
CREATE INDEX notify_deliveries_message ON notify_deliveries (provider, provider_message_id)
    WHERE provider_message_id <> '';

-- The audit: only ever appended to.
CREATE TABLE notify_delivery_attempts (
    number          INTEGER PRIMARY KEY,
    delivery_number INTEGER NOT NULL REFERENCES notify_deliveries (number) ON DELETE CASCADE,
    at_ms           INTEGER NOT NULL,
    fence           INTEGER NOT NULL,
    owner           TEXT    NOT NULL,
    provider        TEXT    NOT NULL,
    state           TEXT    NOT NULL,
    error_class     TEXT,
    error_code      TEXT    NOT NULL,
    error           TEXT    NOT NULL,
    duration_ms     INTEGER NOT NULL,
    stale           INTEGER NOT NULL
) STRICT;

CREATE INDEX notify_delivery_attempts_delivery ON notify_delivery_attempts (delivery_number);

CREATE TABLE notify_devices (
    tenant_id     TEXT    NOT NULL,
    user_id       TEXT    NOT NULL,
    device_type   TEXT    NOT NULL,
    device_id     TEXT    NOT NULL,
    token         TEXT    NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, user_id, device_type, device_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX notify_devices_token ON notify_devices (tenant_id, device_type, token);

-- Readiness: only a write that is committed shows a full disk.
CREATE TABLE notify_pings (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    at_ms INTEGER NOT NULL
) STRICT;
