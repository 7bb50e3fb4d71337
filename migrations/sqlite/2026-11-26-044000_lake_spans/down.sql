ALTER TABLE lake_versions DROP COLUMN expired_at;
ALTER TABLE lake_versions DROP COLUMN of_version;
ALTER TABLE lake_versions DROP COLUMN operation;
DROP TABLE import_spans;
DROP INDEX lake_files_live;
-- A file that came several times keeps its last row.
DELETE FROM lake_files WHERE EXISTS (SELECT 1 FROM lake_files AS later WHERE later.path = lake_files.path AND later.added_version > lake_files.added_version);
CREATE UNIQUE INDEX lake_files_path ON lake_files (path);
