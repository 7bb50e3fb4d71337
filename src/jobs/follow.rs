use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::Stream;
use futures::stream::try_unfold;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Jobs, JobsError};
use crate::model::{Job, JobKind};
use crate::store::ActiveQuery;

/// Jobs read at once.
const BATCH: i64 = 200;
/// Least time between two looks, however much happens.
const REST: Duration = Duration::from_millis(100);
/// A commit may become visible so much later than the time it carries.
const LATE: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

/// Which jobs to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowQuery {
    /// What they do.
    pub kind: JobKind,
    /// Whose they are.
    pub owner: String,
    /// Also those that ended after this; by default none that had ended when the stream began.
    pub ended_after: Option<DateTime<Utc>>,
}

/// What a follower is told.
#[derive(Debug, Clone, PartialEq)]
pub enum FollowItem {
    /// A job as it is: at the start each one there is, then each that changed.
    Job(Box<Job>),
    /// Everything there was has been sent; from here on it is live.
    CaughtUp,
    /// Nothing has happened for a while.
    Heartbeat,
}

struct Follower {
    jobs: Jobs,
    query: FollowQuery,
    /// Jobs that ended before this are known.
    since: DateTime<Utc>,
    /// What was last sent of each job: its last event, and whether it is to stop.
    sent: HashMap<String, (i64, bool)>,
    /// The same of this look, as far as it has come.
    found: HashMap<String, (i64, bool)>,
    began: DateTime<Utc>,
    ready: VecDeque<Job>,
    /// Where the next batch of this look begins.
    after: Option<String>,
    looking: bool,
    caught_up: bool,
    any: watch::Receiver<()>,
    looked: Instant,
    quiet_since: Instant,
}

impl Jobs {
    /// The jobs of an owner, live: each as it is, then again whenever it changes, the last time as
    /// it ended. What changes faster than it is read is told once, with its latest state; a
    /// follower that is slow costs no memory.
    ///
    /// # Errors
    /// [`JobsError::Store`]; follow again with `ended_after` set to the time of the last item.
    pub fn follow(&self, query: FollowQuery) -> impl Stream<Item = Result<FollowItem, JobsError>> + Send + use<> {
        let now = self.inner.store.now();
        let follower = Follower {
            jobs: self.clone(),
            since: query.ended_after.unwrap_or(now),
            query,
            sent: HashMap::new(),
            found: HashMap::new(),
            began: now,
            ready: VecDeque::new(),
            after: None,
            looking: true,
            caught_up: false,
            any: self.inner.signals.listen_to_all(),
            looked: Instant::now(),
            quiet_since: Instant::now(),
        };
        try_unfold(follower, async |mut follower| Ok(Some((follower.next().await?, follower))))
    }
}

impl Follower {
    async fn next(&mut self) -> Result<FollowItem, JobsError> {
        loop {
            if let Some(job) = self.ready.pop_front() {
                self.quiet_since = Instant::now();
                return Ok(FollowItem::Job(Box::new(job)));
            }
            if self.looking {
                self.look().await?;
                continue;
            }
            if !self.caught_up {
                self.caught_up = true;
                return Ok(FollowItem::CaughtUp);
            }
            let options = &self.jobs.inner.options;
            let until = self.quiet_since + options.watch_heartbeat;
            tokio::select! {
                _ = self.any.changed() => tokio::time::sleep_until(self.looked + REST).await,
                () = tokio::time::sleep_until(self.looked + options.poll_interval) => {}
                () = tokio::time::sleep_until(until) => {
                    self.quiet_since = Instant::now();
                    return Ok(FollowItem::Heartbeat);
                }
            }
            self.looking = true;
        }
    }

    /// Reads the next batch of what may have changed.
    async fn look(&mut self) -> Result<(), JobsError> {
        let store = &self.jobs.inner.store;
        if self.after.is_none() {
            self.looked = Instant::now();
            self.began = store.now();
        }
        let query = ActiveQuery {
            kind: self.query.kind,
            owner: self.query.owner.clone(),
            ended_after: self.since,
            after: self.after.take(),
            limit: BATCH,
        };
        let found = store.active_or_ended(query).await?;
        self.after = if found.len() as i64 == BATCH { found.last().map(|job| job.id.clone()) } else { None };
        self.looking = self.after.is_some();
        for job in found {
            let state = (job.last_sequence, job.cancel_requested);
            let before = self.sent.get(&job.id);
            if before != Some(&state) {
                self.ready.push_back(job.clone());
            }
            self.found.insert(job.id, state);
        }
        if !self.looking {
            // What was not found ended before `since`, and is never found again.
            self.sent = std::mem::take(&mut self.found);
            self.since = self.since.max(self.began - LATE);
        }
        Ok(())
    }
}
