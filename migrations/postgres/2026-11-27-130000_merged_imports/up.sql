-- Keep in step with migrations/sqlite.

-- The imports of which rows stand in a file, where they are several: a file that was merged. lake_files.import_id is the
-- latest of them.
CREATE TABLE merged_imports (
    path      TEXT COLLATE "C" NOT NULL,
    import_id TEXT COLLATE "C" NOT NULL REFERENCES imports (id),
    PRIMARY KEY (path, import_id)
);

CREATE INDEX merged_imports_import ON merged_imports (import_id);
