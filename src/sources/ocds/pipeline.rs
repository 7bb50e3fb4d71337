//! Reads the files of a dataset while all processors work on what was read.

use std::io::{self, Read};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use flate2::Crc;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::super::ImportError;
use super::super::input::Input;
use super::super::pii::hex;
use super::stream::{self, Block};

/// Blocks that are read ahead, for each thread.
const AHEAD: usize = 2;

/// What was read.
pub(super) struct ReadParts {
    /// SHA-256 of all bytes, in lower-case hex; of no bytes unless it was asked for.
    pub(super) content_hash: String,
    /// Length and checksum of each file.
    pub(super) parts: Vec<(u64, u32)>,
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
        while let Ok(first) = receiver.recv() {
            let mut blocks = vec![first];
            while blocks.len() < threads * AHEAD
                && let Ok(block) = receiver.try_recv()
            {
                blocks.push(block);
            }
            take(blocks.par_iter().map(work).collect())?;
        }
        reading.join().map_err(|_| ImportError::Interrupted("the reader of a file panicked".to_owned()))?
    })
}

/// Reads all files and sends their blocks, until nobody wants them any more.
fn read_parts(input: &Input, hashed: bool, sender: &SyncSender<Block>) -> Result<ReadParts, ImportError> {
    let mut hash = Sha256::new();
    let mut parts = Vec::with_capacity(input.sources.len());
    for (part, source) in input.sources.iter().enumerate() {
        source.read(|reader| {
            let mut metered = Metered { inner: reader, hash: hashed.then_some(&mut hash), crc: Crc::new(), bytes: 0 };
            stream::blocks(part, &mut metered, &mut |block| sender.send(block).is_ok())
                .map_err(|error| source.failed(error))?;
            parts.push((metered.bytes, metered.crc.sum()));
            Ok(())
        })?;
        // Where one file ends and the next one begins is of the content.
        if hashed && input.sources.len() > 1 {
            hash.update(parts.last().map_or(0, |(bytes, _)| *bytes).to_le_bytes());
        }
    }
    Ok(ReadParts { content_hash: hex(&hash.finalize()), parts })
}

/// Counts and hashes what is read.
struct Metered<'a> {
    inner: &'a mut dyn Read,
    hash: Option<&'a mut Sha256>,
    crc: Crc,
    bytes: u64,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes += read as u64;
        self.crc.update(&buffer[..read]);
        if let Some(hash) = &mut self.hash {
            hash.update(&buffer[..read]);
        }
        Ok(read)
    }
}
