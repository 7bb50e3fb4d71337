//! The durable queue: start, watch and cancel jobs, and the workers that run them.
//!
//! The store is the truth. What stands in memory here only wakes: lose it, or commit from another
//! process, and everything still happens, a poll later.

mod context;
mod engine;
mod error;
mod follow;
mod maintenance;
mod signals;
mod stats;
mod tail;
mod watch;
mod worker;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use context::JobContext;
pub use engine::on_engine;
pub use error::{JobFailure, JobsError};
pub use follow::{FollowItem, FollowQuery};
pub use maintenance::Retention;
pub use stats::WorkerStats;
pub use watch::WatchItem;
pub use worker::{Finish, JobHandler};

use crate::cache::{Hint, Hints};
use crate::model::{Event, EventKind, Job, JobKind, JobState, NewEvent, NewJob};
use crate::store::{JobQuery, Store};
use signals::Signals;
use stats::Tally;
use tail::Tails;

/// How the queue works.
#[derive(Debug, Clone)]
pub struct JobsOptions {
    /// Names this process in leases and in the audit log.
    pub worker_id: String,
    /// Jobs that this process runs at once.
    pub workers: usize,
    /// Jobs of a kind that this process runs at once; a kind that is not named is limited by
    /// `workers` alone.
    pub limits: Vec<(JobKind, usize)>,
    /// How long a lease holds without a heartbeat. A worker heartbeats three times as often.
    pub lease: Duration,
    /// How often the log and the queue are looked at for what other processes did.
    pub poll_interval: Duration,
    /// How often a running job looks whether it was cancelled or taken over.
    pub cancel_poll: Duration,
    /// Silence after which a watcher gets a heartbeat.
    pub watch_heartbeat: Duration,
    /// How long running jobs may take to stop at a shutdown, before they are given up.
    pub grace: Duration,
    /// Wait before a retryable failure is tried again; doubles with each attempt.
    pub retry_backoff: Duration,
    /// How often what is overdue is ended and what is old is deleted.
    pub maintenance_interval: Duration,
    /// How long things are kept.
    pub retention: Retention,
    /// Wakes other processes, and is woken by them.
    pub hints: Hints,
}

impl Default for JobsOptions {
    fn default() -> Self {
        Self {
            worker_id: format!("worker-{}", uuid::Uuid::new_v4()),
            workers: 2,
            limits: Vec::new(),
            lease: Duration::from_secs(30),
            poll_interval: Duration::from_secs(1),
            cancel_poll: Duration::from_millis(500),
            watch_heartbeat: Duration::from_secs(15),
            grace: Duration::from_secs(20),
            retry_backoff: Duration::from_secs(5),
            maintenance_interval: Duration::from_secs(60),
            retention: Retention::default(),
            hints: Hints::none(),
        }
    }
}

/// The queue. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    options: JobsOptions,
    signals: Signals,
    tails: Tails,
    tally: Tally,
    /// Wakes a worker of this process when a job was started here.
    queued: Notify,
}

impl Jobs {
    /// The queue over a store.
    pub fn new(store: Store, options: JobsOptions) -> Self {
        let inner = Inner {
            store,
            options,
            signals: Signals::default(),
            tails: Tails::default(),
            tally: Tally::default(),
            queued: Notify::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The store beneath.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Stores a job with its first event and wakes a worker. `false` if the same request has
    /// stored it before.
    ///
    /// # Errors
    /// [`crate::store::StoreError::RequestIdReused`] if its request id came with other content.
    pub async fn start(&self, job: NewJob) -> Result<(Job, bool), JobsError> {
        let first = NewEvent {
            kind: EventKind::StateChanged,
            state: JobState::Pending,
            stage: "queued".to_owned(),
            fraction: 0.0,
            counts: crate::model::Counts::default(),
            message_pt: "Na fila".to_owned(),
            message_en: "Queued".to_owned(),
        };
        let (job, created) = self.inner.store.create_job(job, first).await?;
        if created {
            self.queued();
            self.committed(&job.id);
        }
        Ok((job, created))
    }

    /// The job of an id.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn get(&self, id: &str) -> Result<Option<Job>, JobsError> {
        Ok(self.inner.store.job(id).await?)
    }

    /// Jobs, newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list(&self, query: JobQuery) -> Result<Vec<Job>, JobsError> {
        Ok(self.inner.store.jobs(query).await?)
    }

    /// Asks a job to stop; a pending one is cancelled at once. A job that has ended is unchanged.
    ///
    /// # Errors
    /// [`JobsError::NotFound`] for an unknown id.
    pub async fn cancel(&self, id: &str, actor: &str, remote: &str) -> Result<Job, JobsError> {
        let job = self.inner.store.request_cancel(id, actor, remote).await?;
        let job = job.ok_or_else(|| JobsError::NotFound { id: id.to_owned() })?;
        self.committed(id);
        // One that waited for its next attempt can be taken, to be ended.
        self.queued();
        Ok(job)
    }

    /// Events of a job after a sequence, in order.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn events(&self, id: &str, after_sequence: i64, limit: i64) -> Result<Vec<Event>, JobsError> {
        Ok(self.inner.store.events(id, after_sequence, limit).await?)
    }

    /// Jobs that are watched in this process, for metrics.
    pub fn watched_jobs(&self) -> usize {
        self.inner.tails.len()
    }

    /// Says that something of a job was committed, here and to other processes.
    fn committed(&self, id: &str) {
        self.inner.signals.wake(id);
        self.inner.options.hints.publish(Hint::Job(id.to_owned()));
    }

    /// Says that a job may be claimed, here and to other processes.
    fn queued(&self) {
        self.inner.queued.notify_one();
        self.inner.options.hints.publish(Hint::Queued);
    }

    /// Takes what other processes say.
    async fn listen(&self, shutdown: CancellationToken) {
        let hear = |hint| match hint {
            Hint::Queued => self.inner.queued.notify_one(),
            Hint::Job(id) => self.inner.signals.wake(&id),
            Hint::Resync => {
                self.inner.queued.notify_one();
                self.inner.signals.wake_all();
            }
        };
        self.inner.options.hints.listen(hear, shutdown).await;
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").field("options", &self.inner.options).finish_non_exhaustive()
    }
}
