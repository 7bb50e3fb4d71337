//! Makes rows of a block of a dataset.

use std::borrow::Cow;
use std::collections::HashSet;

use datafusion::arrow::array::RecordBatch;

use super::super::ImportError;
use super::super::fault::Reason;
use super::super::input::Input;
use super::super::pii::PiiKey;
use super::json::{Scratch, View};
use super::merge::{self, Release};
use super::rows::{KnownSuppliers, Origin, Rows, Spare};
use super::spill::{self, Spilled};
use super::stream::{Block, Unit};
use super::values::Tally;
use super::{Scan, hash, process};
use crate::lake::LakeError;
use crate::model::Table;

/// A release or record that could not be taken in.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) part: usize,
    pub(super) line: i64,
    pub(super) member: &'static str,
    pub(super) reason: Reason,
    pub(super) shown: String,
}

impl Fault {
    fn new(part: usize, line: i64, member: &'static str, reason: Reason, text: &[u8]) -> Self {
        // More is not kept anyway.
        let shown = String::from_utf8_lossy(&text[..text.len().min(1_024)]).into_owned();
        Self { part, line, member, reason, shown }
    }
}

/// What became of processes that were compiled.
pub(super) struct Compiled {
    /// Releases that repeat another one to the letter.
    pub(super) duplicates: i64,
    pub(super) batches: Vec<(Table, RecordBatch)>,
    pub(super) tally: Tally,
}

/// What became of a block.
pub(super) struct Converted {
    pub(super) bytes: u64,
    pub(super) units: i64,
    pub(super) batches: Vec<(Table, RecordBatch)>,
    pub(super) tally: Tally,
    pub(super) faults: Vec<Fault>,
    pub(super) spilled: Vec<Spilled>,
    /// Hashes of the `ocid`s, where no first pass counted them; `None` if one of them is likely to come again.
    pub(super) unforeseen: Option<Vec<u64>>,
}

/// One release or record, taken apart.
pub(super) enum Found<'a> {
    /// A release: something that happened.
    Release(Cow<'a, str>, View<'a>),
    /// A compiled release, that of a record or one that says so: what there was of its process, as a rule all of it.
    Compiled(Cow<'a, str>, View<'a>),
    /// The releases of a record that is not compiled.
    Releases(Cow<'a, str>, Vec<View<'a>>),
}

impl<'a> Found<'a> {
    pub(super) fn ocid(&self) -> &str {
        match self {
            Self::Release(ocid, _) | Self::Compiled(ocid, _) | Self::Releases(ocid, _) => ocid,
        }
    }

    /// Whether there is likely to be nothing else of its process.
    fn is_alone(&self) -> bool {
        !matches!(self, Self::Release(..))
    }

    fn views(&self) -> &[View<'a>] {
        match self {
            Self::Release(_, release) | Self::Compiled(_, release) => std::slice::from_ref(release),
            Self::Releases(_, releases) => releases,
        }
    }
}

/// What a release or record holds, or why it cannot be taken in.
pub(super) fn find(root: View<'_>) -> Result<Found<'_>, (&'static str, Reason)> {
    if !root.is_object() {
        return Err(("", Reason::NotAnObject));
    }
    let ocid = root.text_of("ocid");
    if let Some(compiled) = root.get("compiledRelease").filter(|compiled| compiled.is_object()) {
        let ocid = ocid.or_else(|| compiled.text_of("ocid")).ok_or(("ocid", Reason::RequiredBlank))?;
        return Ok(Found::Compiled(ocid, compiled));
    }
    let ocid = ocid.ok_or(("ocid", Reason::RequiredBlank))?;
    if root.get("releases").is_none() {
        // A single tag may stand without its array.
        let mut tags = root.list("tag").filter_map(View::text).chain(root.text_of("tag"));
        let compiled = tags.any(|tag| tag.eq_ignore_ascii_case("compiled"));
        return Ok(if compiled { Found::Compiled(ocid, root) } else { Found::Release(ocid, root) });
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
pub(super) struct Import<'a> {
    pub(super) input: &'a Input,
    pub(super) scan: Option<&'a Scan>,
    pub(super) import_id: &'a str,
    pub(super) key: &'a PiiKey,
    pub(super) stem: &'a str,
    pub(super) known: &'a KnownSuppliers,
    pub(super) spare: &'a Spare,
}

impl<'a> Import<'a> {
    fn origin(&self, part: usize, line: i64) -> Origin<'a> {
        let file = self.input.sources.get(part).map_or(self.input.name.as_str(), |source| source.name.as_str());
        Origin { stem: self.stem, file, line, import_id: self.import_id, key: self.key }
    }

    pub(super) fn convert(&self, block: &Block) -> Result<Converted, ImportError> {
        let part = block.part;
        let mut rows = Rows::new(self.known, self.spare)?;
        let mut scratch = Scratch::default();
        let (mut units, mut faults, mut spilled, mut unforeseen) = (0, Vec::new(), Vec::new(), Some(Vec::new()));
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
            match self.scan {
                Some(scan) if scan.repeated.contains(&hash) => {
                    return spilled.push(Spilled { hash, part, line, text: text.to_vec() });
                }
                Some(_) => {}
                None if !found.is_alone() => unforeseen = None,
                None => unforeseen.iter_mut().for_each(|hashes| hashes.push(hash)),
            }
            let written = match found {
                Found::Release(ocid, release) | Found::Compiled(ocid, release) => {
                    process::write(release, ocid, self.origin(part, line), &mut rows)
                }
                Found::Releases(ocid, releases) => {
                    let releases = releases.into_iter().filter_map(|one| Release::of(one, false, (part, line)));
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
        Ok(Converted { bytes: block.len() as u64, units, batches, tally, faults, spilled, unforeseen })
    }

    /// Compiles what has one hash, group by group.
    pub(super) fn compile(&self, groups: &[Vec<spill::Stored<'_>>]) -> Result<Compiled, ImportError> {
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
        let mut processes: Vec<(String, Vec<Told<'_>>)> = Vec::new();
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
            let compiled = matches!(found, Found::Compiled(..));
            let told = found.views().iter().filter_map(|view| {
                let release = Release::of(*view, compiled, (stored.part, stored.line))?;
                Some(Told { release, stored })
            });
            match processes.iter_mut().find(|(ocid, _)| ocid == found.ocid()) {
                Some((_, known)) => known.extend(told),
                None => {
                    let told = told.collect();
                    processes.push((found.ocid().to_owned(), told));
                }
            }
        }
        for (ocid, told) in processes {
            let [alone] = told.as_slice() else {
                self.write_compiled(ocid, told.into_iter().map(|one| one.release).collect(), rows)?;
                continue;
            };
            // As where nothing else has its `ocid`, be it this one again or something that is no release of it.
            let Ok(document) = scratch.parse(alone.stored.text) else { continue };
            match find(document.root()) {
                Ok(Found::Release(ocid, release) | Found::Compiled(ocid, release)) => {
                    process::write(release, ocid, self.origin(alone.stored.part, alone.stored.line), rows)?;
                }
                Ok(Found::Releases(..)) => self.write_compiled(ocid, vec![alone.release.clone()], rows)?,
                Err(_) => {}
            }
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

/// What was told of a process.
struct Told<'a> {
    release: Release,
    stored: &'a spill::Stored<'a>,
}
