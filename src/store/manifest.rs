use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::max;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::commit::held;
use super::dialect::Dialect;
use super::pool::{read, transaction};
use super::rows::{AuditRow, ImportRow, LakeFileRow, QuarantineRow, json as to_json};
use super::schema::{
    audit_log, import_reports, import_spans, imports, lake_files, lake_versions, merged_imports, quarantine,
};
use super::versions::{Merge, replace_files};
use super::{Store, StoreError, Timestamp, utc};
use crate::model::{AuditEntry, ImportRecord, LakeFile, LakeVersion, QualityReport, QuarantinedRow};

/// What one import brings into the lake.
#[derive(Debug, Clone, PartialEq)]
pub struct NewImport {
    /// The published file.
    pub record: ImportRecord,
    /// Whether earlier imports of the same dataset are closed with it.
    pub replaces_dataset: bool,
    /// Files it wrote, complete on disk.
    pub files: Vec<LakeFile>,
    /// Rows it could not take in.
    pub quarantine: Vec<QuarantinedRow>,
    /// The entry for the audit log.
    pub audit: AuditEntry,
}

/// Imports that make the next version of the lake together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImportCommit {
    /// What they bring, at least one.
    pub imports: Vec<NewImport>,
    /// What their rows are worth, by the id of the import.
    pub reports: BTreeMap<String, QualityReport>,
    /// Files in place of merged ones that hold rows of what is replaced, with the rows of the other imports.
    pub merges: Vec<Merge>,
    /// The version of the lake that the reports were made on: no other one may have come since.
    pub after: Option<i64>,
    /// The job that takes them in, and the token of its lease, which must still hold.
    pub job: Option<(String, i64)>,
}

/// A file of the current version, and what it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetFile {
    /// The dataset.
    pub dataset: String,
    /// The import that brought it; of a merged file the latest one.
    pub import_id: String,
    /// The file.
    pub file: LakeFile,
    /// Of a merged file all imports that it has rows of, with their datasets.
    pub merged: Vec<(String, String)>,
}

impl Store {
    /// The current version of the lake; 0 while it is empty.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lake_version(&self) -> Result<i64, StoreError> {
        let newest = read!(self, |conn| {
            Ok(lake_versions::table.select(max(lake_versions::version)).first::<Option<i64>>(conn).await?)
        })?;
        Ok(newest.unwrap_or(0))
    }

    /// The files of a version, by path.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such version, or it is kept no longer.
    pub async fn lake_files(&self, version: i64) -> Result<Vec<LakeFile>, StoreError> {
        let (known, rows) = read!(self, |conn| {
            let known = lake_versions::table.find(version).filter(lake_versions::expired_at.is_null());
            let known = known.count().get_result::<i64>(conn).await?;
            let rows = lake_files::table
                .filter(lake_files::added_version.le(version))
                .filter(lake_files::removed_version.is_null().or(lake_files::removed_version.gt(version)))
                .order(lake_files::path)
                .select(LakeFileRow::as_select())
                .load::<LakeFileRow>(conn)
                .await?;
            let merged = merged_imports::table.select(merged_imports::path).distinct().load::<String>(conn).await?;
            Ok((known, (rows, merged)))
        })?;
        if known == 0 {
            return Err(StoreError::NotFound { what: "lake version", id: version.to_string() });
        }
        let (rows, merged) = rows;
        let merged: BTreeSet<String> = merged.into_iter().collect();
        let files = rows.into_iter().map(LakeFile::try_from);
        files.map(|file| file.map(|file| LakeFile { merged: merged.contains(&file.path), ..file })).collect()
    }

    /// The import of this dataset and content that the current version holds.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn import_by_hash(&self, dataset: &str, content_hash: &str) -> Result<Option<ImportRecord>, StoreError> {
        let (dataset, hash) = (dataset.to_owned(), content_hash.to_owned());
        let row = read!(self, |conn| {
            let same = imports::table
                .filter(imports::dataset.eq(&dataset))
                .filter(imports::content_hash.eq(&hash))
                .filter(imports::replaced_version.is_null());
            Ok(same.select(ImportRow::as_select()).first(conn).await.optional()?)
        })?;
        row.map(ImportRecord::try_from).transpose()
    }

    /// Like [`Store::commit_imports`], for one import.
    ///
    /// # Errors
    /// Those of [`Store::commit_imports`].
    pub async fn commit_import(&self, import: NewImport) -> Result<i64, StoreError> {
        self.commit_imports(ImportCommit { imports: vec![import], ..ImportCommit::default() }).await
    }

    /// Makes the next version of the lake: adds the files of all imports, closes those they replace,
    /// in one transaction. Returns the version; without any import the current one.
    ///
    /// Earlier versions stay readable: a closed file is still of the versions before.
    ///
    /// # Errors
    /// [`StoreError::AlreadyImported`] if the current version holds the same content of the same
    /// dataset, and nothing else of it is to be replaced.
    ///
    /// [`StoreError::LakeMoved`] if it was to come after another version, or if a merged file holds rows of what is replaced
    /// and nothing stands in its place; [`StoreError::LeaseLost`] if the job has been
    /// taken by another worker or was ended.
    pub async fn commit_imports(&self, batch: ImportCommit) -> Result<i64, StoreError> {
        let ImportCommit { imports: batch, reports, merges, after, job } = batch;
        let Some(first) = batch.as_slice().first().map(|import| import.record.id.clone()) else {
            return self.lake_version().await;
        };
        let now = self.timestamp();
        let rows = batch
            .into_iter()
            .map(|import| {
                let report = reports.get(&import.record.id).map(to_json).transpose()?;
                Ok((to_json(&import.record.counts)?, report, AuditRow::new(&import.audit, now), import))
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        transaction!(self, |conn| {
            conn.lock_lake().await?;
            if let Some((id, token)) = &job {
                held(conn.lock_job(id).await?, id, *token)?;
            }
            let newest = lake_versions::table.select(max(lake_versions::version));
            let newest = newest.first::<Option<i64>>(conn).await?.unwrap_or(0);
            if let Some(expected) = after.filter(|expected| *expected != newest) {
                return Err(StoreError::LakeMoved { expected, found: newest });
            }
            let version = newest + 1;
            let made = (
                lake_versions::version.eq(version),
                lake_versions::import_id.eq(Some(&first)),
                lake_versions::created_at.eq(now),
            );
            diesel::insert_into(lake_versions::table).values(made).execute(conn).await?;
            let moved = || StoreError::LakeMoved { expected: after.unwrap_or(newest), found: newest };
            replace_files!(conn, version, &merges, moved());
            let mut replaced_imports = Vec::new();
            for (counts, report, audit, import) in &rows {
                let record = &import.record;
                let current = imports::table
                    .filter(imports::dataset.eq(&record.dataset))
                    .filter(imports::replaced_version.is_null());
                let earlier =
                    current.select((imports::id, imports::content_hash)).load::<(String, String)>(conn).await?;
                let same = earlier.iter().find(|(_, hash)| *hash == record.content_hash);
                if let Some((id, _)) = same.filter(|_| !import.replaces_dataset || earlier.len() == 1) {
                    return Err(StoreError::AlreadyImported { dataset: record.dataset.clone(), import_id: id.clone() });
                }
                if import.replaces_dataset {
                    for (id, _) in &earlier {
                        let replaced = imports::replaced_version.eq(Some(version));
                        diesel::update(imports::table.find(id)).set(replaced).execute(conn).await?;
                        let span = import_spans::table.filter(import_spans::import_id.eq(id));
                        let span = span.filter(import_spans::removed_version.is_null());
                        let removed = import_spans::removed_version.eq(Some(version));
                        diesel::update(span).set(removed).execute(conn).await?;
                        let files = lake_files::table.filter(lake_files::import_id.eq(id));
                        let files = files.filter(lake_files::removed_version.is_null());
                        let removed = lake_files::removed_version.eq(Some(version));
                        diesel::update(files).set(removed).execute(conn).await?;
                        replaced_imports.push(id.clone());
                    }
                }
                let row = ImportRow {
                    id: record.id.clone(),
                    dataset: record.dataset.clone(),
                    file_name: record.file_name.clone(),
                    content_hash: record.content_hash.clone(),
                    counts: counts.clone(),
                    imported_at: record.imported_at.naive_utc(),
                    added_version: version,
                    replaced_version: None,
                    job_id: job.as_ref().map(|(id, _)| id.clone()),
                };
                diesel::insert_into(imports::table).values(&row).execute(conn).await?;
                let span = (import_spans::import_id.eq(&record.id), import_spans::added_version.eq(version));
                diesel::insert_into(import_spans::table).values(span).execute(conn).await?;
                if let Some(report) = report {
                    let row = (import_reports::import_id.eq(&record.id), import_reports::report.eq(report));
                    diesel::insert_into(import_reports::table).values(row).execute(conn).await?;
                }
                for file in &import.files {
                    // A file is written once: its path is of no other one, not even of an old version.
                    let taken = lake_files::table.filter(lake_files::path.eq(&file.path)).count();
                    if taken.get_result::<i64>(conn).await? > 0 {
                        return Err(StoreError::Database {
                            reason: format!("{} is in the manifest already", file.path),
                        });
                    }
                    let row = LakeFileRow {
                        path: file.path.clone(),
                        table_name: file.table.as_str().to_owned(),
                        row_count: file.rows,
                        bytes: file.bytes,
                        import_id: record.id.clone(),
                        added_version: version,
                        removed_version: None,
                    };
                    diesel::insert_into(lake_files::table).values(&row).execute(conn).await?;
                }
                let rows: Vec<QuarantineRow> = (0..)
                    .zip(&import.quarantine)
                    .map(|(place, row)| QuarantineRow {
                        import_id: record.id.clone(),
                        place,
                        file: row.file.clone(),
                        line: row.line,
                        column_name: row.column.clone(),
                        reason: row.reason.clone(),
                        value: row.value.clone(),
                    })
                    .collect();
                conn.insert_quarantine(rows).await?;
                diesel::insert_into(audit_log::table).values(audit).execute(conn).await?;
            }
            let held =
                lake_files::table.inner_join(merged_imports::table.on(merged_imports::path.eq(lake_files::path)));
            let held = held.filter(lake_files::removed_version.is_null());
            let held = held.filter(merged_imports::import_id.eq_any(&replaced_imports));
            if held.count().get_result::<i64>(conn).await? > 0 {
                return Err(moved());
            }
            Ok(version)
        })
    }

    /// The versions of the lake, newest first, at most `limit`, without the empty one.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lake_versions(&self, limit: i64) -> Result<Vec<LakeVersion>, StoreError> {
        let (versions, added) = read!(self, |conn| {
            let versions = lake_versions::table
                .filter(lake_versions::version.gt(0))
                .order(lake_versions::version.desc())
                .limit(limit)
                .select((
                    lake_versions::version,
                    lake_versions::created_at,
                    lake_versions::operation,
                    lake_versions::of_version,
                    lake_versions::expired_at,
                ))
                .load::<(i64, Timestamp, String, Option<i64>, Option<Timestamp>)>(conn)
                .await?;
            let oldest = versions.as_slice().last().map_or(0, |(version, ..)| *version);
            let added = imports::table
                .filter(imports::added_version.ge(oldest))
                .order(imports::dataset)
                .select((imports::added_version, imports::dataset))
                .load::<(i64, String)>(conn)
                .await?;
            Ok((versions, added))
        })?;
        let of =
            |version: i64| added.iter().filter(move |(own, _)| *own == version).map(|(_, dataset)| dataset.clone());
        let versions = versions.into_iter().map(|(version, created_at, operation, of_version, expired)| LakeVersion {
            version,
            created_at: utc(created_at),
            operation,
            of_version,
            expired: expired.is_some(),
            datasets: of(version).collect(),
        });
        Ok(versions.collect())
    }

    /// The imports that the current version holds, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn imports(&self) -> Result<Vec<ImportRecord>, StoreError> {
        let rows = read!(self, |conn| {
            let current = imports::table.filter(imports::replaced_version.is_null());
            let current = current.order(imports::added_version).select(ImportRow::as_select());
            Ok(current.load::<ImportRow>(conn).await?)
        })?;
        rows.into_iter().map(ImportRecord::try_from).collect()
    }

    /// What the rows of imports are worth, by their ids; those that are older than such reports have none.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn import_reports(&self, ids: Vec<String>) -> Result<BTreeMap<String, QualityReport>, StoreError> {
        let rows = read!(self, |conn| {
            let of = import_reports::table.filter(import_reports::import_id.eq_any(&ids));
            let of = of.select((import_reports::import_id, import_reports::report));
            Ok(of.load::<(String, serde_json::Value)>(conn).await?)
        })?;
        rows.into_iter()
            .map(|(id, report)| match serde_json::from_value(report) {
                Ok(report) => Ok((id, report)),
                Err(error) => {
                    let reason = error.to_string();
                    Err(StoreError::Corrupt { table: "import_reports", column: "report", id, reason })
                }
            })
            .collect()
    }

    /// What the rows of the imports of a version are worth; imports that are older than such reports are left out.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn reports_at(&self, version: i64) -> Result<Vec<QualityReport>, StoreError> {
        let ids = read!(self, |conn| {
            let still = imports::replaced_version.is_null().or(imports::replaced_version.gt(version));
            let of = imports::table.filter(imports::added_version.le(version)).filter(still.assume_not_null());
            Ok(of.select(imports::id).load::<String>(conn).await?)
        })?;
        Ok(self.import_reports(ids).await?.into_values().collect())
    }

    /// What a job has taken in, whatever became of it since, and the version that it made; `None` if it has taken in
    /// nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn imports_of_job(&self, job_id: &str) -> Result<Option<(i64, Vec<ImportRecord>)>, StoreError> {
        let job_id = job_id.to_owned();
        let rows = read!(self, |conn| {
            let of = imports::table.filter(imports::job_id.eq(&job_id)).order(imports::dataset);
            Ok(of.select(ImportRow::as_select()).load::<ImportRow>(conn).await?)
        })?;
        let Some(version) = rows.as_slice().first().map(|row| row.added_version) else { return Ok(None) };
        let records = rows.into_iter().map(ImportRecord::try_from).collect::<Result<_, _>>()?;
        Ok(Some((version, records)))
    }

    /// The current version and its files with their datasets, by path.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn current_files(&self) -> Result<(i64, Vec<DatasetFile>), StoreError> {
        let (version, rows) = read!(self, |conn| {
            let newest = lake_versions::table.select(max(lake_versions::version)).first::<Option<i64>>(conn).await?;
            let version = newest.unwrap_or(0);
            let rows = lake_files::table
                .inner_join(imports::table.on(imports::id.eq(lake_files::import_id)))
                .filter(lake_files::added_version.le(version))
                .filter(lake_files::removed_version.is_null().or(lake_files::removed_version.gt(version)))
                .order(lake_files::path)
                .select((imports::dataset, LakeFileRow::as_select()))
                .load::<(String, LakeFileRow)>(conn)
                .await?;
            let merged = merged_imports::table.inner_join(imports::table.on(imports::id.eq(merged_imports::import_id)));
            let merged = merged.order(merged_imports::import_id);
            let merged = merged.select((merged_imports::path, merged_imports::import_id, imports::dataset));
            Ok((version, (rows, merged.load::<(String, String, String)>(conn).await?)))
        })?;
        let (rows, all) = rows;
        let mut merged: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for (path, import, dataset) in all {
            merged.entry(path).or_default().push((import, dataset));
        }
        let files = rows.into_iter().map(|(dataset, row)| {
            let import_id = row.import_id.clone();
            let merged = merged.remove(&row.path).unwrap_or_default();
            let file = LakeFile { merged: !merged.is_empty(), ..LakeFile::try_from(row)? };
            Ok(DatasetFile { dataset, import_id, file, merged })
        });
        Ok((version, files.collect::<Result<_, StoreError>>()?))
    }

    /// The first `limit` rows that an import could not take in, in the order they were read.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn quarantine(&self, import_id: &str, limit: i64) -> Result<Vec<QuarantinedRow>, StoreError> {
        let import_id = import_id.to_owned();
        let rows = read!(self, |conn| {
            let rows = quarantine::table.filter(quarantine::import_id.eq(&import_id));
            let rows = rows.order(quarantine::place).limit(limit).select(QuarantineRow::as_select());
            Ok(rows.load::<QuarantineRow>(conn).await?)
        })?;
        Ok(rows.into_iter().map(QuarantinedRow::from).collect())
    }
}
