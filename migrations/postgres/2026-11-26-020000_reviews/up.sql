-- Keep in step with migrations/sqlite.

-- What reviewers say of a finding, by its stable id: it holds for every run that makes the same finding.
-- A finding without a row is open.
CREATE TABLE finding_states (
    finding_id  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
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
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    finding_id TEXT COLLATE "C" NOT NULL,
    at         TIMESTAMP NOT NULL,
    actor      TEXT NOT NULL,
    remote     TEXT NOT NULL,
    state_from TEXT NOT NULL,
    state_to   TEXT NOT NULL,
    reason     TEXT NOT NULL
);

CREATE INDEX finding_reviews_finding ON finding_reviews (finding_id, id);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;

CREATE TRIGGER finding_reviews_append_only BEFORE UPDATE OR DELETE ON finding_reviews
FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Findings are asked for by their id alone, whatever the run.
CREATE INDEX findings_id ON findings (id);
