//! What a worker commits: a step, or the end of a job. One transaction each, fenced by the token
//! of the lease.

use std::collections::BTreeMap;
use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};

use super::dialect::{BATCH, Dialect};
use super::pool::transaction;
use super::rows::{AuditRow, DetectorRow, EventRow, FindingRow, JobRow, Progress, json as to_json};
use super::schema::{audit_log, detector_results, events, jobs};
use super::{Store, StoreError};
use crate::model::{
    AuditEntry, Counts, DetectorSummary, EventKind, Finding, Job, JobError, JobKind, JobState, NewEvent,
};

/// One step of a job, committed whole or not at all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepCommit {
    /// Steps done after this one; never less than before.
    pub steps_done: i32,
    /// Current step.
    pub stage: String,
    /// Share done, 0 to 1.
    pub fraction: f64,
    /// Counts so far.
    pub counts: Counts,
    /// Replaces the job's output.
    pub output: Value,
    /// Events to append, none of them `Finished`.
    pub events: Vec<NewEvent>,
    /// Findings to add; one of an id that is there replaces it.
    pub findings: Vec<Finding>,
    /// Summaries to add; one of a detector that is there replaces it in its place.
    pub detectors: Vec<DetectorSummary>,
    /// A completed job whose findings and summaries this one takes over as they are.
    pub copy_from: Option<String>,
}

/// The end of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishCommit {
    /// A state that nothing follows.
    pub state: JobState,
    /// Why it failed.
    pub error: Option<JobError>,
    /// Replaces the job's output.
    pub output: Value,
    /// Events to append; the last one, and no other, is `Finished`.
    pub events: Vec<NewEvent>,
    /// Counts at the end.
    pub counts: Counts,
    /// Last step.
    pub stage: String,
    /// Share done, 0 to 1.
    pub fraction: f64,
}

/// Appends events after a sequence; they take the next ones without a gap.
macro_rules! append_events {
    ($conn:expr, $job_id:expr, $after:expr, $now:expr, $events:expr) => {{
        let mut sequence: i64 = $after;
        for event in $events {
            sequence += 1;
            let row = EventRow::new($job_id, sequence, $now, event)?;
            diesel::insert_into(events::table).values(&row).execute($conn).await?;
        }
        sequence
    }};
}

/// Ends a job whose row is locked, and says so in the audit log.
macro_rules! end_job {
    ($conn:expr, $row:expr, $commit:expr, $now:expr, $actor:expr, $remote:expr) => {{
        let (row, commit): (&JobRow, &FinishCommit) = ($row, $commit);
        let sequence = append_events!($conn, &row.id, row.last_sequence, $now, &commit.events);
        let ended = $crate::store::commit::Ended::new(row, commit, $actor, $remote, $now)?;
        diesel::insert_into(audit_log::table).values(&ended.audit).execute($conn).await?;
        let changes = (
            jobs::state.eq(commit.state.as_str()),
            jobs::progress.eq(&ended.progress),
            jobs::output.eq(&commit.output),
            jobs::error.eq(&ended.error),
            jobs::last_sequence.eq(sequence),
            jobs::finished_at.eq(Some($now)),
            jobs::due_at.eq(None::<$crate::store::Timestamp>),
        );
        let changed = diesel::update(jobs::table.find(&row.id)).set(changes).returning(JobRow::as_returning());
        changed.get_result::<JobRow>($conn).await?
    }};
}

pub(super) use {append_events, end_job};

/// What the end of a job writes.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) progress: Value,
    pub(super) error: Option<Value>,
    pub(super) audit: AuditRow,
}

impl Ended {
    pub(super) fn new(
        row: &JobRow,
        commit: &FinishCommit,
        actor: &str,
        remote: &str,
        now: super::Timestamp,
    ) -> Result<Self, StoreError> {
        let progress = Progress {
            steps_done: progress_of(row)?.steps_done,
            stage: commit.stage.clone(),
            fraction: commit.fraction,
            counts: commit.counts,
        };
        let entry = AuditEntry {
            actor: actor.to_owned(),
            action: format!("{}.{}", row.kind, commit.state.as_str()),
            resource: row.id.clone(),
            remote: remote.to_owned(),
            result: if commit.error.is_some() { "error" } else { "ok" }.to_owned(),
            details: json!({ "reason": commit.error.as_ref().map(|error| &error.reason) }),
        };
        Ok(Self {
            progress: to_json(&progress)?,
            error: commit.error.as_ref().map(to_json).transpose()?,
            audit: AuditRow::new(&entry, now),
        })
    }
}

pub(super) fn progress_of(row: &JobRow) -> Result<Progress, StoreError> {
    serde_json::from_value(row.progress.clone()).map_err(|error| StoreError::Corrupt {
        table: "jobs",
        column: "progress",
        id: row.id.clone(),
        reason: error.to_string(),
    })
}

/// The job's row if `token` still holds its lease.
pub(super) fn held(row: Option<JobRow>, job_id: &str, token: i64) -> Result<JobRow, StoreError> {
    let row = row.ok_or_else(|| StoreError::NotFound { what: "job", id: job_id.to_owned() })?;
    if row.lease_token == token && row.state == JobState::Running.as_str() {
        Ok(row)
    } else {
        Err(StoreError::LeaseLost { job_id: job_id.to_owned(), token })
    }
}

fn check_fraction(fraction: f64) -> Result<(), StoreError> {
    if (0.0..=1.0).contains(&fraction) {
        Ok(())
    } else {
        Err(StoreError::Invalid { field: "fraction", rule: "lie between 0 and 1", value: fraction.to_string() })
    }
}

impl StepCommit {
    fn check(&self) -> Result<(), StoreError> {
        check_fraction(self.fraction)?;
        if self.events.iter().any(|event| event.kind == EventKind::Finished) {
            let (rule, value) = ("hold no finished event in a step", "finished".to_owned());
            return Err(StoreError::Invalid { field: "events", rule, value });
        }
        Ok(())
    }

    /// Findings to upsert, one per id: a batch that names a row twice is an error in PostgreSQL.
    fn one_of_each(&self) -> Vec<&Finding> {
        let by_id: BTreeMap<_, _> = self.findings.iter().map(|finding| (finding.id.as_str(), finding)).collect();
        by_id.into_values().collect()
    }
}

/// Rows of some findings: of all at once they would take several times the memory of the findings.
fn finding_rows(job_id: &str, findings: &[&Finding]) -> Result<Vec<FindingRow>, StoreError> {
    let row = |finding: &&Finding| {
        Ok(FindingRow {
            job_id: job_id.to_owned(),
            id: finding.id.clone(),
            detector_id: finding.detector.id.clone(),
            severity_rank: finding.severity.rank(),
            ordinal: 0,
            body: to_json(*finding)?,
        })
    };
    findings.iter().map(row).collect()
}

impl FinishCommit {
    /// The end of a job with one event that says so.
    pub fn new(job: &Job, state: JobState, message_pt: &str, message_en: &str) -> Self {
        let event = NewEvent {
            kind: EventKind::Finished,
            state,
            stage: job.stage.clone(),
            fraction: job.fraction,
            counts: job.counts,
            message_pt: message_pt.to_owned(),
            message_en: message_en.to_owned(),
        };
        Self {
            state,
            error: None,
            output: job.output.clone(),
            events: vec![event],
            counts: job.counts,
            stage: job.stage.clone(),
            fraction: job.fraction,
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        check_fraction(self.fraction)?;
        if !self.state.is_terminal() {
            let value = self.state.as_str().to_owned();
            return Err(StoreError::Invalid { field: "state", rule: "be one that nothing follows", value });
        }
        let finished: Vec<bool> = self.events.iter().map(|event| event.kind == EventKind::Finished).collect();
        if finished.last() != Some(&true) || finished.iter().filter(|finished| **finished).count() != 1 {
            let (rule, value) = ("end with the one finished event", format!("{finished:?}"));
            return Err(StoreError::Invalid { field: "events", rule, value });
        }
        Ok(())
    }
}

impl Store {
    /// Commits one step of a job: its events, findings, summaries and progress, in one transaction.
    /// Returns the job after it.
    ///
    /// After [`StoreError::Unavailable`] it is open whether the step was committed; see
    /// [`Store::commit_step_after`].
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if `token` no longer holds the job, [`StoreError::Invalid`] for a
    /// step that goes back or says the job ended, [`StoreError::NotFound`] if there are no results
    /// to take over.
    pub async fn commit_step(
        &self,
        job_id: &str,
        token: i64,
        step: impl Into<Arc<StepCommit>>,
    ) -> Result<Job, StoreError> {
        self.commit(job_id, token, None, step.into()).await
    }

    /// The same, if the log of the job ends at `after_sequence`: safe to call again when an answer
    /// was lost. A first call that is still being committed is waited for.
    ///
    /// # Errors
    /// Those of [`Store::commit_step`]; [`StoreError::OutOfStep`] if the log ends elsewhere: after
    /// a lost answer, because the step was committed.
    pub async fn commit_step_after(
        &self,
        job_id: &str,
        token: i64,
        after_sequence: i64,
        step: impl Into<Arc<StepCommit>>,
    ) -> Result<Job, StoreError> {
        self.commit(job_id, token, Some(after_sequence), step.into()).await
    }

    async fn commit(
        &self,
        job_id: &str,
        token: i64,
        after_sequence: Option<i64>,
        step: Arc<StepCommit>,
    ) -> Result<Job, StoreError> {
        step.check()?;
        let (job_id, now) = (job_id.to_owned(), self.timestamp());
        let row = transaction!(self, |conn| {
            let row = held(conn.lock_job(&job_id).await?, &job_id, token)?;
            let found = row.last_sequence;
            if let Some(expected) = after_sequence.filter(|expected| *expected != found) {
                return Err(StoreError::OutOfStep { job_id: job_id.clone(), expected, found });
            }
            let before = progress_of(&row)?.steps_done;
            if step.steps_done < before {
                let value = format!("{} after {before}", step.steps_done);
                return Err(StoreError::Invalid { field: "steps_done", rule: "not go back", value });
            }
            let sequence = append_events!(conn, &job_id, row.last_sequence, now, &step.events);
            let findings = step.one_of_each();
            for some in findings.chunks(BATCH) {
                conn.upsert_findings(finding_rows(&job_id, some)?).await?;
            }
            if !findings.is_empty() {
                diesel::sql_query(NUMBER_FINDINGS).bind::<Text, _>(&job_id).execute(conn).await?;
            }
            if let Some(source) = &step.copy_from {
                let kept = jobs::table.find(source).filter(jobs::state.eq(JobState::Completed.as_str()));
                let kept = kept.filter(jobs::results_deleted_at.is_null()).select(jobs::id);
                if kept.first::<String>(conn).await.optional()?.is_none() {
                    return Err(StoreError::NotFound { what: "results", id: source.clone() });
                }
                for copy in COPY_RESULTS {
                    diesel::sql_query(copy).bind::<Text, _>(&job_id).bind::<Text, _>(source).execute(conn).await?;
                }
            }
            let place = detector_results::table.filter(detector_results::job_id.eq(&job_id));
            let mut place: i64 = place.count().get_result(conn).await?;
            for summary in &step.detectors {
                let row = DetectorRow {
                    job_id: job_id.clone(),
                    detector_id: summary.detector.id.clone(),
                    place: i32::try_from(place).unwrap_or(i32::MAX),
                    body: to_json(summary)?,
                };
                place += 1;
                diesel::insert_into(detector_results::table)
                    .values(&row)
                    .on_conflict((detector_results::job_id, detector_results::detector_id))
                    .do_update()
                    .set(detector_results::body.eq(&row.body))
                    .execute(conn)
                    .await?;
            }
            let progress = to_json(&Progress {
                steps_done: step.steps_done,
                stage: step.stage.clone(),
                fraction: step.fraction,
                counts: step.counts,
            })?;
            let changes =
                (jobs::progress.eq(&progress), jobs::output.eq(&step.output), jobs::last_sequence.eq(sequence));
            let changed = diesel::update(jobs::table.find(&job_id)).set(changes).returning(JobRow::as_returning());
            Ok(changed.get_result::<JobRow>(conn).await?)
        })?;
        Job::try_from(row)
    }

    /// Ends a job: its last events, its state and an audit entry, in one transaction. Returns the
    /// job after it.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if `token` no longer holds the job, [`StoreError::Invalid`] if the
    /// state does not end it or the last event does not say so.
    pub async fn finish_job(&self, job_id: &str, token: i64, finish: FinishCommit) -> Result<Job, StoreError> {
        finish.check()?;
        let (job_id, now) = (job_id.to_owned(), self.timestamp());
        let row = transaction!(self, |conn| {
            let row = held(conn.lock_job(&job_id).await?, &job_id, token)?;
            let actor = row.worker_id.clone().unwrap_or_else(|| "worker".to_owned());
            Ok(end_job!(conn, &row, &finish, now, &actor, "worker"))
        })?;
        Job::try_from(row)
    }
}

/// Places the findings of a job: the most severe first, then by detector and id.
const NUMBER_FINDINGS: &str = "UPDATE findings SET ordinal = placed.place FROM (\
     SELECT id, ROW_NUMBER() OVER (ORDER BY severity_rank DESC, detector_id, id) AS place \
     FROM findings WHERE job_id = $1) AS placed \
     WHERE findings.job_id = $1 AND findings.id = placed.id AND findings.ordinal <> placed.place";

/// Takes over the results of a job; what was taken over before an answer was lost stays.
const COPY_RESULTS: [&str; 2] = [
    "INSERT INTO findings (job_id, id, detector_id, severity_rank, ordinal, body) \
     SELECT $1, id, detector_id, severity_rank, ordinal, body FROM findings WHERE job_id = $2 ON CONFLICT DO NOTHING",
    "INSERT INTO detector_results (job_id, detector_id, place, body) \
     SELECT $1, detector_id, place, body FROM detector_results WHERE job_id = $2 ON CONFLICT DO NOTHING",
];

/// The name of an entry of the audit log about a job.
pub(super) fn action(kind: JobKind, verb: &str) -> String {
    format!("{}.{verb}", kind.as_str())
}
