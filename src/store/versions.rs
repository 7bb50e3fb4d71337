//! Versions of the lake that no import makes, and those that are kept no longer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use diesel::dsl::max;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;

use super::dialect::Dialect;
use super::pool::{read, transaction};
use super::rows::{AuditRow, LakeFileRow};
use super::schema::{audit_log, import_spans, imports, jobs, lake_files, lake_versions, merged_imports};
use super::{Store, StoreError, Timestamp};
use crate::model::{AuditEntry, JobState, LakeFile};

/// Paths of one statement.
const BATCH: usize = 500;

/// A file in place of several others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// Paths of the files that it has the rows of.
    pub gone: Vec<String>,
    /// The imports that it has rows of, the oldest first.
    pub imports: Vec<String>,
    /// The file, complete on disk; `None` if there are no rows left.
    pub file: Option<LakeFile>,
}

/// Takes the files of merges out of the lake and puts others in their place; ends with an error if one of them is not of
/// the latest version any more.
macro_rules! replace_files {
    ($conn:ident, $version:expr, $merges:expr, $moved:expr) => {
        for merge in $merges {
            for path in &merge.gone {
                let live = lake_files::table.filter(lake_files::path.eq(path));
                let live = live.filter(lake_files::removed_version.is_null());
                let removed = lake_files::removed_version.eq(Some($version));
                if diesel::update(live).set(removed).execute($conn).await? != 1 {
                    return Err($moved);
                }
            }
            let (Some(file), Some(latest)) = (&merge.file, merge.imports.last()) else { continue };
            let row = LakeFileRow {
                path: file.path.clone(),
                table_name: file.table.as_str().to_owned(),
                row_count: file.rows,
                bytes: file.bytes,
                import_id: latest.clone(),
                added_version: $version,
                removed_version: None,
            };
            diesel::insert_into(lake_files::table).values(&row).execute($conn).await?;
            for import in merge.imports.iter().filter(|_| merge.imports.len() > 1) {
                let row = (merged_imports::path.eq(&file.path), merged_imports::import_id.eq(import));
                diesel::insert_into(merged_imports::table).values(row).execute($conn).await?;
            }
        }
    };
}
pub(super) use replace_files;

/// Which versions are kept, beside the latest and those that a running job reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// Those that were the latest within this time.
    pub keep: Duration,
    /// So many of the latest, at least one.
    pub keep_versions: i64,
}

/// Versions that are kept no longer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expired {
    /// Those that expire now, the oldest first.
    pub versions: Vec<i64>,
    /// Files that no version which is kept has, those that an earlier call left among them.
    pub files: Vec<LakeFile>,
    /// The oldest version that is kept.
    pub oldest: i64,
}

/// Rows of a table that are live in a version.
macro_rules! live_in {
    ($table:ident, $version:expr) => {
        $table::table
            .filter($table::added_version.le($version))
            .filter($table::removed_version.is_null().or($table::removed_version.gt($version)))
    };
}

impl Store {
    /// Makes a version in which files stand in place of others, with the same rows.
    ///
    /// # Errors
    /// [`StoreError::LakeMoved`] if one of the others is not of the latest version any more: nothing is changed then.
    pub async fn commit_compaction(
        &self,
        after: i64,
        merges: Vec<Merge>,
        audit: AuditEntry,
    ) -> Result<i64, StoreError> {
        let now = self.timestamp();
        let audit = AuditRow::new(&audit, now);
        transaction!(self, |conn| {
            conn.lock_lake().await?;
            let newest = lake_versions::table.select(max(lake_versions::version));
            let found = newest.first::<Option<i64>>(conn).await?.unwrap_or(0);
            let version = found + 1;
            let made = (
                lake_versions::version.eq(version),
                lake_versions::created_at.eq(now),
                lake_versions::operation.eq("compact"),
            );
            diesel::insert_into(lake_versions::table).values(made).execute(conn).await?;
            replace_files!(conn, version, &merges, StoreError::LakeMoved { expected: after, found });
            diesel::insert_into(audit_log::table).values(&audit).execute(conn).await?;
            Ok(version)
        })
    }

    /// Makes a version that holds what an earlier one holds. Every version stays as it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such version or it is kept no longer, [`StoreError::Invalid`] if it is
    /// the latest.
    pub async fn roll_back(&self, to: i64, audit: AuditEntry) -> Result<i64, StoreError> {
        let now = self.timestamp();
        let audit = AuditRow::new(&audit, now);
        transaction!(self, |conn| {
            conn.lock_lake().await?;
            let known = lake_versions::table.find(to).filter(lake_versions::expired_at.is_null());
            if known.select(lake_versions::version).first::<i64>(conn).await.optional()?.is_none() {
                return Err(StoreError::NotFound { what: "lake version", id: to.to_string() });
            }
            let newest = lake_versions::table.select(max(lake_versions::version));
            let newest = newest.first::<Option<i64>>(conn).await?.unwrap_or(0);
            if newest == to {
                let rule = "be an earlier version than the latest";
                return Err(StoreError::Invalid { field: "version", rule, value: to.to_string() });
            }
            let version = newest + 1;
            let made = (
                lake_versions::version.eq(version),
                lake_versions::created_at.eq(now),
                lake_versions::operation.eq("rollback"),
                lake_versions::of_version.eq(Some(to)),
            );
            diesel::insert_into(lake_versions::table).values(made).execute(conn).await?;

            let then = live_in!(lake_files, to).select(LakeFileRow::as_select()).load::<LakeFileRow>(conn).await?;
            let live = live_in!(lake_files, newest).select(lake_files::path).load::<String>(conn).await?;
            let live: BTreeSet<String> = live.into_iter().collect();
            let then: BTreeMap<String, LakeFileRow> = then.into_iter().map(|row| (row.path.clone(), row)).collect();
            for path in live.iter().filter(|path| !then.contains_key(*path)) {
                let file = lake_files::table.filter(lake_files::path.eq(path));
                let file = file.filter(lake_files::removed_version.is_null());
                let removed = lake_files::removed_version.eq(Some(version));
                diesel::update(file).set(removed).execute(conn).await?;
            }
            for (_, row) in then.iter().filter(|(path, _)| !live.contains(*path)) {
                let row = LakeFileRow { added_version: version, removed_version: None, ..row.clone() };
                diesel::insert_into(lake_files::table).values(&row).execute(conn).await?;
            }

            let then = live_in!(import_spans, to).select(import_spans::import_id).load::<String>(conn).await?;
            let live = live_in!(import_spans, newest).select(import_spans::import_id).load::<String>(conn).await?;
            let (then, live): (BTreeSet<String>, BTreeSet<String>) =
                (then.into_iter().collect(), live.into_iter().collect());
            // First what goes: the same content may come back under another import.
            for id in live.difference(&then) {
                let span = import_spans::table.filter(import_spans::import_id.eq(id));
                let span = span.filter(import_spans::removed_version.is_null());
                let removed = import_spans::removed_version.eq(Some(version));
                diesel::update(span).set(removed).execute(conn).await?;
                let replaced = imports::replaced_version.eq(Some(version));
                diesel::update(imports::table.find(id)).set(replaced).execute(conn).await?;
            }
            for id in then.difference(&live) {
                let span = (import_spans::import_id.eq(id), import_spans::added_version.eq(version));
                diesel::insert_into(import_spans::table).values(span).execute(conn).await?;
                let current = imports::replaced_version.eq(None::<i64>);
                diesel::update(imports::table.find(id)).set(current).execute(conn).await?;
            }
            diesel::insert_into(audit_log::table).values(&audit).execute(conn).await?;
            Ok(version)
        })
    }

    /// Versions that are to be kept no longer, always the oldest ones, and the files that only they have. With an
    /// `audit` entry they expire: from then on nobody can read them, and their files may go.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn expire_versions(&self, expiry: Expiry, audit: Option<AuditEntry>) -> Result<Expired, StoreError> {
        let now = self.timestamp();
        let cutoff = self.before(expiry.keep).unwrap_or_default();
        let audit = audit.map(|audit| AuditRow::new(&audit, now));
        let (versions, rows, oldest) = transaction!(self, |conn| {
            conn.lock_lake().await?;
            let kept = lake_versions::table.filter(lake_versions::expired_at.is_null());
            let kept = kept.filter(lake_versions::version.gt(0)).order(lake_versions::version);
            let kept = kept.select((lake_versions::version, lake_versions::created_at));
            let kept = kept.load::<(i64, Timestamp)>(conn).await?;
            let active = [JobState::Pending.as_str(), JobState::Running.as_str()];
            let active = jobs::table.filter(jobs::state.eq_any(active)).select(jobs::output);
            let pinned = active.load::<Value>(conn).await?;
            let pinned = pinned.iter().filter_map(|output| output["plan"]["lake_version"].as_i64()).min();
            let newest = kept.as_slice().last().map_or(0, |(version, _)| *version);
            let last = (newest - expiry.keep_versions.max(1)).min(pinned.map_or(i64::MAX, |version| version - 1));
            // It was the latest until the next one came.
            let over = kept.windows(2).take_while(|pair| pair[0].0 <= last && pair[1].1 <= cutoff);
            let versions: Vec<i64> = over.map(|pair| pair[0].0).collect();
            let oldest = kept.get(versions.len()).map_or(newest, |(version, _)| *version);
            if let Some(audit) = &audit {
                for version in &versions {
                    let expired = lake_versions::expired_at.eq(Some(now));
                    diesel::update(lake_versions::table.find(version)).set(expired).execute(conn).await?;
                }
                if !versions.is_empty() {
                    diesel::insert_into(audit_log::table).values(audit).execute(conn).await?;
                }
            }
            let needed = lake_files::removed_version.is_null().or(lake_files::removed_version.gt(oldest));
            let needed = lake_files::table.filter(needed).select(lake_files::path).load::<String>(conn).await?;
            let needed: BTreeSet<String> = needed.into_iter().collect();
            let over = lake_files::table.filter(lake_files::removed_version.le(oldest)).order(lake_files::path);
            let mut rows = over.select(LakeFileRow::as_select()).load::<LakeFileRow>(conn).await?;
            rows.retain(|row| !needed.contains(&row.path));
            rows.dedup_by(|one, two| one.path == two.path);
            Ok((versions, rows, oldest))
        })?;
        let files = rows.into_iter().map(LakeFile::try_from).collect::<Result<_, _>>()?;
        Ok(Expired { versions, files, oldest })
    }

    /// Takes files out of the manifest that are gone from disk and that no version from `oldest` on has.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn forget_files(&self, paths: Vec<String>, oldest: i64) -> Result<(), StoreError> {
        for paths in paths.chunks(BATCH) {
            let paths = paths.to_vec();
            transaction!(self, |conn| {
                let over = lake_files::table.filter(lake_files::path.eq_any(&paths));
                let over = over.filter(lake_files::removed_version.le(oldest));
                diesel::delete(over).execute(conn).await?;
                let left = lake_files::table.filter(lake_files::path.eq_any(&paths)).select(lake_files::path);
                let left = left.load::<String>(conn).await?;
                let gone: Vec<&String> = paths.iter().filter(|path| !left.contains(path)).collect();
                let of_them = merged_imports::table.filter(merged_imports::path.eq_any(gone));
                diesel::delete(of_them).execute(conn).await?;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Every path that the manifest knows, of whatever version.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn known_files(&self) -> Result<BTreeSet<String>, StoreError> {
        let paths = read!(self, |conn| Ok(lake_files::table.select(lake_files::path).load::<String>(conn).await?))?;
        Ok(paths.into_iter().collect())
    }
}
