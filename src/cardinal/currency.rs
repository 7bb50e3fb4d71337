//! The main currency: the one that is set, or the first of the file, whichever thread sees it.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::lines::lock;

/// The currency of a file whose blocks are read at the same time.
#[derive(Debug, Default)]
pub(super) struct FirstCurrency {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    known: Option<Arc<str>>,
    /// All blocks before this one are read.
    next: u64,
    read: BTreeSet<u64>,
}

impl FirstCurrency {
    pub(super) fn new(set: Option<&str>) -> Self {
        Self { state: Mutex::new(State { known: set.map(Into::into), ..State::default() }), changed: Condvar::new() }
    }

    /// The currency as a block sees it; the block is read when the answer is dropped.
    pub(super) fn of_block(&self, block: u64) -> Main<'_> {
        Main { all: self, block, known: lock(&self.state).known.clone() }
    }

    /// The currency, if any was needed.
    pub(super) fn known(&self) -> Option<Arc<str>> {
        lock(&self.state).known.clone()
    }

    /// Waits until no earlier block can have a currency that is seen before this one.
    fn decide(&self, block: u64, seen: &str) -> Arc<str> {
        let mut state = lock(&self.state);
        loop {
            if let Some(known) = &state.known {
                return known.clone();
            }
            if state.next == block {
                let known: Arc<str> = seen.into();
                state.known = Some(known.clone());
                self.changed.notify_all();
                return known;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// See [`FirstCurrency::of_block`].
#[derive(Debug)]
pub(super) struct Main<'c> {
    all: &'c FirstCurrency,
    block: u64,
    known: Option<Arc<str>>,
}

impl Main<'_> {
    /// Whether this is the main currency; it becomes it if it is the first of the file.
    pub(super) fn is(&mut self, currency: &str) -> bool {
        let known = self.known.get_or_insert_with(|| self.all.decide(self.block, currency));
        **known == *currency
    }
}

impl Drop for Main<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.all.state);
        if state.known.is_some() {
            return;
        }
        state.read.insert(self.block);
        let mut next = state.next;
        while state.read.remove(&next) {
            next += 1;
        }
        if next > state.next {
            state.next = next;
            self.all.changed.notify_all();
        }
    }
}
