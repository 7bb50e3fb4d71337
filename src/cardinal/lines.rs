//! Lines of a stream, a block of them to each core, results in the order of the stream.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::num::NonZero;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How much of a stream is held at once.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Threads that read lines; the result does not depend on it.
    pub threads: NonZero<usize>,
    /// Bytes that a thread takes at once, more if a line is longer; the result does not depend on it.
    pub block: NonZero<usize>,
}

impl Default for Effort {
    /// All cores, a mebibyte each.
    fn default() -> Self {
        Self {
            threads: thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            block: NonZero::new(1 << 20).unwrap_or(NonZero::<usize>::MIN),
        }
    }
}

/// Whole lines that lie together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    /// Counts the blocks of a stream, from 0.
    pub(super) number: u64,
    bytes: &'a [u8],
}

impl<'a> Block<'a> {
    /// Its lines without their ends; `None` stands for one that is no UTF-8.
    pub(super) fn lines(self) -> impl Iterator<Item = Option<&'a str>> {
        // One look at the whole is faster than one at each line.
        let whole = std::str::from_utf8(self.bytes).ok();
        let mut at = 0;
        std::iter::from_fn(move || {
            let rest = self.bytes.get(at..).filter(|rest| !rest.is_empty())?;
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let range = at..at + length;
            at = range.end + 1;
            Some(match whole {
                Some(whole) => Some(&whole[range]),
                None => std::str::from_utf8(&self.bytes[range]).ok(),
            })
        })
    }
}

/// What a block gave.
#[derive(Debug)]
pub(super) struct Done<T> {
    pub(super) lines: u64,
    pub(super) output: T,
}

struct Input<R> {
    stream: R,
    /// The start of a line whose end is not read yet.
    rest: Vec<u8>,
    next: u64,
    ended: bool,
}

impl<R: Read> Input<R> {
    /// Puts whole lines into `block`; `None` at the end.
    fn fill(&mut self, block: &mut Vec<u8>, size: usize) -> io::Result<Option<u64>> {
        block.clear();
        std::mem::swap(block, &mut self.rest);
        let mut end = None;
        while !self.ended && end.is_none() {
            let from = block.len();
            let wanted = size.saturating_sub(from).max(size / 2).max(1);
            let read = self.stream.by_ref().take(wanted as u64).read_to_end(block)?;
            self.ended = read < wanted;
            end = memchr::memrchr(b'\n', &block[from..]).map(|at| from + at + 1);
        }
        if let Some(end) = end.filter(|_| !self.ended) {
            self.rest.extend_from_slice(&block[end..]);
            block.truncate(end);
        }
        if block.is_empty() {
            return Ok(None);
        }
        self.next += 1;
        Ok(Some(self.next - 1))
    }
}

struct Order<T, C> {
    waiting: BTreeMap<u64, Done<T>>,
    next: u64,
    lines: u64,
    take: C,
    failed: Option<io::Error>,
}

/// Calls `each` for every block of the stream on several threads, each with a state of its own, and
/// `take` with what the blocks gave, in their order, with the number of lines before the block. The states come back.
pub(super) fn run<S: Send, T: Send>(
    stream: impl Read + Send,
    effort: Effort,
    start: impl Fn() -> S + Sync,
    each: impl Fn(&mut S, Block<'_>) -> Done<T> + Sync,
    take: impl FnMut(u64, T) -> io::Result<()> + Send,
) -> io::Result<Vec<S>> {
    let input = Mutex::new(Input { stream, rest: Vec::new(), next: 0, ended: false });
    let order = Mutex::new(Order { waiting: BTreeMap::new(), next: 0, lines: 0, take, failed: None });
    let moved = Condvar::new();
    let work = || -> io::Result<S> {
        let mut state = start();
        let mut bytes = Vec::with_capacity(effort.block.get() + 1);
        loop {
            let filled = lock(&input).fill(&mut bytes, effort.block.get())?;
            let Some(number) = filled else { return Ok(state) };
            let done = each(&mut state, Block { number, bytes: &bytes });
            if !hand_over(&order, &moved, effort, number, done) {
                return Ok(state);
            }
        }
    };
    let states = thread::scope(|scope| {
        let threads: Vec<_> = (0..effort.threads.get()).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    match order.into_inner().unwrap_or_else(PoisonError::into_inner).failed {
        Some(error) => Err(error),
        None => states,
    }
}

/// Lets the outputs go in their order; `false` once one could not be taken.
fn hand_over<T, C: FnMut(u64, T) -> io::Result<()>>(
    order: &Mutex<Order<T, C>>,
    moved: &Condvar,
    effort: Effort,
    number: u64,
    done: Done<T>,
) -> bool {
    let mut order = lock(order);
    order.waiting.insert(number, done);
    let now = order.next;
    if number == now {
        let next = &mut *order;
        while let Some(done) = next.waiting.remove(&next.next) {
            if next.failed.is_none()
                && let Err(error) = (next.take)(next.lines, done.output)
            {
                next.failed = Some(error);
            }
            next.next += 1;
            next.lines += done.lines;
        }
        moved.notify_all();
    }
    // Who is far ahead waits: what is held stays bounded.
    let ahead = 4 * effort.threads.get() as u64;
    while number > order.next + ahead && order.failed.is_none() {
        order = moved.wait(order).unwrap_or_else(PoisonError::into_inner);
    }
    order.failed.is_none()
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
