-- What a polled provider needs: runs that another run is done again by, and runs that others started.
ALTER TABLE runs ADD COLUMN retry_of TEXT REFERENCES runs (id);
-- The platform's own name of the run's pipeline, where no trigger of ours has it: the pipeline's row can go.
ALTER TABLE runs ADD COLUMN platform_pipeline TEXT;

-- How far runs that others started have been seen, as the engine wrote it.
CREATE TABLE sightings (
    provider TEXT NOT NULL PRIMARY KEY REFERENCES providers (id),
    state TEXT NOT NULL
) STRICT;
