-- Keep in step with migrations/sqlite.

-- After a rollback a file is there again: it has a row for each time that it came, of which one may be live.
ALTER TABLE lake_files DROP CONSTRAINT lake_files_pkey;
ALTER TABLE lake_files ADD PRIMARY KEY (path, added_version);
CREATE UNIQUE INDEX lake_files_live ON lake_files (path) WHERE removed_version IS NULL;

-- The versions that hold an import, as those of a file. imports.replaced_version only tells whether the latest one does.
CREATE TABLE import_spans (
    import_id       TEXT COLLATE "C" NOT NULL REFERENCES imports (id),
    added_version   BIGINT NOT NULL REFERENCES lake_versions (version),
    removed_version BIGINT REFERENCES lake_versions (version),
    PRIMARY KEY (import_id, added_version)
);

INSERT INTO import_spans (import_id, added_version, removed_version)
SELECT id, added_version, replaced_version FROM imports;

CREATE INDEX import_spans_version ON import_spans (added_version, removed_version);

-- What made a version: import, compact or rollback; the version that a rollback went back to.
ALTER TABLE lake_versions ADD COLUMN operation TEXT NOT NULL DEFAULT 'import';
ALTER TABLE lake_versions ADD COLUMN of_version BIGINT;
-- Since when its files may be gone.
ALTER TABLE lake_versions ADD COLUMN expired_at TIMESTAMP;
