-- The first schema. Once a release has used it, it is never edited: what comes next is a file of its own.
--
-- Ids are UUIDv7 text, so that the newest row has the greatest id. Times are milliseconds since the Unix epoch, UTC.
-- Sets that are closed for good are checked here; sets that grow (kinds of operations and events, reasons, origins)
-- are not, because SQLite can't change a check without copying the table.

CREATE TABLE providers (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    plugin TEXT NOT NULL,
    base_url TEXT NOT NULL,
    settings TEXT NOT NULL,
    credentials TEXT NOT NULL,
    grants TEXT NOT NULL,
    healthy INTEGER CHECK (healthy IN (0, 1)),
    health_at INTEGER,
    health_error TEXT,
    account TEXT,
    platform_version TEXT,
    version INTEGER NOT NULL CHECK (version >= 1),
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    deleted INTEGER
) STRICT;
CREATE UNIQUE INDEX providers_name ON providers (name) WHERE deleted IS NULL;

CREATE TABLE pipelines (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    provider TEXT NOT NULL REFERENCES providers (id),
    external_ref TEXT,
    repository TEXT,
    reference TEXT,
    parameters TEXT NOT NULL,
    environment TEXT NOT NULL,
    webhook_url TEXT,
    version INTEGER NOT NULL CHECK (version >= 1),
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    deleted INTEGER
) STRICT;
CREATE UNIQUE INDEX pipelines_name ON pipelines (name) WHERE deleted IS NULL;
CREATE INDEX pipelines_provider ON pipelines (provider, id);

-- One row for each run, with its current attempt. Earlier attempts are kept in run_attempts.
CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY,
    pipeline TEXT NOT NULL REFERENCES pipelines (id),
    pipeline_name TEXT NOT NULL,
    provider TEXT NOT NULL REFERENCES providers (id),
    origin TEXT NOT NULL,
    external_id TEXT,
    ticket TEXT,
    number TEXT,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    correlation TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('pending', 'running', 'waiting', 'succeeded', 'failed', 'canceled', 'skipped', 'ambiguous')),
    reason TEXT,
    platform TEXT NOT NULL,
    conditions TEXT NOT NULL,
    cancel_requested INTEGER NOT NULL CHECK (cancel_requested IN (0, 1)),
    created INTEGER,
    started INTEGER,
    finished INTEGER,
    updated INTEGER,
    reference TEXT,
    commit_id TEXT,
    actor TEXT,
    url TEXT,
    parameters TEXT NOT NULL,
    environment TEXT NOT NULL,
    edges TEXT CHECK (edges IN ('exact', 'approximate', 'none')),
    complete INTEGER CHECK (complete IN (0, 1)),
    version INTEGER NOT NULL CHECK (version >= 1),
    callback_hash TEXT,
    heartbeat_deadline INTEGER,
    next_poll_at INTEGER,
    -- Whether it is not over.
    active INTEGER NOT NULL
        GENERATED ALWAYS AS (state IN ('pending', 'running', 'waiting', 'ambiguous')) STORED,
    CHECK ((edges IS NULL) = (complete IS NULL))
) STRICT;
CREATE INDEX runs_pipeline ON runs (pipeline, id);
CREATE INDEX runs_pipeline_state ON runs (pipeline, state, id);
CREATE INDEX runs_provider ON runs (provider, id);
CREATE INDEX runs_provider_state ON runs (provider, state, id);
CREATE INDEX runs_active ON runs (provider, id) WHERE active = 1;
CREATE INDEX runs_state ON runs (state, id);
CREATE INDEX runs_external ON runs (provider, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX runs_callback ON runs (callback_hash) WHERE callback_hash IS NOT NULL;
CREATE INDEX runs_heartbeat ON runs (heartbeat_deadline, id) WHERE heartbeat_deadline IS NOT NULL;
CREATE INDEX runs_poll ON runs (next_poll_at, id) WHERE next_poll_at IS NOT NULL;

CREATE TABLE run_attempts (
    run TEXT NOT NULL REFERENCES runs (id),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    external_id TEXT,
    ticket TEXT,
    number TEXT,
    state TEXT NOT NULL
        CHECK (state IN ('pending', 'running', 'waiting', 'succeeded', 'failed', 'canceled', 'skipped', 'ambiguous')),
    reason TEXT,
    platform TEXT NOT NULL,
    conditions TEXT NOT NULL,
    cancel_requested INTEGER NOT NULL CHECK (cancel_requested IN (0, 1)),
    created INTEGER,
    started INTEGER,
    finished INTEGER,
    updated INTEGER,
    commit_id TEXT,
    actor TEXT,
    url TEXT,
    edges TEXT CHECK (edges IN ('exact', 'approximate', 'none')),
    complete INTEGER CHECK (complete IN (0, 1)),
    PRIMARY KEY (run, attempt),
    CHECK ((edges IS NULL) = (complete IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    run TEXT NOT NULL REFERENCES runs (id),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    id TEXT NOT NULL,
    place INTEGER NOT NULL,
    name TEXT NOT NULL,
    stage TEXT,
    state TEXT NOT NULL
        CHECK (state IN ('pending', 'running', 'waiting', 'succeeded', 'failed', 'canceled', 'skipped')),
    reason TEXT,
    platform TEXT NOT NULL,
    conditions TEXT NOT NULL,
    created INTEGER,
    started INTEGER,
    finished INTEGER,
    updated INTEGER,
    needs TEXT NOT NULL,
    parent TEXT,
    runner TEXT,
    url TEXT,
    PRIMARY KEY (run, attempt, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE steps (
    run TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    job TEXT NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('pending', 'running', 'waiting', 'succeeded', 'failed', 'canceled', 'skipped')),
    reason TEXT,
    platform TEXT NOT NULL,
    conditions TEXT NOT NULL,
    created INTEGER,
    started INTEGER,
    finished INTEGER,
    updated INTEGER,
    PRIMARY KEY (run, attempt, job, number),
    FOREIGN KEY (run, attempt, job) REFERENCES jobs (run, attempt, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE operations (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    provider TEXT NOT NULL REFERENCES providers (id),
    run TEXT REFERENCES runs (id),
    payload TEXT NOT NULL,
    recovery TEXT NOT NULL CHECK (recovery IN ('idempotent-key', 'searchable', 'by-state', 'none')),
    state TEXT NOT NULL
        CHECK (state IN ('queued', 'claimed', 'sent', 'done', 'failed', 'canceled', 'ambiguous')),
    -- Whether an engine may still have to do something about it of its own accord.
    open INTEGER NOT NULL GENERATED ALWAYS AS (state IN ('queued', 'claimed', 'sent')) STORED,
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    first_sent INTEGER,
    due INTEGER NOT NULL,
    lease_until INTEGER,
    error_code TEXT,
    error_message TEXT,
    actor TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    CHECK ((error_code IS NULL) = (error_message IS NULL))
) STRICT;
CREATE INDEX operations_due ON operations (due, id, provider, lease_until) WHERE open = 1;
CREATE INDEX operations_lease ON operations (provider, lease_until) WHERE open = 1 AND lease_until IS NOT NULL;
CREATE INDEX operations_run ON operations (run, id) WHERE run IS NOT NULL;
CREATE INDEX operations_provider ON operations (provider, id);
CREATE INDEX operations_state ON operations (state, id);

-- What readers replay. A number is never given twice, also after the newest rows were deleted.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    run TEXT,
    pipeline TEXT,
    data TEXT NOT NULL
) STRICT;
CREATE INDEX events_run ON events (run, seq) WHERE run IS NOT NULL;
CREATE INDEX events_pipeline ON events (pipeline, seq) WHERE pipeline IS NOT NULL;

-- Each row's hash covers the row and the hash before it; audit_head tells when the newest rows are missing.
CREATE TABLE audit (
    seq INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TABLE audit_head (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE TABLE secrets (
    name TEXT NOT NULL PRIMARY KEY,
    sealed BLOB NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    provider TEXT NOT NULL REFERENCES providers (id),
    slot TEXT NOT NULL,
    sealed BLOB NOT NULL,
    placement TEXT NOT NULL,
    expires INTEGER,
    PRIMARY KEY (provider, slot)
) STRICT;

CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    expires INTEGER,
    revoked INTEGER,
    last_used INTEGER
) STRICT;
CREATE UNIQUE INDEX tokens_name ON tokens (name) WHERE revoked IS NULL;

-- No environment: the role holds in all of them.
CREATE TABLE role_bindings (
    token TEXT NOT NULL REFERENCES tokens (id),
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'deployer', 'admin')),
    environment TEXT
) STRICT;
CREATE UNIQUE INDEX role_bindings_all ON role_bindings (token) WHERE environment IS NULL;
CREATE UNIQUE INDEX role_bindings_one ON role_bindings (token, environment) WHERE environment IS NOT NULL;

CREATE TABLE artifacts (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('binary', 'container', 'package', 'archive')),
    size INTEGER NOT NULL CHECK (size >= 0),
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    media_type TEXT,
    metadata TEXT NOT NULL,
    run TEXT REFERENCES runs (id),
    attempt INTEGER CHECK (attempt >= 1),
    job TEXT,
    created INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX artifacts_of_run ON artifacts (run, name, coalesce(attempt, 0)) WHERE run IS NOT NULL;
CREATE INDEX artifacts_run ON artifacts (run, id) WHERE run IS NOT NULL;
CREATE INDEX artifacts_name ON artifacts (name, id);
CREATE INDEX artifacts_sha256 ON artifacts (sha256);

-- Job '' is the run's own log. The bytes are in files; carry is sealed by whoever stores it.
CREATE TABLE log_streams (
    run TEXT NOT NULL REFERENCES runs (id),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    job TEXT NOT NULL,
    received INTEGER NOT NULL CHECK (received >= 0),
    written INTEGER NOT NULL CHECK (written >= 0),
    complete INTEGER NOT NULL CHECK (complete IN (0, 1)),
    carry BLOB NOT NULL,
    PRIMARY KEY (run, attempt, job)
) STRICT, WITHOUT ROWID;

CREATE TABLE kv (
    provider TEXT NOT NULL REFERENCES providers (id),
    entry TEXT NOT NULL,
    value BLOB NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    expires INTEGER,
    PRIMARY KEY (provider, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX kv_expires ON kv (provider, expires) WHERE expires IS NOT NULL;
CREATE TABLE kv_usage (
    provider TEXT NOT NULL PRIMARY KEY REFERENCES providers (id),
    bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;

-- No status: the request is still being answered.
CREATE TABLE idempotency (
    scope TEXT NOT NULL,
    entry TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    created INTEGER NOT NULL,
    status INTEGER,
    headers TEXT,
    body BLOB,
    PRIMARY KEY (scope, entry)
) STRICT;
CREATE INDEX idempotency_created ON idempotency (created);
CREATE INDEX idempotency_in_flight ON idempotency (scope, entry) WHERE status IS NULL;
