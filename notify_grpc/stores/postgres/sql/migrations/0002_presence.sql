-- Which users have live sessions, and on which instance. Unlogged: after a crash of the server it is written anew.
CREATE UNLOGGED TABLE notify_instances (
    instance   text PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE UNLOGGED TABLE notify_sessions (
    instance    text NOT NULL REFERENCES notify_instances ON DELETE CASCADE,
    tenant_id   text NOT NULL,
    user_id     text NOT NULL,
    session_id  text NOT NULL,
    device_type text NOT NULL,
    PRIMARY KEY (instance, session_id)
);
CREATE INDEX notify_sessions_by_user ON notify_sessions (tenant_id, user_id);
