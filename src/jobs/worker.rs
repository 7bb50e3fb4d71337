use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::context::{Stop, StopCause};
use super::{JobContext, JobFailure, Jobs};
use crate::model::{Counts, Job, JobError, JobKind, JobState};
use crate::store::{FinishCommit, HeartbeatState, Release, StoreError};

/// The end of a job that went well.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// Replaces the job's output.
    pub output: Value,
    /// Counts at the end.
    pub counts: Counts,
    /// Last step.
    pub stage: String,
    /// Text of the last event, in Portuguese.
    pub message_pt: String,
    /// Text of the last event, in English.
    pub message_en: String,
}

/// Runs jobs of one kind.
#[async_trait]
pub trait JobHandler: Send + Sync {
    /// The kind.
    fn kind(&self) -> JobKind;

    /// Brings a job to its end, from `ctx.job.steps_done` on. Runs again, maybe elsewhere, after a
    /// crash: what it did since its last commit is lost, so that a step must be safe to repeat.
    ///
    /// # Errors
    /// [`JobFailure::Failed`] is shown to callers; [`JobFailure::Stopped`] comes from the context
    /// and is handed on.
    async fn run(&self, ctx: &mut JobContext) -> Result<Finish, JobFailure>;
}

type Handlers = Arc<[Arc<dyn JobHandler>]>;
/// Kinds of which only so many may run at once.
type Slots = Arc<[(JobKind, Arc<Semaphore>)]>;

/// The kinds that may run one more now, with the right to.
fn reserve(handlers: &Handlers, slots: &Slots) -> Vec<(JobKind, Option<OwnedSemaphorePermit>)> {
    let one_more = |kind| match slots.iter().find(|(limited, _)| *limited == kind) {
        Some((_, free)) => Arc::clone(free).try_acquire_owned().ok().map(|permit| (kind, Some(permit))),
        None => Some((kind, None)),
    };
    handlers.iter().filter_map(|handler| one_more(handler.kind())).collect()
}

impl Jobs {
    /// Runs jobs of the handlers' kinds until `shutdown` fires; then takes no more, tells those
    /// that run, waits for the grace period and gives back what has not ended.
    pub async fn run(&self, handlers: Vec<Arc<dyn JobHandler>>, shutdown: CancellationToken) {
        let handlers: Handlers = handlers.into();
        let limits = self.inner.options.limits.iter();
        let slots: Slots = limits.map(|(kind, limit)| (*kind, Arc::new(Semaphore::new(*limit)))).collect();
        let mut workers = JoinSet::new();
        for _ in 0..self.inner.options.workers {
            let (jobs, handlers, shutdown) = (self.clone(), Arc::clone(&handlers), shutdown.clone());
            let slots = Arc::clone(&slots);
            workers.spawn(async move { jobs.work(&handlers, &slots, &shutdown).await });
        }
        let (jobs, stop) = (self.clone(), shutdown.clone());
        workers.spawn(async move { jobs.listen(stop).await });
        let (jobs, stop) = (self.clone(), shutdown.clone());
        workers.spawn(async move { jobs.maintain(stop).await });
        while let Some(ended) = workers.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a worker ended early");
            }
        }
    }

    async fn work(&self, handlers: &Handlers, slots: &Slots, shutdown: &CancellationToken) {
        let _alive = self.inner.tally.alive();
        let options = &self.inner.options;
        while !shutdown.is_cancelled() {
            let reserved = reserve(handlers, slots);
            let kinds: Vec<JobKind> = reserved.iter().map(|(kind, _)| *kind).collect();
            match self.inner.store.claim_job(&options.worker_id, options.lease, &kinds).await {
                Ok(Some(job)) => {
                    self.inner.tally.seen();
                    let found = handlers.iter().find(|handler| handler.kind() == job.kind);
                    // Of what was reserved, only the right to run this kind is kept.
                    let _permit = reserved.into_iter().find(|(kind, _)| *kind == job.kind);
                    if let Some(handler) = found {
                        // Where there is one there may be more: another worker need not wait for its poll.
                        self.inner.queued.notify_one();
                        self.committed(&job.id);
                        let span = tracing::info_span!("job", id = %job.id, kind = job.kind.as_str());
                        self.execute(job, Arc::clone(handler), shutdown).instrument(span).await;
                    }
                    continue;
                }
                Ok(None) => self.inner.tally.seen(),
                Err(error) => tracing::warn!(%error, "no job could be claimed"),
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.inner.queued.notified() => {}
                () = tokio::time::sleep(options.poll_interval) => {}
            }
        }
    }

    async fn execute(&self, job: Job, handler: Arc<dyn JobHandler>, shutdown: &CancellationToken) {
        let _busy = self.inner.tally.busy();
        let stop = Stop::default();
        if job.cancel_requested {
            stop.now(StopCause::Cancelled);
        }
        let (id, token, attempt) = (job.id.clone(), job.lease_token, job.attempt);
        let deadline =
            job.deadline_at.map(|at| Instant::now() + (at - self.inner.store.now()).to_std().unwrap_or_default());
        tracing::info!(attempt, token, steps_done = job.steps_done, "job taken");
        let mut ctx = JobContext::new(job, self.clone(), stop.clone());
        // A task of its own: a handler that computes for long does not hold up its heartbeat.
        let work = async move {
            let ended = if ctx.cancelled().is_cancelled() {
                Ok(Err(JobFailure::Stopped))
            } else {
                AssertUnwindSafe(handler.run(&mut ctx)).catch_unwind().await
            };
            ended.unwrap_or_else(|_| Err(JobFailure::failed("INTERNAL", "an internal error ended the job")))
        };
        let mut running = tokio::spawn(work.in_current_span());
        let result = tokio::select! {
            ended = &mut running => ended.unwrap_or(Err(JobFailure::Stopped)),
            never = self.keep(&id, token, &stop) => match never {},
            never = past(deadline, &stop) => match never {},
            () = self.out_of_time(&stop, shutdown) => {
                tracing::warn!("the job did not stop within the grace period");
                running.abort();
                Err(JobFailure::Stopped)
            }
        };
        tokio::select! {
            () = self.conclude(&id, token, attempt, &stop, result) => {}
            never = self.keep(&id, token, &stop) => match never {},
        }
        self.committed(&id);
    }

    /// Keeps the lease, and stops the job when it is lost or the job is cancelled.
    async fn keep(&self, id: &str, token: i64, stop: &Stop) -> std::convert::Infallible {
        let options = &self.inner.options;
        let mut extended = Instant::now();
        loop {
            tokio::time::sleep(options.cancel_poll.min(options.lease / 3)).await;
            let state = if extended.elapsed() >= options.lease / 3 {
                extended = Instant::now();
                self.inner.store.heartbeat(id, token, options.lease).await
            } else {
                self.inner.store.check_lease(id, token).await
            };
            match state {
                Ok(HeartbeatState::Held) => self.inner.tally.seen(),
                Ok(HeartbeatState::CancelRequested) => stop.now(StopCause::Cancelled),
                Err(StoreError::LeaseLost { .. }) => {
                    if stop.cause() != Some(StopCause::LeaseLost) {
                        tracing::warn!("another worker has the job: what this one did since its last step is dropped");
                    }
                    stop.now(StopCause::LeaseLost);
                }
                // The token fences what would come too late: the job may go on meanwhile.
                Err(error) => tracing::warn!(%error, "no heartbeat"),
            }
        }
    }

    /// Stops the job at a shutdown; returns when it has been told to stop for too long.
    async fn out_of_time(&self, stop: &Stop, shutdown: &CancellationToken) {
        shutdown.cancelled().await;
        stop.now(StopCause::Shutdown);
        tokio::time::sleep(self.inner.options.grace).await;
    }

    /// Writes down how a job ended, or gives it back.
    async fn conclude(&self, id: &str, token: i64, attempt: i32, stop: &Stop, result: Result<Finish, JobFailure>) {
        let cause = stop.cause();
        let outcome = match (result, cause) {
            (_, Some(StopCause::LeaseLost)) => Ok(()),
            (Ok(finish), _) => self.finish(id, token, |job| completed(job, finish.clone())).await,
            (Err(_), Some(StopCause::Cancelled)) => {
                self.finish(id, token, |job| FinishCommit::new(job, JobState::Cancelled, "Cancelada", "Cancelled"))
                    .await
            }
            (Err(_), Some(StopCause::Deadline)) => {
                self.fail(id, token, JobState::Failed, "DEADLINE_EXCEEDED", "it did not end by its deadline").await
            }
            (Err(_), Some(StopCause::Shutdown)) => self.release(id, token, Release::Now).await,
            // Nobody told it to stop: the attempt counts, or it would come round for ever.
            (Err(JobFailure::Stopped), None) => self.release(id, token, Release::After(self.backoff(attempt))).await,
            (Err(JobFailure::Failed { reason, message, retryable }), None) => {
                if retryable && attempt < self.inner.store.max_attempts() {
                    tracing::warn!(%reason, %message, attempt, "the job is tried again");
                    self.release(id, token, Release::After(self.backoff(attempt))).await
                } else {
                    let state = if retryable { JobState::DeadLetter } else { JobState::Failed };
                    self.fail(id, token, state, &reason, &message).await
                }
            }
            (Err(JobFailure::Store(error)), None) => {
                tracing::error!(%error, "the store refused what the job wanted to commit");
                self.fail(id, token, JobState::Failed, "INTERNAL", "an internal error ended the job").await
            }
        };
        match outcome {
            Ok(()) | Err(StoreError::LeaseLost { .. }) => {}
            Err(error) => tracing::error!(%error, "the end of the job could not be written; its lease will end"),
        }
    }

    fn backoff(&self, attempt: i32) -> Duration {
        let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(10);
        self.inner.options.retry_backoff * 2u32.pow(doublings)
    }

    async fn fail(&self, id: &str, token: i64, state: JobState, reason: &str, message: &str) -> Result<(), StoreError> {
        tracing::warn!(reason, message, state = state.as_str(), "the job failed");
        self.finish(id, token, |job| {
            let (pt, en) = (format!("Falhou: {reason}"), format!("Failed: {message}"));
            let mut end = FinishCommit::new(job, state, &pt, &en);
            end.error = Some(JobError { reason: reason.to_owned(), message: message.to_owned() });
            end
        })
        .await
    }

    /// Ends the job as stored; while the database is away, waits for it as long as the lease could
    /// still be held.
    async fn finish(&self, id: &str, token: i64, end: impl Fn(&Job) -> FinishCommit) -> Result<(), StoreError> {
        let give_up = Instant::now() + self.inner.options.lease;
        loop {
            let result = match self.inner.store.job(id).await {
                Ok(Some(job)) => self.inner.store.finish_job(id, token, end(&job)).await.map(|ended| {
                    self.inner.tally.finished(ended.kind, ended.state);
                }),
                Ok(None) => Err(StoreError::NotFound { what: "job", id: id.to_owned() }),
                Err(error) => Err(error),
            };
            match result {
                Err(error) if error.is_transient() && Instant::now() < give_up => {
                    tracing::warn!(%error, "the end of the job waits for the database");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                result => return result,
            }
        }
    }

    async fn release(&self, id: &str, token: i64, release: Release) -> Result<(), StoreError> {
        self.inner.store.release_job(id, token, release).await?;
        self.queued();
        Ok(())
    }
}

/// Stops a job at its deadline.
async fn past(deadline: Option<Instant>, stop: &Stop) -> std::convert::Infallible {
    if let Some(deadline) = deadline {
        tokio::time::sleep_until(deadline).await;
        stop.now(StopCause::Deadline);
    }
    std::future::pending().await
}

fn completed(job: &Job, finish: Finish) -> FinishCommit {
    let mut end = FinishCommit::new(job, JobState::Completed, &finish.message_pt, &finish.message_en);
    end.output = finish.output;
    end.counts = finish.counts;
    end.stage = finish.stage;
    end.fraction = 1.0;
    for event in &mut end.events {
        event.counts = end.counts;
        event.stage.clone_from(&end.stage);
        event.fraction = end.fraction;
    }
    end
}
