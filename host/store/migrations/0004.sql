-- When the latest truth of a run was seen, by our clock. `updated` held that too, where the platform told no time: from here on it is the
-- platform's alone, and what is there may be either's.
ALTER TABLE runs ADD COLUMN seen INTEGER;
UPDATE runs SET seen = updated, updated = NULL;
