-- What platforms tell of their own accord: each delivery as it came, and what became of it.
CREATE TABLE deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    provider TEXT NOT NULL REFERENCES providers (id),
    -- The sender's own id of it, or the digest of its body: the same delivery is kept once.
    delivery_key TEXT NOT NULL,
    received INTEGER NOT NULL,
    size INTEGER NOT NULL CHECK (size >= 0),
    state TEXT NOT NULL CHECK (state IN ('stored', 'decoded', 'dead')),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    due INTEGER NOT NULL,
    hints INTEGER NOT NULL CHECK (hints >= 0),
    code TEXT,
    message TEXT,
    version INTEGER NOT NULL CHECK (version >= 1),
    headers TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX deliveries_key ON deliveries (provider, delivery_key);
CREATE INDEX deliveries_provider ON deliveries (provider, id);
CREATE INDEX deliveries_state ON deliveries (state, id);
CREATE INDEX deliveries_provider_state ON deliveries (provider, state, id);
CREATE INDEX deliveries_due ON deliveries (due, id, size) WHERE state = 'stored';
CREATE INDEX deliveries_age ON deliveries (received, id, size) WHERE state <> 'stored';

-- Runs that a platform said something of: to be read. One that is said again while it is read is read again.
CREATE TABLE hints (
    provider TEXT NOT NULL REFERENCES providers (id),
    pipeline TEXT NOT NULL,
    run TEXT NOT NULL,
    generation INTEGER NOT NULL CHECK (generation >= 1),
    looks INTEGER NOT NULL CHECK (looks >= 0),
    PRIMARY KEY (provider, pipeline, run)
) STRICT, WITHOUT ROWID;
