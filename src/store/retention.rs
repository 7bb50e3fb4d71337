//! Deletes what is kept no longer, in transactions so small that nobody waits for one.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamp as SqlTimestamp};
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::dialect::Dialect;
use super::pool::{read, transaction};
use super::rows::AuditRow;
use super::schema::{audit_log, detector_results, events, findings, jobs};
use super::{Store, StoreError, Timestamp};
use crate::model::AuditEntry;

/// How long things are kept; `None` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionQuery {
    /// Events of a job, from its end on.
    pub events: Option<Duration>,
    /// Findings and detector summaries of a job, from its end on.
    pub findings: Option<Duration>,
    /// Quarantined rows, from their import on.
    pub quarantine: Option<Duration>,
    /// Rows that one transaction deletes at most.
    pub chunk: i64,
}

/// What was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retained {
    /// Events.
    pub events: u64,
    /// Findings.
    pub findings: u64,
    /// Quarantined rows.
    pub quarantine: u64,
    /// Whether there may be more to delete.
    pub more: bool,
}

/// Jobs that one pass looks at.
const JOBS: i64 = 50;
/// For how long a deletion that was interrupted is looked for.
const LEFT_OVER: Duration = Duration::from_secs(7 * 24 * 3600);

/// The oldest events of a job first, so that what is left has no gap.
const DELETE_EVENTS: &str = "DELETE FROM events WHERE job_id = $1 AND sequence IN \
     (SELECT sequence FROM events WHERE job_id = $1 ORDER BY sequence LIMIT $2)";
const DELETE_FINDINGS: &str = "DELETE FROM findings WHERE job_id = $1 AND id IN \
     (SELECT id FROM findings WHERE job_id = $1 ORDER BY id LIMIT $2)";
const DELETE_QUARANTINE: &str = "DELETE FROM quarantine WHERE import_id = $1 AND place IN \
     (SELECT place FROM quarantine WHERE import_id = $1 ORDER BY place LIMIT $2)";
const OLD_QUARANTINE: &str = "SELECT id FROM imports WHERE imported_at <= $1 AND \
     EXISTS (SELECT 1 FROM quarantine WHERE import_id = imports.id) ORDER BY imported_at LIMIT $2";

#[derive(Debug, QueryableByName)]
struct ImportId {
    #[diesel(sql_type = Text)]
    id: String,
}

impl Store {
    /// One pass over what is older than it is kept: a few jobs and imports, in chunks. Call again
    /// while [`Retained::more`].
    ///
    /// # Errors
    /// Those of the database; what was deleted before stays deleted.
    pub async fn retain(&self, query: RetentionQuery) -> Result<Retained, StoreError> {
        let mut done = Retained::default();
        let chunk = query.chunk.max(1);
        if let Some(cutoff) = query.events.and_then(|keep| self.before(keep)) {
            let old = read!(self, |conn| {
                let ended = jobs::table.filter(jobs::finished_at.le(cutoff));
                // As the condition of the partial index says it.
                let kept = diesel::dsl::sql::<diesel::sql_types::Bool>("oldest_sequence <= last_sequence");
                let old = ended.filter(kept).order(jobs::finished_at).limit(JOBS).select(jobs::id);
                Ok(old.load::<String>(conn).await?)
            })?;
            done.more |= old.len() as i64 == JOBS;
            for id in old {
                done.events += self.delete_events(&id, chunk).await?;
            }
        }
        if let Some(cutoff) = query.findings.and_then(|keep| self.before(keep)) {
            let lately = self.before(LEFT_OVER).unwrap_or(cutoff);
            let old = read!(self, |conn| {
                let ended = jobs::table.filter(jobs::finished_at.le(cutoff)).filter(jobs::results_deleted_at.is_null());
                let ended = ended.order(jobs::finished_at).limit(JOBS).select(jobs::id);
                let mut old = ended.load::<String>(conn).await?;
                let of_job = findings::table.filter(findings::job_id.eq(jobs::id));
                let begun = jobs::table.filter(jobs::results_deleted_at.gt(lately));
                let begun = begun.filter(diesel::dsl::exists(of_job)).limit(JOBS).select(jobs::id);
                old.extend(begun.load::<String>(conn).await?);
                Ok(old)
            })?;
            done.more |= old.len() as i64 >= JOBS;
            for id in old {
                done.findings += self.delete_results(&id, chunk).await?;
            }
        }
        if let Some(cutoff) = query.quarantine.and_then(|keep| self.before(keep)) {
            let old = read!(self, |conn| {
                let old = diesel::sql_query(OLD_QUARANTINE).bind::<SqlTimestamp, _>(cutoff).bind::<BigInt, _>(JOBS);
                Ok(old.load::<ImportId>(conn).await?)
            })?;
            done.more |= old.len() as i64 == JOBS;
            for import in old {
                done.quarantine += self.delete_quarantine(&import.id, chunk).await?;
            }
        }
        Ok(done)
    }

    /// The time that long ago.
    pub(super) fn before(&self, keep: Duration) -> Option<Timestamp> {
        self.timestamp().checked_sub_signed(chrono::TimeDelta::from_std(keep).ok()?)
    }

    async fn delete_events(&self, id: &str, chunk: i64) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let job_id = id.to_owned();
            let (gone, more) = transaction!(self, |conn| {
                let Some(row) = conn.lock_job(&job_id).await? else { return Ok((0, false)) };
                let delete = diesel::sql_query(DELETE_EVENTS).bind::<Text, _>(&job_id).bind::<BigInt, _>(chunk);
                let gone = delete.execute(conn).await?;
                let of_job = events::table.filter(events::job_id.eq(&job_id));
                let oldest: Option<i64> = of_job.select(diesel::dsl::min(events::sequence)).first(conn).await?;
                let next = jobs::oldest_sequence.eq(oldest.unwrap_or(row.last_sequence + 1));
                diesel::update(jobs::table.find(&job_id)).set(next).execute(conn).await?;
                Ok((gone as u64, oldest.is_some()))
            })?;
            deleted += gone;
            if !more {
                return Ok(deleted);
            }
        }
    }

    async fn delete_results(&self, id: &str, chunk: i64) -> Result<u64, StoreError> {
        let mut deleted = 0;
        let now = self.timestamp();
        // First the mark: nobody reads half of the findings as if they were all.
        let job_id = id.to_owned();
        let entry = AuditEntry {
            actor: "retention".to_owned(),
            action: "results.deleted".to_owned(),
            resource: job_id.clone(),
            remote: "worker".to_owned(),
            result: "ok".to_owned(),
            details: json!({}),
        };
        let audit = AuditRow::new(&entry, now);
        transaction!(self, |conn| {
            let unmarked = jobs::table.find(&job_id).filter(jobs::results_deleted_at.is_null());
            let mark = jobs::results_deleted_at.eq(Some(now));
            if diesel::update(unmarked).set(mark).execute(conn).await? == 1 {
                diesel::insert_into(audit_log::table).values(&audit).execute(conn).await?;
            }
            let summaries = detector_results::table.filter(detector_results::job_id.eq(&job_id));
            diesel::delete(summaries).execute(conn).await?;
            Ok(())
        })?;
        loop {
            let job_id = id.to_owned();
            let (gone, more) = transaction!(self, |conn| {
                let delete = diesel::sql_query(DELETE_FINDINGS).bind::<Text, _>(&job_id).bind::<BigInt, _>(chunk);
                let gone = delete.execute(conn).await?;
                let left = findings::table.filter(findings::job_id.eq(&job_id)).select(findings::id).limit(1);
                Ok((gone as u64, left.first::<String>(conn).await.optional()?.is_some()))
            })?;
            deleted += gone;
            if !more {
                return Ok(deleted);
            }
        }
    }

    async fn delete_quarantine(&self, id: &str, chunk: i64) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let import_id = id.to_owned();
            let gone = transaction!(self, |conn| {
                let delete = diesel::sql_query(DELETE_QUARANTINE).bind::<Text, _>(&import_id).bind::<BigInt, _>(chunk);
                Ok(delete.execute(conn).await? as u64)
            })?;
            deleted += gone;
            if gone < chunk as u64 {
                return Ok(deleted);
            }
        }
    }
}
