use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};

use super::commit::{action, append_events, end_job};
use super::dialect::{Dialect, claimable};
use super::pool::{read, transaction};
use super::rows::{AuditRow, EventRow, JobRow, LeaseRow, Progress, json as to_json};
use super::schema::{audit_log, events, jobs, leases};
use super::{FinishCommit, Store, StoreError, Timestamp, new_id, utc};
use crate::model::{AuditEntry, EventKind, Job, JobError, JobKind, JobState, NewEvent, NewJob};

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

/// What a heartbeat learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatState {
    /// The lease holds.
    Held,
    /// The lease holds, and somebody asked the job to stop.
    CancelRequested,
}

impl HeartbeatState {
    const fn of(cancel_requested: bool) -> Self {
        if cancel_requested { Self::CancelRequested } else { Self::Held }
    }
}

/// How a worker gives a job back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Claimable at once; the attempt does not count. For a worker that shuts down.
    Now,
    /// Claimable after a while; the attempt counts. For a failure that may pass.
    After(Duration),
}

enum Claim {
    Nothing,
    Exhausted,
    Taken(Box<JobRow>),
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
            Ok((row.clone(), true))
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
                diesel::update(leases::table.find(&id)).set(leases::cancel_requested.eq(true)).execute(conn).await?;
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
            let told = diesel::update(jobs::table.find(&id)).set(jobs::cancel_requested.eq(true));
            Ok(Some(told.returning(JobRow::as_returning()).get_result::<JobRow>(conn).await?))
        })?;
        row.map(Job::try_from).transpose()
    }

    /// Takes the oldest job of these kinds that is pending, or that is running with a lease that
    /// has ended. Its attempt and its token grow by one; the first claim appends an event.
    ///
    /// A job that has been handed out as often as allowed fails with `ATTEMPTS_EXHAUSTED` instead,
    /// or is cancelled if somebody asked for that.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn claim_job(
        &self,
        worker_id: &str,
        lease: Duration,
        kinds: &[JobKind],
    ) -> Result<Option<Job>, StoreError> {
        let names: Vec<&'static str> = kinds.iter().map(|kind| kind.as_str()).collect();
        loop {
            let (names, worker, now) = (names.clone(), worker_id.to_owned(), self.timestamp());
            let due = later(now, lease);
            let max_attempts = self.max_attempts();
            // Without a job to take, an idle worker must not take a turn to write.
            let candidates = names.clone();
            let found = read!(self, |conn| {
                Ok(claimable!(candidates.as_slice(), now).first::<LeaseRow>(conn).await.optional()?.is_some())
            })?;
            if !found {
                return Ok(None);
            }
            let claim = transaction!(self, |conn| {
                let Some(taken) = conn.lock_claimable(&names, now).await? else { return Ok(Claim::Nothing) };
                let row: JobRow = jobs::table.find(&taken.id).select(JobRow::as_select()).first(conn).await?;
                let job = Job::try_from(row.clone())?;
                if taken.attempt >= max_attempts {
                    let end = given_up(&job, taken.attempt);
                    end_job!(conn, &row, &end, now, &worker, "worker");
                    return Ok(Claim::Exhausted);
                }
                let mut sequence = row.last_sequence;
                if row.started_at.is_none() {
                    sequence = append_events!(conn, &row.id, sequence, now, &[started(&job)]);
                }
                let lease = (
                    leases::state.eq(JobState::Running.as_str()),
                    leases::attempt.eq(taken.attempt + 1),
                    leases::lease_token.eq(taken.lease_token + 1),
                    leases::due_at.eq(Some(due)),
                    leases::worker_id.eq(Some(&worker)),
                );
                diesel::update(leases::table.find(&row.id)).set(lease).execute(conn).await?;
                let first = row.started_at.unwrap_or(now);
                let changes = (jobs::last_sequence.eq(sequence), jobs::started_at.eq(Some(first)));
                let changed = diesel::update(jobs::table.find(&row.id)).set(changes);
                let row = changed.returning(JobRow::as_returning()).get_result::<JobRow>(conn).await?;
                Ok(Claim::Taken(Box::new(row)))
            })?;
            match claim {
                Claim::Nothing => return Ok(None),
                Claim::Exhausted => {}
                Claim::Taken(row) => return Job::try_from(*row).map(Some),
            }
        }
    }

    /// Extends a lease to `lease` from now, and says whether somebody asked the job to stop.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if `token` no longer holds the job.
    pub async fn heartbeat(&self, id: &str, token: i64, lease: Duration) -> Result<HeartbeatState, StoreError> {
        let (job_id, due) = (id.to_owned(), later(self.timestamp(), lease));
        let asked = transaction!(self, |conn| {
            let held = leases::table
                .find(&job_id)
                .filter(leases::lease_token.eq(token))
                .filter(leases::state.eq(JobState::Running.as_str()));
            let extended = diesel::update(held).set(leases::due_at.eq(Some(due)));
            Ok(extended.returning(leases::cancel_requested).get_result::<bool>(conn).await.optional()?)
        })?;
        asked.map(HeartbeatState::of).ok_or_else(|| StoreError::LeaseLost { job_id: id.to_owned(), token })
    }

    /// What a heartbeat would say, without extending the lease: cheap enough to ask often.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if `token` no longer holds the job.
    pub async fn check_lease(&self, id: &str, token: i64) -> Result<HeartbeatState, StoreError> {
        let job_id = id.to_owned();
        let asked = read!(self, |conn| {
            let held = leases::table
                .find(&job_id)
                .filter(leases::lease_token.eq(token))
                .filter(leases::state.eq(JobState::Running.as_str()));
            Ok(held.select(leases::cancel_requested).first::<bool>(conn).await.optional()?)
        })?;
        asked.map(HeartbeatState::of).ok_or_else(|| StoreError::LeaseLost { job_id: id.to_owned(), token })
    }

    /// Gives a job back, to be claimed by another worker or by the same one. The token holds no
    /// longer.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if `token` does not hold the job.
    pub async fn release_job(&self, id: &str, token: i64, release: Release) -> Result<(), StoreError> {
        let (job_id, now) = (id.to_owned(), self.timestamp());
        let (due, back) = match release {
            Release::Now => (now, 1),
            Release::After(wait) => (later(now, wait), 0),
        };
        let released = transaction!(self, |conn| {
            let held = leases::table
                .find(&job_id)
                .filter(leases::lease_token.eq(token))
                .filter(leases::state.eq(JobState::Running.as_str()));
            let free = (
                leases::due_at.eq(Some(due)),
                leases::attempt.eq(leases::attempt - back),
                leases::lease_token.eq(token + 1),
                leases::worker_id.eq(None::<String>),
            );
            Ok(diesel::update(held).set(free).execute(conn).await?)
        })?;
        if released == 0 {
            return Err(StoreError::LeaseLost { job_id: id.to_owned(), token });
        }
        Ok(())
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

fn later(now: Timestamp, by: Duration) -> Timestamp {
    let by = chrono::TimeDelta::from_std(by).unwrap_or(chrono::TimeDelta::MAX);
    now.checked_add_signed(by).unwrap_or(now)
}

fn started(job: &Job) -> NewEvent {
    NewEvent {
        kind: EventKind::StateChanged,
        state: JobState::Running,
        stage: job.stage.clone(),
        fraction: job.fraction,
        counts: job.counts,
        message_pt: "Em execução".to_owned(),
        message_en: "Running".to_owned(),
    }
}

/// The end of a job that no worker could bring to its end.
fn given_up(job: &Job, attempts: i32) -> FinishCommit {
    if job.cancel_requested {
        return FinishCommit::new(job, JobState::Cancelled, "Cancelada", "Cancelled");
    }
    let pt = format!("Falhou: interrompida em cada uma de {attempts} tentativas");
    let en = format!("Failed: interrupted in each of {attempts} attempts");
    let mut end = FinishCommit::new(job, JobState::Failed, &pt, &en);
    end.error = Some(JobError { reason: "ATTEMPTS_EXHAUSTED".to_owned(), message: en });
    end
}
