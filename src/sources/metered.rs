//! Counts, checksums and hashes what is read.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};

use flate2::Crc;
use sha2::{Digest, Sha256};

use super::pii::hex;

/// What was read of a file, to notice one that changes between two passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) bytes: u64,
    pub(crate) crc: u32,
}

/// Looks on while files are read.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    bytes: Cell<u64>,
    crc: RefCell<Crc>,
    hash: Option<RefCell<Sha256>>,
}

impl Meter {
    /// One that also hashes, over all the files that are read.
    pub(crate) fn hashing() -> Self {
        Self { hash: Some(RefCell::default()), ..Self::default() }
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
        Part { bytes: self.bytes.take(), crc: self.crc.take().sum() }
    }

    /// Makes something that is not of the bytes part of the hash.
    pub(crate) fn hash_too(&self, bytes: &[u8]) {
        if let Some(hash) = &self.hash {
            hash.borrow_mut().update(bytes);
        }
    }

    /// SHA-256 of everything, in lower-case hex; of no bytes unless it hashes.
    pub(crate) fn content_hash(self) -> String {
        hex(&self.hash.unwrap_or_default().into_inner().finalize())
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
        self.meter.crc.borrow_mut().update(&buffer[..read]);
        self.meter.hash_too(&buffer[..read]);
        Ok(read)
    }
}
