//! Open Contracting Data Standard, 1.0 and 1.1: releases, records and packages of them, as JSON and
//! JSON Lines.
//!
//! Whatever a file holds is cut into releases and records. One of a process that appears nowhere
//! else becomes rows at once; those of a process that appears several times are set aside, by the
//! hash of its `ocid`, and compiled in the end. So the first pass finds out which processes these
//! are, and what is kept in memory is eight bytes a release and a few blocks of the file.

mod bids;
mod contracts;
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

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher};

use datafusion::arrow::array::RecordBatch;
use rayon::prelude::*;

use super::ImportError;
use super::fault::{Quarantine, Reason};
use super::file::Target;
use super::input::Input;
use super::metered::Part;
use super::pii::PiiKey;
use crate::lake::LakeError;
use crate::model::{LakeFile, Table, TableQuality};
use json::{Scratch, View};
use merge::Release;
use pipeline::pipeline;
use process::prefix;
use rows::{KnownSuppliers, Origin, Rows, Spare};
use spill::{Spill, Spilled};
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
    /// Releases and records.
    pub(crate) units: i64,
    /// Hashes of the `ocid`s that appear more than once.
    repeated: HashSet<u64>,
    /// Bytes of the releases of these.
    repeated_bytes: u64,
    parts: Vec<Part>,
}

/// What the second pass did.
#[derive(Debug)]
pub(crate) struct Written {
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
    let read = pipeline(input, true, &identify, &mut |blocks| {
        for found in blocks {
            bytes += found.bytes;
            units += found.units;
            seen.extend(found.hashes);
        }
        report(bytes, units);
        Ok(())
    })?;
    seen.par_sort_unstable();
    let (mut repeated, mut repeated_bytes) = (HashSet::new(), 0);
    for same in seen.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
        repeated.extend(same.first().map(|(hash, _)| *hash));
        repeated_bytes += same.iter().map(|(_, length)| u64::from(*length)).sum::<u64>();
    }
    Ok(Scan { content_hash: read.content_hash, units, repeated, repeated_bytes, parts: read.parts })
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

/// Second pass: writes the rows to `<root>/<table>/<import_id>.parquet`.
///
/// # Errors
/// If a file cannot be read again as it was, or the lake cannot be written.
pub(crate) fn write(
    input: &Input,
    scan: &Scan,
    target: Target<'_>,
    report: &mut dyn FnMut(u64, i64),
) -> Result<Written, ImportError> {
    let Target { root, import_id, key, today } = target;
    let known = KnownSuppliers::default();
    let spare = Spare::default();
    let import = Import { input, scan, import_id, key, stem: stem(input), known: &known, spare: &spare };
    let mut tables = Tables::new(root, import_id, today, &known);
    let mut spill = Spill::new(root, scan.repeated_bytes)?;
    let mut outcome = Outcome::default();
    let (mut bytes, mut units) = (0, 0);
    let read = pipeline(input, false, &|block| import.convert(block), &mut |blocks| {
        let mut batches = Vec::new();
        for converted in blocks {
            let converted = converted?;
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
        Ok(())
    })?;
    if read.parts != scan.parts {
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
    Ok(Written { files, qualities, quarantine, duplicates, without_supplier, rounded, unreadable })
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

/// A release or record that could not be taken in.
#[derive(Debug)]
struct Fault {
    part: usize,
    line: i64,
    member: &'static str,
    reason: Reason,
    shown: String,
}

impl Fault {
    fn new(part: usize, line: i64, member: &'static str, reason: Reason, text: &[u8]) -> Self {
        // More is not kept anyway.
        let shown = String::from_utf8_lossy(&text[..text.len().min(1_024)]).into_owned();
        Self { part, line, member, reason, shown }
    }
}

/// What became of processes that were compiled.
struct Compiled {
    /// Releases that repeat another one to the letter.
    duplicates: i64,
    batches: Vec<(Table, RecordBatch)>,
    tally: Tally,
}

/// What became of a block.
struct Converted {
    bytes: u64,
    units: i64,
    batches: Vec<(Table, RecordBatch)>,
    tally: Tally,
    faults: Vec<Fault>,
    spilled: Vec<Spilled>,
}

/// One release or record, taken apart.
enum Found<'a> {
    /// A release, or the compiled release of a record.
    Release(Cow<'a, str>, View<'a>),
    /// The releases of a record that is not compiled.
    Releases(Cow<'a, str>, Vec<View<'a>>),
}

impl<'a> Found<'a> {
    fn ocid(&self) -> &str {
        match self {
            Self::Release(ocid, _) | Self::Releases(ocid, _) => ocid,
        }
    }

    fn views(&self) -> &[View<'a>] {
        match self {
            Self::Release(_, release) => std::slice::from_ref(release),
            Self::Releases(_, releases) => releases,
        }
    }
}

/// What a release or record holds, or why it cannot be taken in.
fn find(root: View<'_>) -> Result<Found<'_>, (&'static str, Reason)> {
    if !root.is_object() {
        return Err(("", Reason::NotAnObject));
    }
    let ocid = root.text_of("ocid");
    if let Some(compiled) = root.get("compiledRelease").filter(|compiled| compiled.is_object()) {
        let ocid = ocid.or_else(|| compiled.text_of("ocid")).ok_or(("ocid", Reason::RequiredBlank))?;
        return Ok(Found::Release(ocid, compiled));
    }
    let ocid = ocid.ok_or(("ocid", Reason::RequiredBlank))?;
    if root.get("releases").is_none() {
        return Ok(Found::Release(ocid, root));
    }
    let embedded: Vec<View<'_>> = root.list("releases").filter(|release| release.get("ocid").is_some()).collect();
    if embedded.is_empty() {
        // They are elsewhere on the web.
        return Err(("releases", Reason::LinkedReleases));
    }
    Ok(Found::Releases(ocid, embedded))
}

/// What all blocks of an import share.
#[derive(Clone, Copy)]
struct Import<'a> {
    input: &'a Input,
    scan: &'a Scan,
    import_id: &'a str,
    key: &'a PiiKey,
    stem: &'a str,
    known: &'a KnownSuppliers,
    spare: &'a Spare,
}

impl<'a> Import<'a> {
    fn origin(&self, part: usize, line: i64) -> Origin<'a> {
        let file = self.input.sources.get(part).map_or(self.input.name.as_str(), |source| source.name.as_str());
        Origin { stem: self.stem, file, line, import_id: self.import_id, key: self.key }
    }

    fn convert(&self, block: &Block) -> Result<Converted, ImportError> {
        let part = block.part;
        let mut rows = Rows::new(self.known, self.spare)?;
        let mut scratch = Scratch::default();
        let (mut units, mut faults, mut spilled) = (0, Vec::new(), Vec::new());
        let mut failed: Option<LakeError> = None;
        block.units(&mut |line, unit| {
            units += 1;
            let text = match unit {
                Unit::Text(text) => text,
                Unit::TooLong(text) => return faults.push(Fault::new(part, line, "", Reason::LineTooLong, text)),
            };
            let Ok(document) = scratch.parse(text) else {
                return faults.push(Fault::new(part, line, "", Reason::InvalidJson, text));
            };
            let found = match find(document.root()) {
                Ok(found) => found,
                Err((member, reason)) => return faults.push(Fault::new(part, line, member, reason, text)),
            };
            let hash = hash(found.ocid());
            if self.scan.repeated.contains(&hash) {
                return spilled.push(Spilled { hash, part, line, text: text.to_vec() });
            }
            let written = match found {
                Found::Release(ocid, release) => process::write(release, ocid, self.origin(part, line), &mut rows),
                Found::Releases(ocid, releases) => {
                    let releases = releases.into_iter().filter_map(|release| Release::of(release, (part, line)));
                    self.write_compiled(ocid.into_owned(), releases.collect(), &mut rows)
                }
            };
            if let Err(error) = written {
                failed.get_or_insert(error);
            }
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        let (batches, tally) = rows.finish()?;
        Ok(Converted { bytes: block.len() as u64, units, batches, tally, faults, spilled })
    }

    /// Compiles what has one hash, group by group.
    fn compile(&self, groups: &[Vec<spill::Stored<'_>>]) -> Result<Compiled, ImportError> {
        let mut rows = Rows::new(self.known, self.spare)?;
        let mut duplicates = 0;
        for group in groups {
            duplicates += self.compile_group(group, &mut rows)?;
        }
        let (batches, tally) = rows.finish()?;
        Ok(Compiled { duplicates, batches, tally })
    }

    /// Compiles the releases of what has one hash: one process, as a rule. Returns how many repeat another one.
    fn compile_group(&self, group: &[spill::Stored<'_>], rows: &mut Rows<'_>) -> Result<i64, ImportError> {
        let mut duplicates = 0;
        let mut processes: Vec<(String, Vec<Release>)> = Vec::new();
        let mut scratch = Scratch::default();
        let mut texts = HashSet::new();
        for stored in group {
            if !texts.insert(stored.text) {
                duplicates += 1;
                continue;
            }
            // It has been parsed once already.
            let Ok(document) = scratch.parse(stored.text) else { continue };
            let Ok(found) = find(document.root()) else { continue };
            let place = processes.iter().position(|(ocid, _)| ocid == found.ocid()).unwrap_or_else(|| {
                processes.push((found.ocid().to_owned(), Vec::new()));
                processes.len() - 1
            });
            let releases = found.views().iter().filter_map(|view| Release::of(*view, (stored.part, stored.line)));
            if let Some((_, known)) = processes.get_mut(place) {
                known.extend(releases);
            }
        }
        for (ocid, releases) in processes {
            self.write_compiled(ocid, releases, rows)?;
        }
        Ok(duplicates)
    }

    fn write_compiled(&self, ocid: String, releases: Vec<Release>, rows: &mut Rows<'_>) -> Result<(), LakeError> {
        let Some((part, line)) = merge::latest(&releases) else { return Ok(()) };
        let text = merge::compile(releases);
        let mut scratch = Scratch::default();
        match scratch.parse(&text) {
            Ok(document) => process::write(document.root(), Cow::Owned(ocid), self.origin(part, line), rows),
            Err(error) => {
                Err(LakeError::Schema { table: "tenders", detail: format!("a compiled release is no JSON: {error}") })
            }
        }
    }
}
