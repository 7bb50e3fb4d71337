//! Counts, checksums and hashes what is read.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use flate2::Crc;
use sha2::{Digest, Sha256};

use super::pii::hex;

/// Bytes that are handed to a thread that hashes, at once, and how many such pieces may wait for it.
const PIECE_BYTES: usize = 256 << 10;
const PIECES: usize = 4;

/// What was read of a file, to notice one that changes between two passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) bytes: u64,
    /// CRC-32 of its bytes; 0 if it is read once.
    pub(crate) crc: u32,
}

/// Looks on while files are read.
#[derive(Debug)]
pub(crate) struct Meter {
    bytes: Cell<u64>,
    /// Of files that are read twice.
    crc: Option<RefCell<Crc>>,
    hash: Option<RefCell<Hashing>>,
}

/// SHA-256 of what is read.
#[derive(Debug)]
enum Hashing {
    Here(Sha256),
    /// In a thread of its own: it takes as long as all else that a single reader does.
    Aside {
        piece: Vec<u8>,
        sender: SyncSender<Vec<u8>>,
        thread: JoinHandle<Sha256>,
    },
}

impl Hashing {
    fn aside() -> Self {
        let (sender, receiver) = sync_channel::<Vec<u8>>(PIECES);
        let thread = thread::spawn(move || receiver.into_iter().fold(Sha256::new(), Sha256::chain_update));
        Self::Aside { piece: Vec::new(), sender, thread }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Here(hash) => hash.update(bytes),
            Self::Aside { piece, sender, .. } => {
                piece.extend_from_slice(bytes);
                if piece.len() >= PIECE_BYTES {
                    let piece = std::mem::replace(piece, Vec::with_capacity(2 * PIECE_BYTES));
                    // Nobody listens after a panic only, which the end will show.
                    let _ = sender.send(piece);
                }
            }
        }
    }

    fn finish(self) -> Sha256 {
        match self {
            Self::Here(hash) => hash,
            Self::Aside { piece, sender, thread } => {
                drop(sender);
                thread.join().unwrap_or_else(|panic| resume_unwind(panic)).chain_update(piece)
            }
        }
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self { bytes: Cell::default(), crc: Some(RefCell::default()), hash: None }
    }
}

impl Meter {
    /// One that also hashes, over all the files that are read.
    pub(crate) fn hashing() -> Self {
        Self { hash: Some(RefCell::new(Hashing::Here(Sha256::new()))), ..Self::default() }
    }

    /// The same, where a single thread reads and another one may hash.
    pub(crate) fn hashing_aside() -> Self {
        Self { hash: Some(RefCell::new(Hashing::aside())), ..Self::default() }
    }

    /// The same for files that are read once, so that none of them can change between two passes.
    pub(crate) fn once(self) -> Self {
        Self { crc: None, ..self }
    }

    /// Reads from `inner` under its eyes.
    pub(crate) fn read<'a>(&'a self, inner: &'a mut dyn Read) -> Metered<'a> {
        Metered { inner, meter: self }
    }

    /// Bytes of the file so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// The file is at its end; the next one begins.
    pub(crate) fn end_part(&self) -> Part {
        Part { bytes: self.bytes.take(), crc: self.crc.as_ref().map_or(0, |crc| crc.take().sum()) }
    }

    /// Makes something that is not of the bytes part of the hash.
    pub(crate) fn hash_too(&self, bytes: &[u8]) {
        if let Some(hash) = &self.hash {
            hash.borrow_mut().update(bytes);
        }
    }

    /// SHA-256 of everything, in lower-case hex; of no bytes unless it hashes.
    pub(crate) fn content_hash(self) -> String {
        hex(&self.hash.map_or_else(Sha256::new, |hash| hash.into_inner().finish()).finalize())
    }
}

/// Bytes that a [`Meter`] looks at.
pub(crate) struct Metered<'a> {
    inner: &'a mut dyn Read,
    meter: &'a Meter,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.meter.bytes.set(self.meter.bytes.get() + read as u64);
        if let Some(crc) = &self.meter.crc {
            crc.borrow_mut().update(&buffer[..read]);
        }
        self.meter.hash_too(&buffer[..read]);
        Ok(read)
    }
}
