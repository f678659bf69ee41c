-- What is told to others: who subscribes, and each message with what became of it.
CREATE TABLE subscribers (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    format TEXT NOT NULL,
    kinds TEXT NOT NULL,
    pipeline TEXT REFERENCES pipelines (id),
    -- Whether it is there because that pipeline has a webhook URL.
    of_pipeline INTEGER NOT NULL CHECK (of_pipeline IN (0, 1)),
    secret TEXT,
    earlier_secret TEXT,
    private_networks TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    disabled_code TEXT,
    disabled_message TEXT,
    -- The number of the newest event that was looked at for it. No change of the definition: the version stays.
    position INTEGER NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    CHECK (of_pipeline = 0 OR pipeline IS NOT NULL),
    CHECK ((disabled_code IS NULL) = (disabled_message IS NULL))
) STRICT;
CREATE UNIQUE INDEX subscribers_name ON subscribers (name);
CREATE UNIQUE INDEX subscribers_of_pipeline ON subscribers (pipeline) WHERE of_pipeline = 1;
CREATE INDEX subscribers_secret ON subscribers (secret) WHERE secret IS NOT NULL;
CREATE INDEX subscribers_earlier_secret ON subscribers (earlier_secret) WHERE earlier_secret IS NOT NULL;

CREATE TABLE notifications (
    id TEXT NOT NULL PRIMARY KEY,
    subscriber TEXT NOT NULL REFERENCES subscribers (id),
    event INTEGER,
    kind TEXT NOT NULL,
    run TEXT REFERENCES runs (id),
    -- Messages of one lane arrive in the order of their events.
    lane TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'delivered', 'dead')),
    open INTEGER NOT NULL GENERATED ALWAYS AS (state = 'queued') STORED,
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    due INTEGER NOT NULL,
    lease_until INTEGER,
    records TEXT NOT NULL,
    size INTEGER NOT NULL CHECK (size >= 0),
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    headers TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
-- An event is told to a subscriber once.
CREATE UNIQUE INDEX notifications_event ON notifications (subscriber, event) WHERE event IS NOT NULL;
CREATE INDEX notifications_subscriber ON notifications (subscriber, id);
CREATE INDEX notifications_run ON notifications (run, id) WHERE run IS NOT NULL;
CREATE INDEX notifications_state ON notifications (state, id);
CREATE INDEX notifications_subscriber_state ON notifications (subscriber, state, id);
CREATE INDEX notifications_due ON notifications (due, id) WHERE open = 1;
CREATE INDEX notifications_claim ON notifications (subscriber, due, event) WHERE open = 1;
CREATE INDEX notifications_lane ON notifications (subscriber, lane, event) WHERE open = 1;
CREATE INDEX notifications_lease ON notifications (lease_until) WHERE open = 1 AND lease_until IS NOT NULL;
CREATE INDEX notifications_age ON notifications (updated, id, size) WHERE open = 0;

-- What is told of the runs of pipelines that have a webhook URL already: from now on, all that happens.
INSERT INTO subscribers (id, name, url, format, kinds, pipeline, of_pipeline, private_networks, enabled, position, version,
    created, updated)
SELECT id, 'pipeline-' || id, webhook_url, 'standard-webhooks',
    '["run.queued","run.started","run.waiting","run.finished"]', id, 1, '[]', 1,
    coalesce((SELECT max(seq) FROM events), 0), 1, updated, updated
FROM pipelines WHERE webhook_url IS NOT NULL AND deleted IS NULL;
