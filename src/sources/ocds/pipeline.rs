//! Reads the files of a dataset while all processors work on what was read.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use rayon::prelude::*;

use super::super::ImportError;
use super::super::input::Input;
use super::super::metered::{Meter, Part};
use super::stream::{self, Block};

/// Blocks that are read ahead, for each thread.
const AHEAD: usize = 2;

/// What was read.
pub(super) struct ReadParts {
    /// SHA-256 of all bytes, in lower-case hex; of no bytes unless it was asked for.
    pub(super) content_hash: String,
    pub(super) parts: Vec<Part>,
}

/// Reads all files in a thread of its own, lets all threads work on their blocks, and gives the
/// results to `take`, in the order of the blocks.
pub(super) fn pipeline<T: Send>(
    input: &Input,
    hashed: bool,
    work: &(dyn Fn(&Block) -> T + Sync),
    take: &mut dyn FnMut(Vec<T>) -> Result<(), ImportError>,
) -> Result<ReadParts, ImportError> {
    let threads = rayon::current_num_threads();
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Block>(threads * AHEAD);
        let reading = scope.spawn(move || read_parts(input, hashed, &sender));
        let mut done = Vec::new();
        while let Ok(first) = receiver.recv() {
            let mut blocks = vec![first];
            while blocks.len() < threads * AHEAD
                && let Ok(block) = receiver.try_recv()
            {
                blocks.push(block);
            }
            // What was done is taken while the next is being done.
            let mut next = Vec::new();
            rayon::in_place_scope(|workers| {
                workers.spawn(|_| next = blocks.par_iter().map(work).collect());
                take(std::mem::take(&mut done))
            })?;
            done = next;
        }
        take(done)?;
        reading.join().map_err(|_| ImportError::Interrupted("the reader of a file panicked".to_owned()))?
    })
}

/// Reads all files and sends their blocks, until nobody wants them any more.
fn read_parts(input: &Input, hashed: bool, sender: &SyncSender<Block>) -> Result<ReadParts, ImportError> {
    let meter = if hashed { Meter::hashing() } else { Meter::default() };
    let mut parts = Vec::with_capacity(input.sources.len());
    for (part, source) in input.sources.iter().enumerate() {
        source.read(|reader| {
            stream::blocks(part, &mut meter.read(reader), &mut |block| sender.send(block).is_ok())
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
