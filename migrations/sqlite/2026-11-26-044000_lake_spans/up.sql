-- Keep in step with migrations/postgres.

-- After a rollback a file is there again: it has a row for each time that it came, of which one may be live.
CREATE TABLE lake_files_new (
    path            TEXT NOT NULL,
    table_name      TEXT NOT NULL,
    row_count       BIGINT NOT NULL,
    bytes           BIGINT NOT NULL,
    import_id       TEXT NOT NULL REFERENCES imports (id),
    added_version   BIGINT NOT NULL REFERENCES lake_versions (version),
    removed_version BIGINT REFERENCES lake_versions (version),
    PRIMARY KEY (path, added_version)
);

INSERT INTO lake_files_new (path, table_name, row_count, bytes, import_id, added_version, removed_version)
SELECT path, table_name, row_count, bytes, import_id, added_version, removed_version FROM lake_files;

DROP TABLE lake_files;
ALTER TABLE lake_files_new RENAME TO lake_files;

CREATE INDEX lake_files_version ON lake_files (added_version, removed_version);
CREATE UNIQUE INDEX lake_files_live ON lake_files (path) WHERE removed_version IS NULL;

-- The versions that hold an import, as those of a file. imports.replaced_version only tells whether the latest one does.
CREATE TABLE import_spans (
    import_id       TEXT NOT NULL REFERENCES imports (id),
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
