//! What was seen before, of any number of rows in bounded memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use foldhash::quality::RandomState;

use super::ImportError;
use crate::lake::LakeError;

/// Entries that are kept in memory, of 17 bytes and their value: as many as fill a table of 2^20 places before it grows.
const RECENT: usize = (1 << 20) / 8 * 7;
/// Bytes of a key in a file.
const KEY_BYTES: usize = size_of::<u128>();
/// Entries of a page: what is read to look one up.
const PAGE: usize = 256;
/// Bits of a filter for each entry: with [`PROBES`] of them set, less than one key in a hundred that is not there
/// looks as if it were.
const FILTER_BITS: usize = 10;
const PROBES: u64 = 7;

/// Hashes texts to 128 bits with a secret of its own: nothing outside of an import knows them, and nobody can write
/// texts that meet. Two rows of a billion have one chance in 10^20 to.
#[derive(Debug, Default)]
pub(crate) struct Hash128(RandomState, RandomState);

impl Hash128 {
    /// The hash of a text and of where its parts end.
    pub(crate) fn of(&self, text: &str, ends: &[usize]) -> u128 {
        let half = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            hasher.write(text.as_bytes());
            for end in ends {
                hasher.write_usize(*end);
            }
            hasher.finish()
        };
        u128::from(half(&self.0)) << 64 | u128::from(half(&self.1))
    }
}

/// Values, of `N` numbers each, of keys that are hashes already. The latest ones are in memory; earlier ones go to
/// files that vanish with the process, of which two bytes an entry stay in memory.
#[derive(Debug)]
pub(crate) struct Seen<const N: usize> {
    root: PathBuf,
    recent: HashMap<Key, [u64; N], BuildHasherDefault<AsItIs>>,
    limit: usize,
    runs: Vec<Run<N>>,
}

impl<const N: usize> Seen<N> {
    /// Nothing seen yet, with room for as many keys as are expected; files go under `root`.
    pub(crate) fn new(root: &Path, expected: usize) -> Self {
        let recent = HashMap::with_capacity_and_hasher(expected.min(RECENT), <_>::default());
        Self { root: root.to_owned(), recent, limit: RECENT, runs: Vec::new() }
    }

    /// The value that was given last to a key.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn get(&self, key: u128) -> Result<Option<[u64; N]>, ImportError> {
        match self.recent.get(&Key::new(key)) {
            Some(value) => Ok(Some(*value)),
            None => Ok(in_runs(&self.runs, key).map_err(LakeError::io(&self.root))?),
        }
    }

    /// Gives a key the value that `value` makes of the one before, which is returned.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub(crate) fn update(
        &mut self,
        key: u128,
        value: impl FnOnce(Option<[u64; N]>) -> [u64; N],
    ) -> Result<Option<[u64; N]>, ImportError> {
        if self.recent.len() >= self.limit {
            let mut entries: Vec<(u128, [u64; N])> =
                self.recent.drain().map(|(key, value)| (key.get(), value)).collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            self.runs.push(Run::write(&self.root, &entries).map_err(LakeError::io(&self.root))?);
        }
        match self.recent.entry(Key::new(key)) {
            Entry::Occupied(mut known) => {
                let before = *known.get();
                known.insert(value(Some(before)));
                Ok(Some(before))
            }
            Entry::Vacant(place) => {
                let before = in_runs(&self.runs, key).map_err(LakeError::io(&self.root))?;
                place.insert(value(before));
                Ok(before)
            }
        }
    }
}

/// The latest value of a key among entries that are in files.
fn in_runs<const N: usize>(runs: &[Run<N>], key: u128) -> io::Result<Option<[u64; N]>> {
    for run in runs.iter().rev().filter(|run| run.may_hold(key)) {
        if let Some(value) = run.get(key)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// A number of 128 bits as two, the lower one first.
pub(crate) const fn halves(number: u128) -> [u64; 2] {
    [number as u64, (number >> 64) as u64]
}

/// The number that has these [`halves`].
pub(crate) const fn whole([low, high]: [u64; 2]) -> u128 {
    (high as u128) << 64 | low as u128
}

/// A key in halves: a number of 128 bits would take a third more room with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key([u64; 2]);

impl Key {
    const fn new(key: u128) -> Self {
        Self(halves(key))
    }

    const fn get(self) -> u128 {
        whole(self.0)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

/// Entries in the order of their keys.
#[derive(Debug)]
struct Run<const N: usize> {
    file: File,
    /// First key of each page.
    pages: Vec<u128>,
    entries: usize,
    filter: Vec<u64>,
}

impl<const N: usize> Run<N> {
    /// Bytes of an entry in the file.
    const ENTRY_BYTES: usize = KEY_BYTES + N * size_of::<u64>();

    fn write(root: &Path, entries: &[(u128, [u64; N])]) -> io::Result<Self> {
        let mut file = BufWriter::new(tempfile::tempfile_in(root)?);
        let mut filter = vec![0_u64; (entries.len() * FILTER_BITS).div_ceil(64)];
        let bits = filter.len() as u64 * 64;
        for (key, value) in entries {
            file.write_all(&key.to_le_bytes())?;
            for number in value {
                file.write_all(&number.to_le_bytes())?;
            }
            for bit in probes(*key, bits) {
                if let Some(word) = filter.get_mut(bit / 64) {
                    *word |= 1 << (bit % 64);
                }
            }
        }
        let pages = entries.iter().step_by(PAGE).map(|(key, _)| *key).collect();
        Ok(Self { file: file.into_inner()?, pages, entries: entries.len(), filter })
    }

    fn may_hold(&self, key: u128) -> bool {
        let is_set = |bit: usize| self.filter.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1);
        probes(key, self.filter.len() as u64 * 64).all(is_set)
    }

    fn get(&self, key: u128) -> io::Result<Option<[u64; N]>> {
        let Some(page) = self.pages.partition_point(|first| *first <= key).checked_sub(1) else { return Ok(None) };
        let first = page * PAGE;
        let mut bytes = vec![0; (self.entries - first).min(PAGE) * Self::ENTRY_BYTES];
        self.file.read_exact_at(&mut bytes, (first * Self::ENTRY_BYTES) as u64)?;
        let entries: Vec<&[u8]> = bytes.chunks_exact(Self::ENTRY_BYTES).collect();
        let key_of = |entry: &&[u8]| entry.first_chunk().map_or(0, |key| u128::from_le_bytes(*key));
        let Ok(found) = entries.binary_search_by_key(&key, key_of) else { return Ok(None) };
        let (numbers, _) = entries[found][KEY_BYTES..].as_chunks();
        Ok(Some(std::array::from_fn(|at| u64::from_le_bytes(numbers[at]))))
    }
}

/// The bits of a filter that stand for a key.
fn probes(key: u128, bits: u64) -> impl Iterator<Item = usize> {
    let (start, step) = (key as u64, (key >> 64) as u64 | 1);
    (0..PROBES).map(move |probe| (start.wrapping_add(step.wrapping_mul(probe)) % bits.max(1)) as usize)
}

/// Hashes keys that are hashes.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn what_went_to_files_is_found_like_what_did_not() {
        let directory = tempfile::tempdir().unwrap();
        let mut seen = Seen { limit: 1_000, ..Seen::new(directory.path(), 10) };
        let mut expected = BTreeMap::new();
        let key = |number: u64| u128::from_le_bytes(Sha256::digest(number.to_le_bytes())[..16].try_into().unwrap());
        // Every third is given a value again, long after or at once.
        for round in 0..12_345_u64 {
            let number = if round.is_multiple_of(3) { round / 7 } else { round };
            assert_eq!(seen.get(key(number)).unwrap(), expected.get(&number).copied(), "{number}");
            let next = |before: Option<[u64; 3]>| {
                let [one, other, first] = before.unwrap_or([round; 3]);
                [one / 2 + round, other + 1, first]
            };
            assert_eq!(seen.update(key(number), next).unwrap(), expected.get(&number).copied(), "{number}");
            expected.insert(number, next(expected.get(&number).copied()));
        }
        assert!(seen.runs.len() > 5 && seen.recent.len() <= 1_000);
        for number in 0..20_000 {
            assert_eq!(seen.get(key(number)).unwrap(), expected.get(&number).copied(), "{number}");
        }
        let wrong = (20_000..40_000).filter(|number| seen.runs[0].may_hold(key(*number))).count();
        assert!(wrong < 400, "{wrong} of 20,000 keys that are not there seem to be");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
