-- Keep in step with migrations/postgres.

-- What reviewers say of a finding, by its stable id: it holds for every run that makes the same finding.
-- A finding without a row is open.
CREATE TABLE finding_states (
    finding_id  TEXT NOT NULL PRIMARY KEY,
    -- open, confirmed or dismissed.
    state       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    reviewer    TEXT NOT NULL,
    reviewed_at TIMESTAMP NOT NULL,
    -- Raised by each change.
    revision    BIGINT NOT NULL
);

-- Every change of a state: who, when, from what to what, and why.
CREATE TABLE finding_reviews (
    id         TEXT NOT NULL PRIMARY KEY,
    finding_id TEXT NOT NULL,
    at         TIMESTAMP NOT NULL,
    actor      TEXT NOT NULL,
    remote     TEXT NOT NULL,
    state_from TEXT NOT NULL,
    state_to   TEXT NOT NULL,
    reason     TEXT NOT NULL
);

CREATE INDEX finding_reviews_finding ON finding_reviews (finding_id, id);

CREATE TRIGGER finding_reviews_no_update BEFORE UPDATE ON finding_reviews
BEGIN
    SELECT RAISE(ABORT, 'finding_reviews is append-only');
END;

CREATE TRIGGER finding_reviews_no_delete BEFORE DELETE ON finding_reviews
BEGIN
    SELECT RAISE(ABORT, 'finding_reviews is append-only');
END;

-- Findings are asked for by their id alone, whatever the run.
CREATE INDEX findings_id ON findings (id);
