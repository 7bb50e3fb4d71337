use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{JobFailure, Jobs};
use crate::model::Job;
use crate::store::{StepCommit, StoreError};

/// Why a running job is told to stop. The first reason stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopCause {
    /// Somebody cancelled it.
    Cancelled,
    /// Another worker has it.
    LeaseLost,
    /// This worker ends.
    Shutdown,
}

/// Tells a handler to stop, and the worker why.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop {
    cause: Arc<OnceLock<StopCause>>,
    token: CancellationToken,
}

impl Stop {
    pub(super) fn now(&self, cause: StopCause) {
        let _first = self.cause.set(cause);
        self.token.cancel();
    }

    pub(super) fn cause(&self) -> Option<StopCause> {
        self.cause.get().copied()
    }
}

/// What a handler works with: its job, and the way to commit.
#[derive(Debug)]
pub struct JobContext {
    /// The job as of the last commit.
    pub job: Job,
    jobs: Jobs,
    stop: Stop,
}

impl JobContext {
    pub(super) const fn new(job: Job, jobs: Jobs, stop: Stop) -> Self {
        Self { job, jobs, stop }
    }

    /// The queue that the job is from.
    pub const fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// Fires when the job is cancelled, its lease is lost or the worker shuts down.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.stop.token
    }

    /// Commits a step and tells the watchers. While the database is away it waits for it, so that
    /// work goes on when it is back.
    ///
    /// # Errors
    /// [`JobFailure::Stopped`] if the job was cancelled or its lease is lost (then nothing was
    /// committed), or if the worker shuts down (then the step was committed, and another worker
    /// goes on from it). Return it from the handler. [`JobFailure::Store`] for a step that the
    /// store refuses.
    pub async fn commit(&mut self, step: StepCommit) -> Result<(), JobFailure> {
        if matches!(self.stop.cause(), Some(StopCause::Cancelled | StopCause::LeaseLost)) {
            return Err(JobFailure::Stopped);
        }
        self.job = self.committed(&step).await?;
        self.jobs.inner.signals.wake(&self.job.id);
        if self.job.cancel_requested {
            self.stop.now(StopCause::Cancelled);
        }
        if self.stop.cause().is_some() { Err(JobFailure::Stopped) } else { Ok(()) }
    }

    async fn committed(&self, step: &StepCommit) -> Result<Job, JobFailure> {
        let store = &self.jobs.inner.store;
        let mut wait = Duration::from_millis(200);
        let mut unsure = false;
        loop {
            let result = match self.landed(step, unsure).await {
                Ok(Some(job)) => return Ok(job),
                Ok(None) => store.commit_step(&self.job.id, self.job.lease_token, step.clone()).await,
                Err(error) => Err(error),
            };
            match result {
                Ok(job) => return Ok(job),
                Err(StoreError::LeaseLost { .. }) => {
                    self.stop.now(StopCause::LeaseLost);
                    return Err(JobFailure::Stopped);
                }
                Err(error) if error.is_transient() => {
                    unsure = true;
                    tracing::warn!(job_id = %self.job.id, %error, "a step waits for the database");
                    tokio::select! {
                        () = tokio::time::sleep(wait) => wait = (wait * 2).min(Duration::from_secs(5)),
                        () = self.stop.token.cancelled() => return Err(JobFailure::Stopped),
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The job if a commit whose answer was lost did take effect: only the holder of the lease
    /// appends events, so that the log tells.
    async fn landed(&self, step: &StepCommit, unsure: bool) -> Result<Option<Job>, StoreError> {
        if !unsure {
            return Ok(None);
        }
        let appended = i64::try_from(step.events.len()).unwrap_or(i64::MAX);
        let after = self.job.last_sequence.saturating_add(appended);
        let job = self.jobs.inner.store.job(&self.job.id).await?;
        Ok(job.filter(|job| job.lease_token == self.job.lease_token && appended > 0 && job.last_sequence == after))
    }
}
