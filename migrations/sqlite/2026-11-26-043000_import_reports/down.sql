DROP INDEX imports_job;
ALTER TABLE imports DROP COLUMN job_id;
DROP TABLE import_reports;
