use std::collections::VecDeque;

use futures::Stream;
use futures::stream::try_unfold;
use tokio::time::Instant;

use super::signals::Ear;
use super::{Jobs, JobsError};
use crate::model::{Event, EventKind, Job};

/// Events read from the log at once: what a watcher costs in memory.
const BATCH: i64 = 100;

/// What a watcher is told.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchItem {
    /// The next event.
    Event(Event),
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
    ready: VecDeque<Event>,
    ear: Ear,
    /// Whether the sequence asked for has been compared with the log.
    checked: bool,
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
    /// for a sequence that the log has not reached. Any item may be [`JobsError::Store`]; resume
    /// after the last sequence.
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
            // Listens before the first read, so that nothing falls in between.
            ear: self.inner.signals.listen(job_id),
            checked: false,
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
                self.last = event.sequence;
                self.finished = event.body.kind == EventKind::Finished;
                self.quiet_since = Instant::now();
                return Ok(Some(WatchItem::Event(event)));
            }
            if self.finished {
                return Ok(None);
            }
            if !self.checked {
                let job = self.job().await?;
                if self.last > job.last_sequence {
                    return Err(JobsError::SequenceAhead { asked: self.last, last: job.last_sequence });
                }
                // Whoever has seen the last event of a job that ended has seen all.
                self.finished = job.state.is_terminal() && self.last == job.last_sequence;
                self.checked = true;
                continue;
            }
            self.ready.extend(self.jobs.inner.store.events(&self.job_id, self.last, BATCH).await?);
            if self.ready.is_empty()
                && let Some(heartbeat) = self.wait().await?
            {
                return Ok(Some(heartbeat));
            }
        }
    }

    /// Waits until there may be more, or it is time to say that there is not.
    async fn wait(&mut self) -> Result<Option<WatchItem>, JobsError> {
        let options = &self.jobs.inner.options;
        tokio::select! {
            () = self.ear.woken() => return Ok(None),
            () = tokio::time::sleep(options.poll_interval) => {}
            () = tokio::time::sleep_until(self.quiet_since + options.watch_heartbeat) => {}
        }
        if self.quiet_since.elapsed() < options.watch_heartbeat {
            return Ok(None);
        }
        self.quiet_since = Instant::now();
        let job = Box::new(self.job().await?);
        Ok(Some(WatchItem::Heartbeat { sequence: self.last, job }))
    }

    async fn job(&self) -> Result<Job, JobsError> {
        let job = self.jobs.inner.store.job(&self.job_id).await?;
        job.ok_or_else(|| JobsError::NotFound { id: self.job_id.clone() })
    }
}
