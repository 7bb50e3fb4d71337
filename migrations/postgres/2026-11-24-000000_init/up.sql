-- Keep in step with migrations/sqlite. Times are UTC with microseconds. Columns that results are
-- ordered by have the collation "C", so that both databases order alike.

CREATE TABLE jobs (
    id               TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind             TEXT NOT NULL,
    owner            TEXT NOT NULL,
    request_id       TEXT,
    payload          JSON NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('pending', 'running', 'completed', 'failed', 'cancelled', 'dead_letter')),
    progress         JSON NOT NULL,
    output           JSON NOT NULL,
    last_sequence    BIGINT NOT NULL,
    cancel_requested BOOLEAN NOT NULL,
    attempt          INTEGER NOT NULL,
    lease_token      BIGINT NOT NULL,
    error            JSON,
    created_at       TIMESTAMP NOT NULL,
    started_at       TIMESTAMP,
    finished_at      TIMESTAMP,
    -- While running: when the lease ends and another worker may claim it.
    due_at           TIMESTAMP,
    worker_id        TEXT,
    priority         INTEGER NOT NULL,
    -- Place in the queue of its priority: an owner's jobs take one turn each.
    turn             BIGINT NOT NULL,
    deadline_at      TIMESTAMP,
    -- First event that is kept; above last_sequence when none is.
    oldest_sequence  BIGINT NOT NULL,
    results_deleted_at TIMESTAMP,
    UNIQUE (owner, kind, request_id)
);

CREATE INDEX jobs_claim ON jobs (priority DESC, turn, id) WHERE state IN ('pending', 'running');
CREATE INDEX jobs_turn ON jobs (owner, priority, turn) WHERE state IN ('pending', 'running');
CREATE INDEX jobs_ended ON jobs (owner, kind, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_events_kept ON jobs (finished_at) WHERE oldest_sequence <= last_sequence;
CREATE INDEX jobs_results_kept ON jobs (finished_at) WHERE results_deleted_at IS NULL;
CREATE INDEX jobs_list ON jobs (kind, created_at DESC, id DESC);
CREATE INDEX jobs_list_owner ON jobs (kind, owner, created_at DESC, id DESC);
CREATE INDEX jobs_finished ON jobs (kind, finished_at DESC) WHERE state = 'completed';

CREATE TABLE events (
    job_id     TEXT COLLATE "C" NOT NULL REFERENCES jobs (id),
    sequence   BIGINT NOT NULL CHECK (sequence > 0),
    at         TIMESTAMP NOT NULL,
    kind       TEXT NOT NULL,
    state      TEXT NOT NULL,
    stage      TEXT NOT NULL,
    fraction   DOUBLE PRECISION NOT NULL,
    counts     JSON NOT NULL,
    message_pt TEXT NOT NULL,
    message_en TEXT NOT NULL,
    PRIMARY KEY (job_id, sequence)
);

CREATE TABLE findings (
    job_id        TEXT COLLATE "C" NOT NULL REFERENCES jobs (id),
    id            TEXT COLLATE "C" NOT NULL,
    detector_id   TEXT COLLATE "C" NOT NULL,
    severity_rank INTEGER NOT NULL,
    -- Place in the order of severity, detector and id, from 1.
    ordinal       BIGINT NOT NULL,
    body          JSON NOT NULL,
    PRIMARY KEY (job_id, id)
);

CREATE INDEX findings_order ON findings (job_id, ordinal);

CREATE TABLE detector_results (
    job_id      TEXT COLLATE "C" NOT NULL REFERENCES jobs (id),
    detector_id TEXT COLLATE "C" NOT NULL,
    place       INTEGER NOT NULL,
    body        JSON NOT NULL,
    PRIMARY KEY (job_id, detector_id)
);

CREATE TABLE audit_log (
    id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at       TIMESTAMP NOT NULL,
    actor    TEXT NOT NULL,
    action   TEXT NOT NULL,
    resource TEXT NOT NULL,
    remote   TEXT NOT NULL,
    result   TEXT NOT NULL,
    details  JSON NOT NULL
);

CREATE INDEX audit_log_at ON audit_log (at, id);
CREATE INDEX audit_log_resource ON audit_log (resource, at);

CREATE TABLE lake_versions (
    version    BIGINT NOT NULL PRIMARY KEY,
    import_id  TEXT,
    created_at TIMESTAMP NOT NULL
);

-- The empty lake; whoever makes a version locks this row.
INSERT INTO lake_versions (version, import_id, created_at) VALUES (0, NULL, '1970-01-01 00:00:00');

CREATE TABLE imports (
    id               TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    dataset          TEXT NOT NULL,
    file_name        TEXT NOT NULL,
    content_hash     TEXT NOT NULL,
    counts           JSON NOT NULL,
    imported_at      TIMESTAMP NOT NULL,
    added_version    BIGINT NOT NULL REFERENCES lake_versions (version),
    replaced_version BIGINT REFERENCES lake_versions (version)
);

CREATE UNIQUE INDEX imports_current ON imports (dataset, content_hash) WHERE replaced_version IS NULL;

CREATE TABLE lake_files (
    path            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    table_name      TEXT NOT NULL,
    row_count       BIGINT NOT NULL,
    bytes           BIGINT NOT NULL,
    import_id       TEXT COLLATE "C" NOT NULL REFERENCES imports (id),
    added_version   BIGINT NOT NULL REFERENCES lake_versions (version),
    removed_version BIGINT REFERENCES lake_versions (version)
);

CREATE INDEX lake_files_version ON lake_files (added_version, removed_version);

CREATE TABLE quarantine (
    import_id   TEXT COLLATE "C" NOT NULL REFERENCES imports (id),
    place       BIGINT NOT NULL,
    file        TEXT NOT NULL,
    line        BIGINT NOT NULL,
    column_name TEXT NOT NULL,
    reason      TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (import_id, place)
);

CREATE TABLE api_keys (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    key_hash   TEXT NOT NULL UNIQUE,
    created_at TIMESTAMP NOT NULL,
    revoked_at TIMESTAMP
);
