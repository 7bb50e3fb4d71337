//! Takes one file in, in two passes: the first decides which rows count, the second writes them.
//!
//! A later row can replace an earlier one, so that the status of a row is known only at the end of
//! the file. Instead of the rows, sixteen bytes a row and two hashes are kept in memory.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::ImportError;
use super::fault::{Quarantine, Reason};
use super::input::Input;
use super::pii::{PiiKey, hex};
use super::portal::{
    Agreements, Amendments, ColumnMap, Commitments, Contracts, Effects, Impediments, Items, Kind, Layout, Notes,
    Participants, Provenance, Published, Sanctions, TenderItems, Tenders,
};
use super::records::{Fields, Records, Step};
use crate::lake::{TableWriter, schema};
use crate::model::LakeFile;

/// Records between two reports of progress.
const REPORT_EVERY: u64 = 4_096;

/// What the first pass found out about a file.
#[derive(Debug)]
pub(crate) struct Scan {
    /// SHA-256 of its bytes, in lower-case hex.
    pub(crate) content_hash: String,
    plan: Vec<Planned>,
    pub(crate) duplicates: i64,
    pub(crate) superseded: i64,
    pub(crate) without_supplier: i64,
    pub(crate) quarantine: Quarantine,
}

impl Scan {
    /// Rows that are taken in, duplicates and superseded rows with them.
    pub(crate) fn rows(&self) -> i64 {
        self.plan.len() as i64
    }
}

/// What becomes of one row.
#[derive(Debug, Clone, Copy)]
struct Planned {
    status: Status,
    /// Rows before it that have the same id but are not the same.
    occurrence: u32,
    /// Start of the hash of the record, to notice a file that changes between the passes.
    content: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Current,
    Duplicate,
    Superseded,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Current => schema::CURRENT,
            Self::Duplicate => schema::DUPLICATE,
            Self::Superseded => schema::SUPERSEDED,
        }
    }
}

/// First pass: hashes the file, tells good rows from bad ones and duplicates from others.
///
/// `report` is told bytes and rows so far.
///
/// # Errors
/// If the file cannot be read, or lacks a column.
pub(crate) fn scan(input: &Input, kind: Kind, report: &mut dyn FnMut(u64, i64)) -> Result<Scan, ImportError> {
    match kind {
        Kind::Contracts => scan_as::<Contracts>(input, report),
        Kind::Items => scan_as::<Items>(input, report),
        Kind::Amendments => scan_as::<Amendments>(input, report),
        Kind::Notes => scan_as::<Notes>(input, report),
        Kind::Tenders => scan_as::<Tenders>(input, report),
        Kind::TenderItems => scan_as::<TenderItems>(input, report),
        Kind::Participants => scan_as::<Participants>(input, report),
        Kind::Commitments => scan_as::<Commitments>(input, report),
        Kind::Ceis | Kind::Cnep => scan_as::<Sanctions>(input, report),
        Kind::Cepim => scan_as::<Impediments>(input, report),
        Kind::Agreements => scan_as::<Agreements>(input, report),
        Kind::Effects => scan_as::<Effects>(input, report),
    }
}

/// Second pass: writes the rows to `<root>/<table>/<import_id>.parquet`; `None` if there are none.
///
/// # Errors
/// If the file cannot be read again as it was, or the lake cannot be written.
pub(crate) fn write(
    input: &Input,
    kind: Kind,
    scan: &Scan,
    root: &Path,
    import_id: &str,
    key: &PiiKey,
    report: &mut dyn FnMut(u64, i64),
) -> Result<Option<LakeFile>, ImportError> {
    match kind {
        Kind::Contracts => write_as::<Contracts>(input, scan, root, import_id, key, report),
        Kind::Items => write_as::<Items>(input, scan, root, import_id, key, report),
        Kind::Amendments => write_as::<Amendments>(input, scan, root, import_id, key, report),
        Kind::Notes => write_as::<Notes>(input, scan, root, import_id, key, report),
        Kind::Tenders => write_as::<Tenders>(input, scan, root, import_id, key, report),
        Kind::TenderItems => write_as::<TenderItems>(input, scan, root, import_id, key, report),
        Kind::Participants => write_as::<Participants>(input, scan, root, import_id, key, report),
        Kind::Commitments => write_as::<Commitments>(input, scan, root, import_id, key, report),
        Kind::Ceis | Kind::Cnep => write_as::<Sanctions>(input, scan, root, import_id, key, report),
        Kind::Cepim => write_as::<Impediments>(input, scan, root, import_id, key, report),
        Kind::Agreements => write_as::<Agreements>(input, scan, root, import_id, key, report),
        Kind::Effects => write_as::<Effects>(input, scan, root, import_id, key, report),
    }
}

/// Counts and hashes what is read.
struct Metered<'a> {
    inner: &'a mut dyn Read,
    bytes: &'a Cell<u64>,
    hash: &'a RefCell<Sha256>,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.set(self.bytes.get() + read as u64);
        self.hash.borrow_mut().update(&buffer[..read]);
        Ok(read)
    }
}

/// Gives every row of a file to `row`, with its line, and everything else to the quarantine.
fn rows<L: Layout>(
    input: &Input,
    report: &mut dyn FnMut(u64, i64),
    mut row: impl FnMut(i64, &Fields, L::Row<'_>) -> Result<(), ImportError>,
) -> Result<(String, Quarantine), ImportError> {
    let bytes = Cell::new(0);
    let hash = RefCell::new(Sha256::new());
    let mut quarantine = Quarantine::default();
    let source = input.sources.first().ok_or_else(|| ImportError::NoHeader { file: input.name.clone() })?;
    source.read(|reader| {
        let metered = Metered { inner: reader, bytes: &bytes, hash: &hash };
        let file = || input.name.clone();
        let records = Records::open(metered).map_err(|error| source.failed(error))?;
        let mut records = records.ok_or_else(|| ImportError::NoHeader { file: file() })?;
        let header = records.header().clone();
        let dialect = records.dialect();
        let columns = ColumnMap::locate::<L>(&header).map_err(|(column, times)| match times {
            0 => ImportError::MissingColumn { file: file(), column },
            times => ImportError::RepeatedColumn { file: file(), column, times },
        })?;
        let (mut seen, mut taken) = (0_u64, 0);
        while let Some(step) = records.step().map_err(|error| source.failed(error))? {
            match step {
                Step::Unreadable(line, reason, shown) => quarantine.add(&input.name, line, "", reason, &shown),
                Step::Record(line, fields) if fields.len() != header.len() => {
                    let shown: Vec<&str> = fields.iter().collect();
                    quarantine.add(&input.name, line, "", Reason::WrongFieldCount, &shown.join(";"));
                }
                Step::Record(line, fields) => match L::read(Published { fields, columns: &columns, dialect }) {
                    Ok(read) => {
                        row(line, fields, read)?;
                        taken += 1;
                    }
                    Err(fault) => {
                        let place = columns.place(fault.column);
                        quarantine.add(&input.name, line, header.get(place), fault.reason, fields.get(place));
                    }
                },
            }
            seen += 1;
            if seen.is_multiple_of(REPORT_EVERY) {
                report(bytes.get(), taken);
            }
        }
        report(bytes.get(), taken);
        Ok(())
    })?;
    Ok((hex(&hash.into_inner().finalize()), quarantine))
}

fn content_hash(fields: &Fields) -> u128 {
    let (text, ends) = fields.parts();
    let hash = ends.iter().fold(Sha256::new(), |hash, end| hash.chain_update(end.to_le_bytes()));
    first_128(&hash.chain_update(text).finalize())
}

fn first_128(digest: &[u8]) -> u128 {
    digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

fn scan_as<L: Layout>(input: &Input, report: &mut dyn FnMut(u64, i64)) -> Result<Scan, ImportError> {
    let mut plan: Vec<Planned> = Vec::new();
    let mut contents = HashSet::new();
    let mut latest: HashMap<u128, (usize, u32)> = HashMap::new();
    let mut occurrences: HashMap<u128, u32> = HashMap::new();
    let (mut duplicates, mut superseded, mut without_supplier) = (0, 0, 0);
    let (content_hash, quarantine) = rows::<L>(input, report, |_, fields, row| {
        let content = content_hash(fields);
        let (id, identity) = L::id(&row);
        let id = first_128(&Sha256::digest(id));
        let known = identity.and_then(|identity| latest.get(&identity).copied());
        let duplicate = !contents.insert(content) && L::repeats(&row);
        let occurrence = match known {
            Some((_, occurrence)) => occurrence,
            None => {
                let next = occurrences.entry(id).or_default();
                *next += 1;
                *next - 1
            }
        };
        let status = if duplicate { Status::Duplicate } else { Status::Current };
        match (known, identity) {
            _ if duplicate => duplicates += 1,
            (known, Some(identity)) => {
                if let Some(replaced) = known.and_then(|(index, _)| plan.get_mut(index)) {
                    replaced.status = Status::Superseded;
                    superseded += 1;
                }
                latest.insert(identity, (plan.len(), occurrence));
            }
            (_, None) => {}
        }
        if L::without_supplier(&row) {
            without_supplier += 1;
        }
        // The upper half, which is as good as any.
        plan.push(Planned { status, occurrence, content: (content >> 64) as u64 });
        Ok(())
    })?;
    Ok(Scan { content_hash, plan, duplicates, superseded, without_supplier, quarantine })
}

fn write_as<L: Layout>(
    input: &Input,
    scan: &Scan,
    root: &Path,
    import_id: &str,
    key: &PiiKey,
    report: &mut dyn FnMut(u64, i64),
) -> Result<Option<LakeFile>, ImportError> {
    let table = match L::TABLE {
        Some(table) if !scan.plan.is_empty() => table,
        _ => return Ok(None),
    };
    let changed = || ImportError::FileChanged { file: input.name.clone() };
    let mut writer = TableWriter::create(root, table, import_id)?;
    let mut plan = scan.plan.iter();
    let (content_hash, _) = rows::<L>(input, report, |line, fields, row| {
        let planned = plan.next().filter(|planned| planned.content == (content_hash(fields) >> 64) as u64);
        let planned = planned.ok_or_else(changed)?;
        let (mut id, _) = L::id(&row);
        if planned.occurrence > 0 {
            id.push_str(&format!("-{}", planned.occurrence + 1));
        }
        let status = planned.status.as_str();
        let from = Provenance { file: &input.name, line, import_id, id: &id, status };
        Ok(L::write(&row, from, key, &mut writer)?)
    })?;
    if content_hash != scan.content_hash {
        return Err(changed());
    }
    Ok(Some(writer.finish()?))
}
