//! Who works on a job: claims, leases and how they end.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::commit::{append_events, end_job};
use super::dialect::{Dialect, claimable};
use super::pool::{read, transaction};
use super::rows::{EventRow, JobRow};
use super::schema::{audit_log, events, jobs};
use super::{FinishCommit, Store, StoreError, Timestamp, utc};
use crate::model::{EventKind, Job, JobError, JobKind, JobState, NewEvent};

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
    Ended,
    Taken(Box<JobRow>),
}

impl Store {
    /// Takes the next job of these kinds that is pending, or that is running with a lease that has
    /// ended: the highest priority first, within it one job of each owner in turn. Its attempt and
    /// its token grow by one; the first claim appends an event.
    ///
    /// A job that has been handed out as often as allowed goes to the dead letters with
    /// `ATTEMPTS_EXHAUSTED` instead, one whose deadline has passed fails with `DEADLINE_EXCEEDED`;
    /// either is cancelled if somebody asked for that.
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
            // Without a job to take, an idle worker must not take the one turn to write.
            if self.inner.pools.has_one_writer() {
                let candidates = names.clone();
                let found = read!(self, |conn| {
                    Ok(claimable!(candidates.as_slice(), now).first::<JobRow>(conn).await.optional()?.is_some())
                })?;
                if !found {
                    return Ok(None);
                }
            }
            let claim = transaction!(self, |conn| {
                let Some(row) = conn.lock_claimable(&names, now).await? else { return Ok(Claim::Nothing) };
                let job = Job::try_from(row.clone())?;
                if let Some(end) = overdue(&job, max_attempts, utc(now)) {
                    end_job!(conn, &row, &end, now, &worker, "worker");
                    return Ok(Claim::Ended);
                }
                let mut sequence = row.last_sequence;
                if row.started_at.is_none() {
                    sequence = append_events!(conn, &row.id, sequence, now, &[started(&job)]);
                }
                let changes = (
                    jobs::state.eq(JobState::Running.as_str()),
                    jobs::attempt.eq(row.attempt + 1),
                    jobs::lease_token.eq(row.lease_token + 1),
                    jobs::due_at.eq(Some(due)),
                    jobs::worker_id.eq(Some(&worker)),
                    jobs::last_sequence.eq(sequence),
                    jobs::started_at.eq(row.started_at.or(Some(now))),
                );
                let changed = diesel::update(jobs::table.find(&row.id)).set(changes);
                let row = changed.returning(JobRow::as_returning()).get_result::<JobRow>(conn).await?;
                Ok(Claim::Taken(Box::new(row)))
            })?;
            match claim {
                Claim::Nothing => return Ok(None),
                Claim::Ended => {}
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
            let held = jobs::table
                .find(&job_id)
                .filter(jobs::lease_token.eq(token))
                .filter(jobs::state.eq(JobState::Running.as_str()));
            let extended = diesel::update(held).set(jobs::due_at.eq(Some(due)));
            Ok(extended.returning(jobs::cancel_requested).get_result::<bool>(conn).await.optional()?)
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
            let held = jobs::table
                .find(&job_id)
                .filter(jobs::lease_token.eq(token))
                .filter(jobs::state.eq(JobState::Running.as_str()));
            Ok(held.select(jobs::cancel_requested).first::<bool>(conn).await.optional()?)
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
            let held = jobs::table
                .find(&job_id)
                .filter(jobs::lease_token.eq(token))
                .filter(jobs::state.eq(JobState::Running.as_str()));
            let free = (
                jobs::due_at.eq(Some(due)),
                jobs::attempt.eq(jobs::attempt - back),
                jobs::lease_token.eq(token + 1),
                jobs::worker_id.eq(None::<String>),
            );
            Ok(diesel::update(held).set(free).execute(conn).await?)
        })?;
        if released == 0 {
            return Err(StoreError::LeaseLost { job_id: id.to_owned(), token });
        }
        Ok(())
    }

    /// Ends up to `limit` jobs that nobody has taken and whose deadline has passed. Returns their
    /// ids.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_overdue(&self, limit: i64) -> Result<Vec<String>, StoreError> {
        let now = self.timestamp();
        let late = read!(self, |conn| {
            let waiting = jobs::table.filter(jobs::state.eq(JobState::Pending.as_str()));
            let late = waiting.filter(jobs::deadline_at.le(now)).limit(limit).select(jobs::id);
            Ok(late.load::<String>(conn).await?)
        })?;
        let mut ended = Vec::new();
        for id in late {
            let job_id = id.clone();
            let done = transaction!(self, |conn| {
                let Some(row) = conn.lock_job(&job_id).await? else { return Ok(false) };
                let job = Job::try_from(row.clone())?;
                let Some(deadline) = job.deadline_at.filter(|_| job.state == JobState::Pending) else {
                    return Ok(false);
                };
                let end = past_deadline(&job, deadline);
                end_job!(conn, &row, &end, now, "queue", "worker");
                Ok(true)
            })?;
            if done {
                ended.push(id);
            }
        }
        Ok(ended)
    }
}

pub(super) fn later(now: Timestamp, by: Duration) -> Timestamp {
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

/// The end of a job that is not to be handed out any more.
fn overdue(job: &Job, max_attempts: i32, now: DateTime<Utc>) -> Option<FinishCommit> {
    let late = job.deadline_at.filter(|deadline| *deadline <= now);
    if late.is_none() && job.attempt < max_attempts {
        return None;
    }
    if job.cancel_requested {
        return Some(FinishCommit::new(job, JobState::Cancelled, "Cancelada", "Cancelled"));
    }
    Some(if let Some(deadline) = late {
        past_deadline(job, deadline)
    } else {
        let attempts = job.attempt;
        let pt = format!("Falhou: interrompida em cada uma de {attempts} tentativas");
        let en = format!("Failed: interrupted in each of {attempts} attempts");
        let mut end = FinishCommit::new(job, JobState::DeadLetter, &pt, &en);
        end.error = Some(JobError { reason: "ATTEMPTS_EXHAUSTED".to_owned(), message: en });
        end
    })
}

/// The end of a job that was not done in time.
fn past_deadline(job: &Job, deadline: DateTime<Utc>) -> FinishCommit {
    let deadline = deadline.format("%Y-%m-%dT%H:%M:%SZ");
    let pt = format!("Falhou: não terminou até o prazo, {deadline}");
    let en = format!("Failed: it did not end by its deadline, {deadline}");
    let mut end = FinishCommit::new(job, JobState::Failed, &pt, &en);
    end.error = Some(JobError { reason: "DEADLINE_EXCEEDED".to_owned(), message: en });
    end
}
