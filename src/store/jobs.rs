use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};

use super::commit::{action, append_events, end_job};
use super::dialect::Dialect;
use super::leases::later;
use super::pool::{read, transaction};
use super::rows::{AuditRow, EventRow, JobRow, Progress, json as to_json};
use super::schema::{audit_log, events, jobs};
use super::{FinishCommit, Store, StoreError, Timestamp, new_id, utc};
use crate::model::{AuditEntry, Job, JobKind, JobState, NewEvent, NewJob};

/// Which jobs to list.
#[derive(Debug, Clone, PartialEq)]
pub struct JobQuery {
    /// What they do.
    pub kind: JobKind,
    /// Only of this owner.
    pub owner: Option<String>,
    /// Only in this state.
    pub state: Option<JobState>,
    /// Only what comes after this job (its `created_at` and id) in the list.
    pub before: Option<(DateTime<Utc>, String)>,
    /// At most so many.
    pub limit: i64,
}

/// Which jobs of an owner to follow.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveQuery {
    /// What they do.
    pub kind: JobKind,
    /// Whose they are.
    pub owner: String,
    /// Those that have not ended, and those that ended after this.
    pub ended_after: DateTime<Utc>,
    /// Only what comes after this id in the list.
    pub after: Option<String>,
    /// At most so many.
    pub limit: i64,
}

/// Where an owner's next job stands in the queue. Each owner's jobs take one turn each, from the
/// turn that is being served on, so that the hundred jobs of one do not hold up the one of another
/// (start-time fair queueing: Goyal, Vin, Cheng, SIGCOMM 1996).
const TURNS: &str = "SELECT \
     (SELECT turn + 1 FROM jobs WHERE owner = $1 AND priority = $2 AND state IN ('pending', 'running') \
      ORDER BY owner DESC, priority DESC, turn DESC LIMIT 1) AS own, \
     (SELECT turn FROM jobs WHERE priority = $2 AND state IN ('pending', 'running') \
      ORDER BY priority DESC, turn, id LIMIT 1) AS served";

#[derive(Debug, QueryableByName)]
struct Turns {
    #[diesel(sql_type = Nullable<BigInt>)]
    own: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    served: Option<i64>,
}

impl Store {
    /// Stores a job, its first event and the audit entry `<kind>.started` in one transaction.
    ///
    /// The same owner, kind and request id with equal content give the job that was stored before,
    /// and `false`.
    ///
    /// # Errors
    /// [`StoreError::RequestIdReused`] if the request id came with other content.
    pub async fn create_job(&self, job: NewJob, first: NewEvent) -> Result<(Job, bool), StoreError> {
        let (id, now) = (new_id(), self.timestamp());
        // Read back as the database will give it, so that equal content compares equal.
        let payload: Value = serde_json::from_str(&job.payload.to_string())
            .map_err(|error| StoreError::Database { reason: error.to_string() })?;
        let progress =
            Progress { steps_done: 0, stage: first.stage.clone(), fraction: first.fraction, counts: first.counts };
        let row = JobRow {
            id: id.clone(),
            kind: job.kind.as_str().to_owned(),
            owner: job.owner.clone(),
            request_id: job.request_id.clone(),
            payload: payload.clone(),
            state: JobState::Pending.as_str().to_owned(),
            progress: to_json(&progress)?,
            output: Value::Null,
            last_sequence: 1,
            cancel_requested: false,
            attempt: 0,
            lease_token: 0,
            error: None,
            created_at: now,
            started_at: None,
            finished_at: None,
            due_at: None,
            worker_id: None,
            priority: job.priority.rank(),
            turn: 0,
            deadline_at: job.timeout.map(|timeout| later(now, timeout)),
            oldest_sequence: 1,
            results_deleted_at: None,
        };
        let event = EventRow::new(&id, 1, now, &first)?;
        let entry = AuditEntry {
            actor: job.owner,
            action: action(job.kind, "started"),
            resource: id,
            remote: job.remote,
            result: "ok".to_owned(),
            details: json!({ "request_id": job.request_id }),
        };
        let audit = AuditRow::new(&entry, now);
        let (stored, created) = transaction!(self, |conn| {
            let turns = diesel::sql_query(TURNS).bind::<Text, _>(&row.owner).bind::<Integer, _>(row.priority);
            let turns: Turns = turns.get_result(conn).await?;
            let turn = turns.own.max(turns.served).unwrap_or(1);
            let row = JobRow { turn, ..row.clone() };
            let target = (jobs::owner, jobs::kind, jobs::request_id);
            let new = diesel::insert_into(jobs::table).values(&row).on_conflict(target).do_nothing();
            if new.execute(conn).await? == 0 {
                let same = jobs::table
                    .filter(jobs::owner.eq(&row.owner))
                    .filter(jobs::kind.eq(&row.kind))
                    .filter(jobs::request_id.eq(&row.request_id));
                let stored: JobRow = same.select(JobRow::as_select()).first(conn).await?;
                return Ok((stored, false));
            }
            diesel::insert_into(events::table).values(&event).execute(conn).await?;
            diesel::insert_into(audit_log::table).values(&audit).execute(conn).await?;
            Ok((row, true))
        })?;
        if created || stored.payload == payload {
            return Ok((Job::try_from(stored)?, created));
        }
        Err(StoreError::RequestIdReused { request_id: stored.request_id.unwrap_or_default(), job_id: stored.id })
    }

    /// The job of an id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn job(&self, id: &str) -> Result<Option<Job>, StoreError> {
        let id = id.to_owned();
        let row = read!(self, |conn| {
            Ok(jobs::table.find(&id).select(JobRow::as_select()).first(conn).await.optional()?)
        })?;
        row.map(Job::try_from).transpose()
    }

    /// Jobs, newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn jobs(&self, query: JobQuery) -> Result<Vec<Job>, StoreError> {
        let rows = read!(self, |conn| {
            let mut found = jobs::table.filter(jobs::kind.eq(query.kind.as_str())).into_boxed();
            if let Some(owner) = &query.owner {
                found = found.filter(jobs::owner.eq(owner));
            }
            if let Some(state) = query.state {
                found = found.filter(jobs::state.eq(state.as_str()));
            }
            if let Some((at, id)) = &query.before {
                let at = at.naive_utc();
                let older = jobs::created_at.lt(at).or(jobs::created_at.eq(at).and(jobs::id.lt(id)));
                found = found.filter(older);
            }
            let page = found.order((jobs::created_at.desc(), jobs::id.desc())).limit(query.limit);
            Ok(page.select(JobRow::as_select()).load::<JobRow>(conn).await?)
        })?;
        rows.into_iter().map(Job::try_from).collect()
    }

    /// Jobs of an owner that have not ended, or ended lately, in the order of their ids.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn active_or_ended(&self, query: ActiveQuery) -> Result<Vec<Job>, StoreError> {
        let rows = read!(self, |conn| {
            let since = query.ended_after.naive_utc();
            let mut found = jobs::table
                .filter(jobs::owner.eq(&query.owner))
                .filter(jobs::kind.eq(query.kind.as_str()))
                .filter(jobs::finished_at.is_null().or(jobs::finished_at.gt(since)))
                .into_boxed();
            if let Some(id) = &query.after {
                found = found.filter(jobs::id.gt(id));
            }
            let page = found.order(jobs::id).limit(query.limit).select(JobRow::as_select());
            Ok(page.load::<JobRow>(conn).await?)
        })?;
        rows.into_iter().map(Job::try_from).collect()
    }

    /// Asks a job to stop: a pending one is cancelled at once, a running one is told. Leaves an
    /// audit entry if that changed anything. `None` if there is no such job.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn request_cancel(&self, id: &str, actor: &str, remote: &str) -> Result<Option<Job>, StoreError> {
        let (id, actor, remote, now) = (id.to_owned(), actor.to_owned(), remote.to_owned(), self.timestamp());
        let row = transaction!(self, |conn| {
            let Some(row) = conn.lock_job(&id).await? else { return Ok(None) };
            if row.state == JobState::Pending.as_str() {
                let job = Job::try_from(row.clone())?;
                let end = FinishCommit::new(
                    &job,
                    JobState::Cancelled,
                    "Cancelada antes de começar",
                    "Cancelled before it started",
                );
                diesel::update(jobs::table.find(&id)).set(jobs::cancel_requested.eq(true)).execute(conn).await?;
                return Ok(Some(end_job!(conn, &row, &end, now, &actor, &remote)));
            }
            if row.state != JobState::Running.as_str() || row.cancel_requested {
                return Ok(Some(row));
            }
            let entry = AuditEntry {
                actor: actor.clone(),
                action: format!("{}.cancel_requested", row.kind),
                resource: id.clone(),
                remote: remote.clone(),
                result: "ok".to_owned(),
                details: json!({}),
            };
            diesel::insert_into(audit_log::table).values(&AuditRow::new(&entry, now)).execute(conn).await?;
            // One that waits for its next attempt is taken at once, and ends.
            let due = if row.worker_id.is_none() { Some(now) } else { row.due_at };
            let told =
                diesel::update(jobs::table.find(&id)).set((jobs::cancel_requested.eq(true), jobs::due_at.eq(due)));
            Ok(Some(told.returning(JobRow::as_returning()).get_result::<JobRow>(conn).await?))
        })?;
        row.map(Job::try_from).transpose()
    }

    /// How long the last `n` completed jobs of a kind took, from the first claim to the end; the
    /// last one first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn recent_durations(&self, kind: JobKind, n: i64) -> Result<Vec<Duration>, StoreError> {
        let spans = read!(self, |conn| {
            let completed = jobs::table
                .filter(jobs::kind.eq(kind.as_str()))
                .filter(jobs::state.eq(JobState::Completed.as_str()))
                .order(jobs::finished_at.desc())
                .limit(n);
            let spans = completed.select((jobs::started_at, jobs::finished_at));
            Ok(spans.load::<(Option<Timestamp>, Option<Timestamp>)>(conn).await?)
        })?;
        // A clock that was set back in between gives no duration.
        Ok(spans.into_iter().filter_map(|(from, to)| (utc(to?) - utc(from?)).to_std().ok()).collect())
    }

    /// How many jobs of a kind are pending or running.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn active_jobs(&self, kind: JobKind) -> Result<i64, StoreError> {
        read!(self, |conn| {
            let active = [JobState::Pending.as_str(), JobState::Running.as_str()];
            let active = jobs::table.filter(jobs::kind.eq(kind.as_str())).filter(jobs::state.eq_any(active));
            Ok(active.count().get_result::<i64>(conn).await?)
        })
    }
}
