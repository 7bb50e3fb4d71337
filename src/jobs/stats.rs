use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::Jobs;
use crate::model::{JobKind, JobState};

const KINDS: [JobKind; 3] = [JobKind::Investigation, JobKind::Analysis, JobKind::Import];
const ENDS: [JobState; 4] = [JobState::Completed, JobState::Failed, JobState::Cancelled, JobState::DeadLetter];

/// What the workers of this process do, for health and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerStats {
    /// Workers that run.
    pub alive: usize,
    /// Those of them that have a job.
    pub busy: usize,
    /// Time since any of them last reached the store: a look at the queue, or a heartbeat. Since
    /// the start of the process where none has yet.
    pub silent_for: Duration,
    /// Jobs that they ended.
    pub finished: Vec<(JobKind, JobState, u64)>,
}

#[derive(Debug)]
pub(super) struct Tally {
    alive: AtomicUsize,
    busy: AtomicUsize,
    seen: Mutex<Instant>,
    finished: [[AtomicU64; ENDS.len()]; KINDS.len()],
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            alive: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            seen: Mutex::new(Instant::now()),
            finished: Default::default(),
        }
    }
}

/// Counts one while it lives.
pub(super) struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn count(counter: &AtomicUsize) -> Counted<'_> {
    counter.fetch_add(1, Ordering::Relaxed);
    Counted(counter)
}

impl Tally {
    pub(super) fn alive(&self) -> Counted<'_> {
        count(&self.alive)
    }

    pub(super) fn busy(&self) -> Counted<'_> {
        count(&self.busy)
    }

    /// A worker has reached the store.
    pub(super) fn seen(&self) {
        *self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Instant::now();
    }

    /// A worker has ended a job.
    pub(super) fn finished(&self, kind: JobKind, state: JobState) {
        let place = (KINDS.iter().position(|one| *one == kind), ENDS.iter().position(|one| *one == state));
        if let (Some(kind), Some(end)) = place {
            self.finished[kind][end].fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Jobs {
    /// What the workers of this process do.
    pub fn worker_stats(&self) -> WorkerStats {
        let tally = &self.inner.tally;
        let seen = *tally.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let finished = KINDS.iter().zip(&tally.finished).flat_map(|(kind, ends)| {
            ENDS.iter().zip(ends).map(|(state, count)| (*kind, *state, count.load(Ordering::Relaxed)))
        });
        WorkerStats {
            alive: tally.alive.load(Ordering::Relaxed),
            busy: tally.busy.load(Ordering::Relaxed),
            silent_for: seen.elapsed(),
            finished: finished.collect(),
        }
    }
}
