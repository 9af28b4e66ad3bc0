-- Times are epoch milliseconds, 0 is "not yet". Names and keys compare byte by byte (COLLATE "C"): that is code point order.

-- The one clock of leases, due times and expiry: instances need not agree on the time.
CREATE FUNCTION notify_now_ms() RETURNS bigint
    LANGUAGE sql VOLATILE PARALLEL SAFE
    AS 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint';

-- A user's counters, and the lock that makes the order of numbers the order of commits. Only keys are indexed, so
-- every update is a heap-only one (HOT) while the page has room for it. An upsert takes an id whether it inserts or not.
CREATE TABLE notify_inboxes (
    id            bigint GENERATED ALWAYS AS IDENTITY (CACHE 100) UNIQUE,
    last_position bigint NOT NULL DEFAULT 0,
    last_seq      bigint NOT NULL DEFAULT 0,
    pruned_seq    bigint NOT NULL DEFAULT 0,
    unread        bigint NOT NULL DEFAULT 0,
    epoch         bigint NOT NULL,
    tenant_id     text COLLATE "C" NOT NULL,
    user_id       text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.2);

-- What a call to several users says, once per call. Never updated; removed with its last notification. `call_key` is a digest
-- of (tenant_id, notification_id), `content_hash` one of the rest, so that repeats with other content can be told.
CREATE TABLE notify_contents (
    call_key        uuid NOT NULL,
    content_hash    uuid NOT NULL,
    tenant_id       text COLLATE "C" NOT NULL,
    notification_id text COLLATE "C" NOT NULL,
    title           text NOT NULL,
    body            text NOT NULL,
    subject_ref     text NOT NULL,
    subject_type    text NOT NULL,
    data            json NOT NULL,
    PRIMARY KEY (call_key, content_hash)
);

-- One thin row per recipient, with thin keys: names are in the inbox and the content. What is said to one user alone is in the
-- row itself, so that nothing is looked up for it; else title and the rest are null. The unique key also lists the recipients of
-- a call in order. `id` is a UUIDv7 of created_at_ms, so the primary key is the order of age too. Neither `status` nor `delivered_at_ms` is indexed: reporting delivery is a
-- heap-only update, for which a tenth of each page is kept free.
CREATE TABLE notify_notifications (
    id              uuid   NOT NULL PRIMARY KEY,
    call_key        uuid   NOT NULL,
    content_hash    uuid   NOT NULL,
    inbox_id        bigint NOT NULL,
    position        bigint NOT NULL,
    change_seq      bigint NOT NULL,
    created_at_ms   bigint NOT NULL,
    delivered_at_ms bigint NOT NULL DEFAULT 0,
    ack_at_ms       bigint NOT NULL DEFAULT 0,
    read_at_ms      bigint NOT NULL DEFAULT 0,
    expires_at_ms   bigint NOT NULL DEFAULT 0,
    status          smallint NOT NULL DEFAULT 1,
    user_id         text COLLATE "C" NOT NULL,
    channels        text NOT NULL,
    traceparent     text NOT NULL DEFAULT '',
    notification_id text COLLATE "C",
    title           text,
    body            text,
    subject_ref     text,
    subject_type    text,
    data            json,
    CONSTRAINT notify_notifications_key UNIQUE (call_key, user_id),
    CONSTRAINT notify_notifications_position UNIQUE (inbox_id, position)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1);
COMMENT ON COLUMN notify_notifications.channels IS
    'one letter each, in the order asked for: i in_app, e email, w web_push, m mobile_push, s sms, a whatsapp';
CREATE INDEX notify_notifications_change ON notify_notifications (inbox_id, change_seq);
CREATE INDEX notify_notifications_unread ON notify_notifications (inbox_id, position) WHERE read_at_ms = 0;

CREATE TABLE notify_deliveries (
    id                  uuid   NOT NULL PRIMARY KEY,
    notification_ref    uuid   NOT NULL,
    created_at_ms       bigint NOT NULL,
    updated_at_ms       bigint NOT NULL,
    due_at_ms           bigint NOT NULL,
    expires_at_ms       bigint NOT NULL DEFAULT 0,
    fence               bigint NOT NULL DEFAULT 0,
    lease_until_ms      bigint NOT NULL DEFAULT 0,
    attempts            integer NOT NULL DEFAULT 0,
    failures            integer NOT NULL DEFAULT 0,
    tenant_id           text COLLATE "C" NOT NULL,
    user_id             text COLLATE "C" NOT NULL,
    notification_id     text COLLATE "C" NOT NULL,
    channel             text COLLATE "C" NOT NULL,
    target              text NOT NULL,
    state               text COLLATE "C" NOT NULL,
    lease_owner         text NOT NULL DEFAULT '',
    provider            text COLLATE "C" NOT NULL DEFAULT '',
    provider_message_id text COLLATE "C" NOT NULL DEFAULT '',
    last_error_class    text NOT NULL DEFAULT '',
    last_error_code     text NOT NULL DEFAULT '',
    last_error          text NOT NULL DEFAULT ''
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.1);
CREATE INDEX notify_deliveries_of ON notify_deliveries (notification_ref, id);
CREATE INDEX notify_deliveries_tenant ON notify_deliveries (tenant_id, id);
-- The queue: per tenant and channel, so that a backlog is never walked past to reach another's row.
CREATE INDEX notify_deliveries_due ON notify_deliveries (tenant_id, channel, due_at_ms, id)
    WHERE state IN ('pending', 'retry');
CREATE INDEX notify_deliveries_lease ON notify_deliveries (lease_until_ms) WHERE state IN ('leased', 'sending');
CREATE INDEX notify_deliveries_expiry ON notify_deliveries (expires_at_ms)
    WHERE state IN ('pending', 'retry') AND expires_at_ms > 0;
-- The threshold is domain.backoff.MAX_CLAIMS.
CREATE INDEX notify_deliveries_worn ON notify_deliveries (id) WHERE state IN ('pending', 'retry') AND attempts >= 50;
CREATE INDEX notify_deliveries_open ON notify_deliveries (tenant_id, user_id)
    WHERE state IN ('pending', 'retry', 'leased', 'sending');
-- What operators look for is rare among the delivered.
CREATE INDEX notify_deliveries_stuck ON notify_deliveries (state, id)
    WHERE state IN ('failed', 'parked', 'expired', 'cancelled');
CREATE INDEX notify_deliveries_message ON notify_deliveries (provider, provider_message_id)
    WHERE provider_message_id <> '';

-- The audit; only appended to.
CREATE TABLE notify_delivery_attempts (
    delivery_id uuid   NOT NULL,
    seq         bigint GENERATED ALWAYS AS IDENTITY,
    at_ms       bigint NOT NULL,
    fence       bigint NOT NULL,
    duration_ms bigint NOT NULL DEFAULT 0,
    stale       boolean NOT NULL DEFAULT false,
    owner       text NOT NULL,
    provider    text NOT NULL,
    state       text NOT NULL,
    error_class text NOT NULL DEFAULT '',
    error_code  text NOT NULL DEFAULT '',
    error       text NOT NULL DEFAULT '',
    PRIMARY KEY (delivery_id, seq)
);

CREATE TABLE notify_devices (
    updated_at_ms bigint NOT NULL,
    tenant_id     text COLLATE "C" NOT NULL,
    user_id       text COLLATE "C" NOT NULL,
    device_type   text COLLATE "C" NOT NULL,
    device_id     text COLLATE "C" NOT NULL,
    token         text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, user_id, device_type, device_id)
);
-- Tokens are long (a browser's is a whole JSON object), so their digest is indexed.
CREATE INDEX notify_devices_token ON notify_devices (tenant_id, device_type, md5(token));
