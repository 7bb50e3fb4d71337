//! Releases of processes that appear several times, set aside until all of them are there.

use std::fs;
use std::io::{self, BufWriter, IntoInnerError, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::SpooledTempFile;

use super::super::ImportError;
use crate::lake::LakeError;

/// Bytes of a bucket, about: what is read back at once.
const BUCKET_BYTES: u64 = 32 << 20;
/// Most buckets: each is a file.
const MAX_BUCKETS: u64 = 256;
/// Bytes of all buckets that are kept in memory rather than in files.
const MEMORY_BYTES: u64 = 64 << 20;
/// Bytes before each text: hash, part, line, length.
const HEADER_BYTES: usize = 8 + 8 + 8 + 8;

/// A release or record that is to be set aside.
#[derive(Debug)]
pub(super) struct Spilled {
    /// Of its `ocid`.
    pub(super) hash: u64,
    pub(super) part: usize,
    pub(super) line: i64,
    pub(super) text: Vec<u8>,
}

/// One that was read back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored<'a> {
    hash: u64,
    pub(super) part: usize,
    pub(super) line: i64,
    pub(super) text: &'a [u8],
}

/// Buckets of releases; those of one process are in the same one.
#[derive(Debug)]
pub(super) struct Spill {
    root: PathBuf,
    buckets: Vec<BufWriter<SpooledTempFile>>,
}

impl Spill {
    /// Buckets for about so many bytes; what does not stay in memory goes to files under `root` that
    /// vanish with the process.
    pub(super) fn new(root: &Path, bytes: u64) -> Result<Self, ImportError> {
        fs::create_dir_all(root).map_err(LakeError::io(root))?;
        let buckets = bytes.div_ceil(BUCKET_BYTES).clamp(1, MAX_BUCKETS);
        let memory = usize::try_from(MEMORY_BYTES / buckets).unwrap_or(usize::MAX);
        let bucket = |_| BufWriter::new(tempfile::spooled_tempfile_in(memory, root));
        Ok(Self { root: root.to_owned(), buckets: (0..buckets).map(bucket).collect() })
    }

    pub(super) fn push(&mut self, one: &Spilled) -> Result<(), ImportError> {
        let buckets = self.buckets.len() as u64;
        let place = usize::try_from(one.hash % buckets.max(1)).unwrap_or_default();
        let Some(bucket) = self.buckets.get_mut(place) else { return Ok(()) };
        let header = [one.hash, one.part as u64, one.line.unsigned_abs(), one.text.len() as u64];
        let written = header.iter().try_for_each(|number| bucket.write_all(&number.to_le_bytes()));
        written.and_then(|()| bucket.write_all(&one.text)).map_err(|error| failed(&self.root, error))
    }

    /// The content of bucket after bucket.
    pub(super) fn buckets(self) -> impl Iterator<Item = Result<Vec<u8>, ImportError>> {
        let root = self.root;
        self.buckets.into_iter().map(move |bucket| {
            let mut content = Vec::new();
            let file = bucket.into_inner().map_err(IntoInnerError::into_error);
            let read =
                file.and_then(|mut file| file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut content)));
            read.map(|_| content).map_err(|error| failed(&root, error))
        })
    }
}

fn failed(root: &Path, error: io::Error) -> ImportError {
    LakeError::io(root)(error).into()
}

/// The releases of a bucket, those with the same hash together, in the order they were read.
pub(super) fn groups(bucket: &[u8]) -> Vec<Vec<Stored<'_>>> {
    let mut all = Vec::new();
    let mut rest = bucket;
    while let Some((header, after)) = rest.split_at_checked(HEADER_BYTES) {
        let number = |place: usize| {
            let bytes = header.get(place * 8..place * 8 + 8).and_then(|bytes| bytes.try_into().ok());
            u64::from_le_bytes(bytes.unwrap_or_default())
        };
        let length = usize::try_from(number(3)).unwrap_or(usize::MAX);
        let Some((text, after)) = after.split_at_checked(length) else { break };
        let part = usize::try_from(number(1)).unwrap_or_default();
        let line = i64::try_from(number(2)).unwrap_or_default();
        all.push(Stored { hash: number(0), part, line, text });
        rest = after;
    }
    // Stable, so that equals keep their order.
    all.sort_by_key(|stored| stored.hash);
    all.chunk_by(|a, b| a.hash == b.hash).map(<[_]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_aside_comes_back_in_groups() {
        let directory = tempfile::tempdir().unwrap();
        // Several buckets, and more than is kept in memory.
        let mut spill = Spill::new(directory.path(), 5 * BUCKET_BYTES).unwrap();
        let text = |n: u64| vec![b'a' + (n % 26) as u8; 600_000];
        for n in 0..200 {
            spill.push(&Spilled { hash: n % 17, part: 3, line: n as i64, text: text(n) }).unwrap();
        }
        let mut found = 0;
        for bucket in spill.buckets() {
            let bucket = bucket.unwrap();
            for group in groups(&bucket) {
                assert!(group.windows(2).all(|two| two[0].hash == two[1].hash && two[0].line < two[1].line));
                assert!(group.iter().all(|one| one.part == 3 && one.text == text(one.line as u64)));
                found += group.len();
            }
        }
        assert_eq!(found, 200);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
