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
    /// It has not ended in time.
    Deadline,
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
    /// [`JobFailure::Stopped`] if the job was cancelled, is late or its lease is lost (then nothing was
    /// committed), or if the worker shuts down (then the step was committed, and another worker
    /// goes on from it). Return it from the handler. [`JobFailure::Store`] for a step that the
    /// store refuses.
    pub async fn commit(&mut self, step: StepCommit) -> Result<(), JobFailure> {
        if matches!(self.stop.cause(), Some(StopCause::Cancelled | StopCause::LeaseLost | StopCause::Deadline)) {
            return Err(JobFailure::Stopped);
        }
        self.job = self.committed(Arc::new(step)).await?;
        self.jobs.committed(&self.job.id);
        if self.job.cancel_requested {
            self.stop.now(StopCause::Cancelled);
        }
        if self.stop.cause().is_some() { Err(JobFailure::Stopped) } else { Ok(()) }
    }

    async fn committed(&self, step: Arc<StepCommit>) -> Result<Job, JobFailure> {
        let store = &self.jobs.inner.store;
        let (id, token, after) = (&self.job.id, self.job.lease_token, self.job.last_sequence);
        let mut wait = Duration::from_millis(200);
        let mut unsure = false;
        loop {
            let result = match store.commit_step_after(id, token, after, Arc::clone(&step)).await {
                // The answer to the call before was lost, not its effect: nobody else appends.
                Err(StoreError::OutOfStep { .. }) if unsure => self.landed().await,
                result => result,
            };
            match result {
                Ok(job) => return Ok(job),
                Err(StoreError::LeaseLost { .. }) => {
                    self.stop.now(StopCause::LeaseLost);
                    return Err(JobFailure::Stopped);
                }
                Err(error) if error.is_transient() => {
                    unsure = true;
                    tracing::warn!(job_id = %id, %error, "a step waits for the database");
                    tokio::select! {
                        () = tokio::time::sleep(wait) => wait = (wait * 2).min(Duration::from_secs(5)),
                        () = self.stop.token.cancelled() => return Err(JobFailure::Stopped),
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn landed(&self) -> Result<Job, StoreError> {
        let (job_id, token) = (&self.job.id, self.job.lease_token);
        let job = self.jobs.inner.store.job(job_id).await?;
        let held = job.filter(|job| job.lease_token == token);
        held.ok_or_else(|| StoreError::LeaseLost { job_id: job_id.clone(), token })
    }
}
