//! Reads the files of a dataset while all processors work on what was read.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::super::ImportError;
use super::super::input::Input;
use super::super::metered::{Meter, Part};
use super::stream::{self, Block};

/// Blocks that are at hand at once, for each thread: read, worked on or waiting for those before them.
const AHEAD: usize = 8;

/// Which of the readings of a dataset it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    First,
    Second,
    Only,
}

/// What was read.
pub(super) struct ReadParts {
    /// SHA-256 of all bytes, in lower-case hex; of no bytes in the second pass.
    pub(super) content_hash: String,
    pub(super) parts: Vec<Part>,
}

/// Reads all files in a thread of its own, lets as many threads as there are processors work on their blocks, and gives the
/// results to `take`, in the order of the blocks: no block waits for others to be read or worked on. `None` if `take` did
/// not want all of them.
pub(super) fn pipeline<T: Send>(
    input: &Input,
    pass: Pass,
    work: &(dyn Fn(&Block) -> T + Sync),
    take: &mut dyn FnMut(Vec<T>) -> Result<ControlFlow<()>, ImportError>,
) -> Result<Option<ReadParts>, ImportError> {
    let threads = rayon::current_num_threads();
    let at_hand = threads * AHEAD;
    thread::scope(|scope| {
        let (sender, blocks) = sync_channel(at_hand);
        let (free, frees) = sync_channel(at_hand);
        for _ in 0..at_hand {
            let _ = free.send(());
        }
        let reading = scope.spawn(move || read_parts(input, pass, &Sender { sender, frees }));
        let (done, results) = sync_channel(at_hand);
        // Gone with the last worker, so that the reader notices.
        let blocks = Arc::new(Mutex::new(blocks));
        for _ in 0..threads {
            let (blocks, done) = (Arc::clone(&blocks), done.clone());
            scope.spawn(move || work_on(&blocks, work, &done));
        }
        drop((blocks, done));
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for (place, result) in &results {
            waiting.insert(place, result.unwrap_or_else(|panic| resume_unwind(panic)));
            let mut ready = Vec::new();
            while let Some(result) = waiting.remove(&next) {
                ready.push(result);
                next += 1;
            }
            let taken = ready.len();
            if taken > 0 && take(ready)?.is_break() {
                return Ok(None);
            }
            for _ in 0..taken {
                // A reader that has come to the end wants none.
                let _ = free.send(());
            }
        }
        let read = reading.join().map_err(|_| ImportError::Interrupted("the reader of a file panicked".to_owned()))?;
        read.map(Some)
    })
}

/// Works on blocks until there are no more, or until nobody wants what was made of them.
fn work_on<T>(
    blocks: &Mutex<Receiver<(usize, Block)>>,
    work: &(dyn Fn(&Block) -> T + Sync),
    done: &SyncSender<(usize, thread::Result<T>)>,
) {
    loop {
        let next = blocks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((place, block)) = next else { return };
        // Those after it would wait for it for ever.
        let result = catch_unwind(AssertUnwindSafe(|| work(&block)));
        if done.send((place, result)).is_err() {
            return;
        }
    }
}

/// Sends blocks, numbered, no more than may be at hand.
struct Sender {
    sender: SyncSender<(usize, Block)>,
    frees: Receiver<()>,
}

impl Sender {
    /// False once nobody wants them any more.
    fn send(&self, place: usize, block: Block) -> bool {
        self.frees.recv().is_ok() && self.sender.send((place, block)).is_ok()
    }
}

/// Reads all files and sends their blocks, until nobody wants them any more.
fn read_parts(input: &Input, pass: Pass, sender: &Sender) -> Result<ReadParts, ImportError> {
    let meter = match pass {
        Pass::First => Meter::hashing_aside(),
        Pass::Second => Meter::default(),
        Pass::Only => Meter::hashing_aside().once(),
    };
    let mut parts = Vec::with_capacity(input.sources.len());
    let mut blocks = 0..;
    for (part, source) in input.sources.iter().enumerate() {
        source.read(|reader| {
            stream::blocks(part, &mut meter.read(reader), &mut |block| {
                blocks.next().is_some_and(|place| sender.send(place, block))
            })
            .map_err(|error| source.failed(error))?;
            Ok(())
        })?;
        let part = meter.end_part();
        // Where one file ends and the next one begins is of the content.
        if input.sources.len() > 1 {
            meter.hash_too(&part.bytes.to_le_bytes());
        }
        parts.push(part);
    }
    Ok(ReadParts { content_hash: meter.content_hash(), parts })
}
