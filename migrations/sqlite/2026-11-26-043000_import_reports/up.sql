-- Keep in step with migrations/postgres.

-- What the rows of an import are worth; imports that are older than the table have none.
CREATE TABLE import_reports (
    import_id TEXT NOT NULL PRIMARY KEY REFERENCES imports (id),
    report    TEXT NOT NULL
);

-- The job that took it in; null where a command did.
ALTER TABLE imports ADD COLUMN job_id TEXT;

CREATE INDEX imports_job ON imports (job_id) WHERE job_id IS NOT NULL;
