//! Open Contracting Data Standard, 1.0 and 1.1: releases, records and packages of them, as JSON and
//! JSON Lines.
//!
//! Whatever a file holds is cut into releases and records. One of a process that appears nowhere
//! else becomes rows at once; those of a process that appears several times are set aside, by the
//! hash of its `ocid`, and compiled in the end. Compiled releases and records name every process once: of a new dataset that is
//! assumed, and all of it is read once. Where it turns out to be wrong, for other releases, or where there is something that
//! the dataset may be equal to, a first pass finds out which processes appear several times. What is kept in memory is eight
//! to sixteen bytes a release and a few blocks of the file.

mod bids;
mod contracts;
mod convert;
#[cfg(feature = "fuzzing")]
pub(super) mod fuzzing;
pub(super) mod json;
mod merge;
mod parties;
mod pipeline;
mod process;
mod rows;
mod spill;
pub(super) mod split;
mod stream;
mod tables;
pub(super) mod values;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher};
use std::ops::ControlFlow;

use rayon::prelude::*;

use super::ImportError;
use super::fault::Quarantine;
use super::file::Target;
use super::input::Input;
use super::metered::Part;
use crate::model::{LakeFile, TableQuality};
use convert::{Fault, Import, find};
use json::Scratch;
use pipeline::{Pass, pipeline};
use process::prefix;
use rows::{KnownSuppliers, Spare};
use spill::Spill;
use stream::{Block, Unit};
use tables::Tables;
use values::Tally;

/// Bytes of a file that say whether it is one of these.
pub(crate) const HEAD_BYTES: usize = 1 << 20;
/// Processes that a thread compiles at once.
const TOGETHER: usize = 32;

/// What the first pass found out about the files of a dataset.
#[derive(Debug)]
pub(crate) struct Scan {
    /// SHA-256 of all their bytes, in lower-case hex.
    pub(crate) content_hash: String,
    /// Hashes of the `ocid`s that appear more than once.
    repeated: HashSet<u64>,
    /// Bytes of the releases of these.
    repeated_bytes: u64,
    parts: Vec<Part>,
}

/// What was taken in.
#[derive(Debug)]
pub(crate) struct Written {
    /// SHA-256 of all bytes of the files, in lower-case hex.
    pub(crate) content_hash: String,
    /// Releases and records.
    pub(crate) units: i64,
    pub(crate) files: Vec<LakeFile>,
    /// What the rows of each are worth.
    pub(crate) qualities: Vec<TableQuality>,
    pub(crate) quarantine: Quarantine,
    /// Releases that repeat another one to the letter.
    pub(crate) duplicates: i64,
    /// Contracts whose supplier is not published.
    pub(crate) without_supplier: i64,
    /// Numbers that had to be rounded.
    pub(crate) rounded: i64,
    /// Values that were left out.
    pub(crate) unreadable: i64,
}

/// Whether the beginning of a file is of this kind; if so, the prefix of its first `ocid`, which may
/// be empty.
pub(crate) fn detect(head: &[u8]) -> Option<String> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if !matches!(text.first(), Some(b'{' | b'[')) {
        return None;
    }
    let mut first = None;
    split::ocids(text, &mut |ocid| {
        if first.is_none() {
            first = Some(String::from_utf8_lossy(ocid).into_owned());
        }
    });
    first.map(|ocid| prefix(&ocid).unwrap_or_default().to_owned())
}

/// First pass: hashes the files and finds the processes that appear more than once.
///
/// `report` is told bytes and units so far.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn scan(input: &Input, report: &mut dyn FnMut(u64, i64)) -> Result<Scan, ImportError> {
    let mut seen: Vec<(u64, u32)> = Vec::new();
    let (mut bytes, mut units) = (0, 0);
    let read = pipeline(input, Pass::First, &identify, &mut |blocks| {
        for found in blocks {
            bytes += found.bytes;
            units += found.units;
            seen.extend(found.hashes);
        }
        report(bytes, units);
        Ok(ControlFlow::Continue(()))
    })?;
    let read = read.ok_or_else(stopped)?;
    seen.par_sort_unstable();
    let (mut repeated, mut repeated_bytes) = (HashSet::new(), 0);
    for same in seen.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
        repeated.extend(same.first().map(|(hash, _)| *hash));
        repeated_bytes += same.iter().map(|(_, length)| u64::from(*length)).sum::<u64>();
    }
    Ok(Scan { content_hash: read.content_hash, repeated, repeated_bytes, parts: read.parts })
}

/// Nobody asked for that.
fn stopped() -> ImportError {
    ImportError::Interrupted("the reading of a file stopped before its end".to_owned())
}

/// What the first pass finds in a block.
struct Identified {
    bytes: u64,
    units: i64,
    /// Hash of every `ocid` of a unit, with the length of the unit.
    hashes: Vec<(u64, u32)>,
}

fn identify(block: &Block) -> Identified {
    let mut found = Identified { bytes: block.len() as u64, units: 0, hashes: Vec::new() };
    let mut own: Vec<u64> = Vec::new();
    let mut scratch = Scratch::default();
    block.units(&mut |_, unit| {
        found.units += 1;
        let Unit::Text(text) = unit else { return };
        own.clear();
        // A letter of the key itself may be escaped: `\u006fcid`.
        let mut all_seen = !json::may_escape(text, "\\u006");
        split::ocids(text, &mut |escaped| {
            let hash = match escaped.contains(&b'\\') {
                true => unescaped(escaped).map(|ocid| hash(&json::without_nul(ocid.trim()))),
                false => std::str::from_utf8(escaped).ok().map(|ocid| hash(ocid.trim())),
            };
            all_seen &= hash.is_some();
            own.extend(hash);
        });
        // Or it is a number.
        if own.is_empty() || !all_seen {
            let document = scratch.parse(text).ok();
            own.extend(document.iter().filter_map(|document| Some(hash(find(document.root()).ok()?.ocid()))));
        }
        own.sort_unstable();
        own.dedup();
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        found.hashes.extend(own.iter().map(|hash| (*hash, length)));
    });
    found
}

fn unescaped(text: &[u8]) -> Option<String> {
    serde_json::from_slice(&[b"\"", text, b"\""].concat()).ok()
}

/// A map by texts of releases, which nobody can foresee the hashes of.
type OcdsMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// A hash that is the same in both passes; nothing outside of them knows it.
fn hash(ocid: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(ocid.as_bytes());
    hasher.finish()
}

/// Writes the rows to `<root>/<table>/<import_id>.parquet`, after a first pass or, where there was none, as if every process
/// were named once, with a first pass after all where that cannot be relied on.
///
/// # Errors
/// If a file cannot be read, or not again as it was, or the lake cannot be written.
pub(crate) fn write(
    input: &Input,
    scanned: Option<Scan>,
    target: Target<'_>,
    report: &mut dyn FnMut(u64, i64),
) -> Result<Written, ImportError> {
    let scanned = match scanned {
        Some(scanned) => scanned,
        None => match attempt(input, None, target, report)? {
            Some(written) => return Ok(written),
            None => scan(input, report)?,
        },
    };
    attempt(input, Some(&scanned), target, report)?.ok_or_else(stopped)
}

/// [`write`]; `None` if there was no first pass and a process is named twice, or may well be.
fn attempt(
    input: &Input,
    scan: Option<&Scan>,
    target: Target<'_>,
    report: &mut dyn FnMut(u64, i64),
) -> Result<Option<Written>, ImportError> {
    let Target { root, import_id, key, today } = target;
    let known = KnownSuppliers::default();
    let spare = Spare::default();
    let import = Import { input, scan, import_id, key, stem: stem(input), known: &known, spare: &spare };
    let mut tables = Tables::new(root, import_id, today, &known);
    let mut spill = Spill::new(root, scan.map_or(0, |scan| scan.repeated_bytes))?;
    let mut outcome = Outcome::default();
    let (mut bytes, mut units) = (0, 0);
    let mut seen: HashSet<u64, foldhash::fast::RandomState> = HashSet::default();
    let pass = if scan.is_some() { Pass::Second } else { Pass::Only };
    let read = pipeline(input, pass, &|block| import.convert(block), &mut |blocks| {
        let mut batches = Vec::new();
        for converted in blocks {
            let converted = converted?;
            if !converted.unforeseen.is_some_and(|hashes| hashes.into_iter().all(|hash| seen.insert(hash))) {
                return Ok(ControlFlow::Break(()));
            }
            bytes += converted.bytes;
            units += converted.units;
            batches.extend(converted.batches);
            outcome.add(input, converted.tally, converted.faults);
            for spilled in converted.spilled {
                spill.push(&spilled)?;
            }
        }
        tables.append(batches)?;
        report(bytes, units);
        Ok(ControlFlow::Continue(()))
    })?;
    let Some(read) = read else { return Ok(None) };
    if scan.is_some_and(|scan| read.parts != scan.parts) {
        return Err(ImportError::FileChanged { file: input.name.clone() });
    }
    for bucket in spill.buckets() {
        let text = bucket?;
        let mut groups = spill::groups(&text);
        // What came first is written first.
        groups.sort_by_key(|group| group.first().map(|first| (first.part, first.line)));
        for some in groups.chunks(rayon::current_num_threads() * 2 * TOGETHER) {
            let compiled: Vec<_> = some.par_chunks(TOGETHER).map(|groups| import.compile(groups)).collect();
            let mut batches = Vec::new();
            for compiled in compiled {
                let compiled = compiled?;
                outcome.duplicates += compiled.duplicates;
                batches.extend(compiled.batches);
                outcome.tally.add(compiled.tally);
            }
            tables.append(batches)?;
        }
    }
    let without_supplier = tables.without_supplier();
    let (files, qualities) = tables.finish()?;
    let Outcome { quarantine, duplicates, tally } = outcome;
    let Tally { rounded, unreadable } = tally;
    let content_hash = scan.map_or(read.content_hash, |scan| scan.content_hash.clone());
    Ok(Some(Written {
        content_hash,
        units,
        files,
        qualities,
        quarantine,
        duplicates,
        without_supplier,
        rounded,
        unreadable,
    }))
}

/// What the dataset is called, without its source.
fn stem(input: &Input) -> &str {
    input.dataset.rsplit('/').next().unwrap_or_default()
}

#[derive(Debug, Default)]
struct Outcome {
    quarantine: Quarantine,
    duplicates: i64,
    tally: Tally,
}

impl Outcome {
    fn add(&mut self, input: &Input, tally: Tally, faults: Vec<Fault>) {
        self.tally.add(tally);
        for fault in faults {
            let file = input.sources.get(fault.part).map_or(input.name.as_str(), |source| source.name.as_str());
            self.quarantine.add(file, fault.line, fault.member, fault.reason, &fault.shown);
        }
    }
}
