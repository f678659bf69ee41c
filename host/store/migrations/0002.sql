-- What a polled provider needs: runs that another run is done again by, and runs that others started.
ALTER TABLE runs ADD COLUMN retry_of TEXT REFERENCES runs (id);
-- The platform's own name of the run's pipeline, where no trigger of ours has it: the pipeline's row can go.
ALTER TABLE runs ADD COLUMN platform_pipeline TEXT;

-- How far runs that others started have been seen, as the engine wrote it.
CREATE TABLE sightings (
    provider TEXT NOT NULL PRIMARY KEY REFERENCES providers (id),
    state TEXT NOT NULL
) STRICT;

-- An artifact of the platform has no bytes here until somebody asks for them.
CREATE TABLE artifacts_with_platforms (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('binary', 'container', 'package', 'archive')),
    external_id TEXT,
    size INTEGER CHECK (size >= 0),
    sha256 TEXT CHECK (length(sha256) = 64),
    media_type TEXT,
    metadata TEXT NOT NULL,
    run TEXT REFERENCES runs (id),
    attempt INTEGER CHECK (attempt >= 1),
    job TEXT,
    created INTEGER NOT NULL,
    CHECK (external_id IS NOT NULL OR sha256 IS NOT NULL),
    CHECK (sha256 IS NULL OR size IS NOT NULL)
) STRICT;
INSERT INTO artifacts_with_platforms (id, name, version, kind, size, sha256, media_type, metadata, run, attempt, job,
    created)
SELECT id, name, version, kind, size, sha256, media_type, metadata, run, attempt, job, created FROM artifacts;
DROP TABLE artifacts;
ALTER TABLE artifacts_with_platforms RENAME TO artifacts;
CREATE UNIQUE INDEX artifacts_of_run ON artifacts (run, name, coalesce(attempt, 0), coalesce(external_id, ''))
    WHERE run IS NOT NULL;
CREATE INDEX artifacts_run ON artifacts (run, id) WHERE run IS NOT NULL;
CREATE INDEX artifacts_name ON artifacts (name, id);
CREATE INDEX artifacts_sha256 ON artifacts (sha256);
