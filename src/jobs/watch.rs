use std::collections::VecDeque;
use std::sync::Arc;

use futures::Stream;
use futures::stream::try_unfold;
use tokio::sync::watch;
use tokio::time::Instant;

use super::tail::{BATCH, Seen, Tail};
use super::{Jobs, JobsError};
use crate::model::{Event, EventKind, Job};

/// What a watcher is told.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchItem {
    /// The next event.
    Event(Arc<Event>),
    /// Nothing has happened for a while.
    Heartbeat {
        /// Sequence of the last event that was sent, or asked to be followed: resume after it.
        sequence: i64,
        /// The job as it is.
        job: Box<Job>,
    },
}

struct Watcher {
    jobs: Jobs,
    job_id: String,
    /// Last sequence that was handed out.
    last: i64,
    /// Read from the log by a watcher that is far behind.
    ready: VecDeque<Event>,
    tail: Option<(Arc<Tail>, watch::Receiver<Seen>)>,
    finished: bool,
    quiet_since: Instant,
}

impl Jobs {
    /// The events of a job after `after_sequence`: first those there are, then each as it is
    /// committed, by this process or another. No event is left out or comes twice, and the stream
    /// ends after the `Finished` event. A watcher that is slow reads later; it holds up nobody.
    ///
    /// # Errors
    /// The first item is [`JobsError::NotFound`] for an unknown id, [`JobsError::SequenceAhead`]
    /// for a sequence that the log has not reached. [`JobsError::Deleted`] if the next event is
    /// kept no longer. Any item may be [`JobsError::Store`]; resume after the last sequence.
    pub fn watch(
        &self,
        job_id: &str,
        after_sequence: i64,
    ) -> impl Stream<Item = Result<WatchItem, JobsError>> + Send + use<> {
        let watcher = Watcher {
            jobs: self.clone(),
            job_id: job_id.to_owned(),
            last: after_sequence.max(0),
            ready: VecDeque::new(),
            tail: None,
            finished: false,
            quiet_since: Instant::now(),
        };
        try_unfold(watcher, async |mut watcher| Ok(watcher.next().await?.map(|item| (item, watcher))))
    }
}

impl Watcher {
    async fn next(&mut self) -> Result<Option<WatchItem>, JobsError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                if self.ready.is_empty() {
                    // What it took to catch up is not kept for as long as the stream lives.
                    self.ready = VecDeque::new();
                }
                return self.hand_out(Arc::new(event)).map(Some);
            }
            if self.finished {
                return Ok(None);
            }
            let Some((tail, seen)) = &mut self.tail else {
                // Such futures are on the heap for as long as they take: idle watchers are many.
                Box::pin(self.begin()).await?;
                continue;
            };
            let (head, error) = {
                let seen = seen.borrow_and_update();
                (seen.last, seen.error.clone())
            };
            if self.last >= head {
                if let Some(error) = error {
                    return Err(error.into());
                }
                if let Some(heartbeat) = self.wait().await? {
                    return Ok(Some(heartbeat));
                }
                continue;
            }
            if let Some(event) = tail.event(self.last + 1) {
                return self.hand_out(event).map(Some);
            }
            let more = Box::pin(self.jobs.inner.store.events(&self.job_id, self.last, BATCH)).await?;
            self.ready.extend(more);
            if self.ready.is_empty() {
                return Err(self.deleted(self.job().await?.oldest_sequence));
            }
        }
    }

    fn hand_out(&mut self, event: Arc<Event>) -> Result<WatchItem, JobsError> {
        if event.sequence != self.last + 1 {
            return Err(self.deleted(event.sequence));
        }
        self.last = event.sequence;
        self.finished = event.body.kind == EventKind::Finished;
        self.quiet_since = Instant::now();
        Ok(WatchItem::Event(event))
    }

    fn deleted(&self, oldest: i64) -> JobsError {
        JobsError::Deleted { asked: self.last, oldest }
    }

    /// Compares the sequence asked for with the log, and joins the other watchers.
    async fn begin(&mut self) -> Result<(), JobsError> {
        let job = self.job().await?;
        if self.last > job.last_sequence {
            return Err(JobsError::SequenceAhead { asked: self.last, last: job.last_sequence });
        }
        // Whoever has seen the last event of a job that ended has seen all.
        self.finished = job.state.is_terminal() && self.last == job.last_sequence;
        if !self.finished && self.last + 1 < job.oldest_sequence {
            return Err(self.deleted(job.oldest_sequence));
        }
        let inner = &self.jobs.inner;
        let poll = inner.options.poll_interval;
        let tail = inner.tails.of(&self.job_id, job.last_sequence, &inner.store, &inner.signals, poll);
        let seen = tail.subscribe();
        self.tail = Some((tail, seen));
        Ok(())
    }

    /// Waits until there may be more, or it is time to say that there is not.
    async fn wait(&mut self) -> Result<Option<WatchItem>, JobsError> {
        let Some((_, seen)) = &mut self.tail else { return Ok(None) };
        let heartbeat = self.jobs.inner.options.watch_heartbeat;
        tokio::select! {
            // The tail sends as long as this watcher holds it.
            _ = seen.changed() => return Ok(None),
            () = tokio::time::sleep_until(self.quiet_since + heartbeat) => {}
        }
        self.quiet_since = Instant::now();
        let job = Box::new(self.job().await?);
        Ok(Some(WatchItem::Heartbeat { sequence: self.last, job }))
    }

    async fn job(&self) -> Result<Job, JobsError> {
        let job = Box::pin(self.jobs.inner.store.job(&self.job_id)).await?;
        job.ok_or_else(|| JobsError::NotFound { id: self.job_id.clone() })
    }
}
