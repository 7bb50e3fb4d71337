//! One reader of a job's log for all its watchers in this process: two thousand of them cost the
//! database as much as one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::signals::Signals;
use crate::model::{Event, EventKind};
use crate::store::{Store, StoreError};

/// Events that are kept for those who are not far behind; who is reads the log.
const KEPT: usize = 256;
/// Events read from the log at once.
pub(super) const BATCH: i64 = 100;

/// What a tail has read.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Sequence of the last event.
    pub(super) last: i64,
    /// The log could not be read; it is tried again.
    pub(super) error: Option<StoreError>,
}

/// The end of the log of a job, as far as this process has read it.
#[derive(Debug)]
pub(super) struct Tail {
    recent: Mutex<VecDeque<Arc<Event>>>,
    seen: watch::Sender<Seen>,
    _reading: DropGuard,
}

impl Tail {
    /// Tells when there is more.
    pub(super) fn subscribe(&self) -> watch::Receiver<Seen> {
        self.seen.subscribe()
    }

    /// The event of a sequence, if it is one of the last ones read.
    pub(super) fn event(&self, sequence: i64) -> Option<Arc<Event>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let first = recent.front()?.sequence;
        recent.get(usize::try_from(sequence.checked_sub(first)?).ok()?).cloned()
    }

    fn push(&self, events: Vec<Event>) {
        let Some(last) = events.last().map(|event| event.sequence) else { return };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.extend(events.into_iter().map(Arc::new));
        let surplus = recent.len().saturating_sub(KEPT);
        recent.drain(..surplus);
        drop(recent);
        self.seen.send_replace(Seen { last, error: None });
    }
}

/// The tails of the jobs that are watched in this process.
#[derive(Debug, Clone, Default)]
pub(super) struct Tails(Arc<Mutex<HashMap<String, Weak<Tail>>>>);

impl Tails {
    /// The tail of a job; the first watcher starts it behind the event `last`.
    pub(super) fn of(
        &self,
        job_id: &str,
        last: i64,
        store: &Store,
        signals: &Signals,
        poll_interval: Duration,
    ) -> Arc<Tail> {
        let mut tails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tail) = tails.get(job_id).and_then(Weak::upgrade) {
            return tail;
        }
        // Tails that nobody follows any more.
        tails.retain(|_, tail| tail.strong_count() > 0);
        let stop = CancellationToken::new();
        let tail = Arc::new(Tail {
            recent: Mutex::default(),
            seen: watch::Sender::new(Seen { last, error: None }),
            _reading: stop.clone().drop_guard(),
        });
        tails.insert(job_id.to_owned(), Arc::downgrade(&tail));
        let reader = read(job_id.to_owned(), Arc::downgrade(&tail), store.clone(), signals.clone(), poll_interval);
        tokio::spawn(async move { stop.run_until_cancelled(reader).await });
        tail
    }

    /// Jobs that somebody watches.
    pub(super) fn len(&self) -> usize {
        let tails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tails.values().filter(|tail| tail.strong_count() > 0).count()
    }
}

/// Reads the log on until its end, or until nobody follows.
async fn read(job_id: String, tail: Weak<Tail>, store: Store, signals: Signals, poll_interval: Duration) {
    // Listens before the first read, so that nothing falls in between.
    let mut ear = signals.listen(&job_id);
    loop {
        let Some(last) = tail.upgrade().map(|tail| tail.seen.borrow().last) else { return };
        let read = store.events(&job_id, last, BATCH).await;
        let Some(tail) = tail.upgrade() else { return };
        match read {
            Ok(events) if events.is_empty() => {
                tail.seen.send_if_modified(|seen| seen.error.take().is_some());
            }
            Ok(events) => {
                let ended = events.last().is_some_and(|event| event.body.kind == EventKind::Finished);
                tail.push(events);
                if ended {
                    return;
                }
                continue;
            }
            Err(error) => {
                tracing::debug!(%error, job_id, "the log cannot be read");
                tail.seen.send_modify(|seen| seen.error = Some(error));
            }
        }
        drop(tail);
        tokio::select! {
            () = ear.woken() => {}
            () = tokio::time::sleep(poll_interval) => {}
        }
    }
}
