use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::fault::Quarantine;
use super::input::{self, Format, Gathered, Input};
use super::portal::NOTES;
use super::{ImportError, PiiKey, file, ocds};
use crate::model::{ImportRecord, LakeFile, QualityReport, QuarantinedRow, Table};

/// How far an import is with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Name of the file.
    pub file: String,
    /// Bytes done; a file is read twice, each time counts half.
    pub bytes_done: u64,
    /// Size of the file, unpacked.
    pub bytes_total: u64,
    /// Rows taken in so far.
    pub rows: i64,
    /// Bytes done of everything that the call takes in.
    pub all_done: u64,
    /// Bytes of everything that the call takes in, unpacked.
    pub all_total: u64,
}

impl Progress {
    /// Progress with a file that is all there is.
    pub(crate) const fn of(file: String, bytes_done: u64, bytes_total: u64, rows: i64) -> Self {
        Self { file, bytes_done, bytes_total, rows, all_done: bytes_done, all_total: bytes_total }
    }
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSummary {
    /// Name of the file.
    pub file: String,
    /// Its dataset.
    pub dataset: String,
    /// Rows taken in, duplicates and superseded ones with them; of OCDS, releases and records.
    pub rows: i64,
    /// Rows of each table, by its name.
    pub tables: BTreeMap<String, i64>,
    /// Rows that repeat an earlier one to the letter.
    pub duplicates: i64,
    /// Rows that a later one replaces.
    pub superseded: i64,
    /// Contracts whose supplier is not published.
    pub without_supplier: i64,
    /// Rows that could not be taken in.
    pub quarantined: i64,
    /// The same, by reason.
    pub quarantined_by_reason: BTreeMap<String, i64>,
    /// Numbers with more decimals than the lake has, rounded half up.
    pub amounts_rounded: i64,
    /// Values that are of another type than their standard says, left out of rows that were taken in.
    pub values_unreadable: i64,
    /// SHA-256 of the file, in lower-case hex.
    pub content_hash: String,
    /// What its rows are worth, once they are in the lake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<QualityReport>,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ImportSummary {
    /// Contracts taken in, duplicates and superseded rows with them.
    pub contracts: i64,
    /// Items taken in, duplicates with them.
    pub items: i64,
    /// Amendments taken in, duplicates with them.
    pub amendments: i64,
    /// Notes on contracts, which are counted only.
    pub apostilamentos: i64,
    /// Tenders taken in.
    pub tenders: i64,
    /// Items of tenders taken in.
    pub tender_items: i64,
    /// Bids and participations taken in.
    pub bids: i64,
    /// Suppliers taken in.
    pub suppliers: i64,
    /// Entries of lists of sanctions taken in.
    pub sanctions: i64,
    /// Commitments and payments taken in.
    pub payments: i64,
    /// Contracts whose supplier is not published.
    pub without_supplier: i64,
    /// Rows of any kind that could not be taken in.
    pub quarantined: i64,
    /// Contracts that repeat an earlier row to the letter.
    pub duplicates: i64,
    /// Contracts that a later row replaces.
    pub superseded: i64,
    /// Items that repeat an earlier row to the letter.
    pub item_duplicates: i64,
    /// Amendments that repeat an earlier row to the letter.
    pub amendment_duplicates: i64,
    /// Rows of any other table that repeat an earlier row to the letter.
    pub other_duplicates: i64,
    /// Rows of any other table that a later row replaces.
    pub other_superseded: i64,
    /// Releases of OCDS that repeat another one to the letter.
    pub release_duplicates: i64,
    /// Numbers with more decimals than the lake has, rounded half up.
    pub amounts_rounded: i64,
    /// Values that are of another type than their standard says, left out of rows that were taken in.
    pub values_unreadable: i64,
    /// Files whose content is in the lake already.
    pub unchanged: Vec<String>,
    /// Files of no known layout.
    pub ignored: Vec<String>,
    /// Version of the lake after the import; 0 where there is no lake.
    pub lake_version: i64,
    /// The files that were taken in.
    pub files: Vec<FileSummary>,
}

impl ImportSummary {
    pub(crate) fn add(&mut self, parsed: &ParsedFile) {
        self.count(&parsed.summary, 1);
        self.files.push(parsed.summary.clone());
    }

    /// Takes back what was counted of a dataset that the lake holds already.
    pub(crate) fn leave_out(&mut self, dataset: &str) {
        let (out, files) = std::mem::take(&mut self.files).into_iter().partition(|file| file.dataset == dataset);
        self.files = files;
        let out: Vec<FileSummary> = out;
        for file in out {
            self.count(&file, -1);
            self.unchanged.push(file.file);
        }
    }

    fn count(&mut self, file: &FileSummary, sign: i64) {
        let rows = |name: &str| sign * file.tables.get(name).copied().unwrap_or(0);
        let of = |table: Table| rows(table.as_str());
        self.contracts += of(Table::Contracts);
        self.items += of(Table::ContractItems);
        self.amendments += of(Table::Amendments);
        self.tenders += of(Table::Tenders);
        self.tender_items += of(Table::TenderItems);
        self.bids += of(Table::Bids);
        self.suppliers += of(Table::Suppliers);
        self.sanctions += of(Table::Sanctions);
        self.payments += of(Table::Payments);
        self.apostilamentos += rows(NOTES);
        // A file of one table repeats rows of that table.
        let duplicates = sign * file.duplicates;
        if file.dataset.starts_with("ocds:") {
            self.release_duplicates += duplicates;
        } else if file.tables.contains_key(Table::Contracts.as_str()) {
            self.duplicates += duplicates;
            self.superseded += sign * file.superseded;
        } else if file.tables.contains_key(Table::ContractItems.as_str()) {
            self.item_duplicates += duplicates;
        } else if file.tables.contains_key(Table::Amendments.as_str()) {
            self.amendment_duplicates += duplicates;
        } else {
            self.other_duplicates += duplicates;
            self.other_superseded += sign * file.superseded;
        }
        self.without_supplier += sign * file.without_supplier;
        self.quarantined += sign * file.quarantined;
        self.amounts_rounded += sign * file.amounts_rounded;
        self.values_unreadable += sign * file.values_unreadable;
    }
}

/// One file as Parquet, not yet part of any version.
#[derive(Debug)]
pub(crate) struct ParsedFile {
    pub(crate) record: ImportRecord,
    pub(crate) lake_files: Vec<LakeFile>,
    pub(crate) quarantine: Vec<QuarantinedRow>,
    pub(crate) summary: FileSummary,
}

/// Files as Parquet that no manifest knows.
#[derive(Debug)]
pub struct ParsedFiles {
    /// What was done.
    pub summary: ImportSummary,
    /// The Parquet files, paths relative to the directory.
    pub files: Vec<LakeFile>,
    /// The rows that could not be taken in, at most [`super::MAX_KEPT`] a file.
    pub quarantine: Vec<QuarantinedRow>,
}

/// Reads published files into Parquet files under `directory`, without a lake: for a look at files
/// that are not to be kept. Blocks the thread.
///
/// # Errors
/// [`ImportError`]; the directory may then hold some of the files.
pub fn files_to_parquet(
    paths: &[PathBuf],
    directory: &Path,
    key: &PiiKey,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<ParsedFiles, ImportError> {
    let Gathered { inputs, ignored, .. } = input::gather(paths, None)?;
    let mut summary = ImportSummary { ignored, ..ImportSummary::default() };
    let mut known = Known::default();
    let (mut files, mut quarantine) = (Vec::new(), Vec::new());
    for input in inputs {
        let scan = scan(&input, progress)?;
        if known.holds(&input, &scan)? {
            summary.unchanged.push(input.name);
            continue;
        }
        let parsed = parse(&input, scan, directory, key, Utc::now(), progress)?;
        summary.add(&parsed);
        files.extend(parsed.lake_files);
        quarantine.extend(parsed.quarantine);
    }
    Ok(ParsedFiles { summary, files, quarantine })
}

/// The files of one call so far.
#[derive(Debug, Default)]
pub(crate) struct Known(HashMap<String, (String, String)>);

impl Known {
    /// Whether an earlier file of the call has the same dataset and content; notes the file if not.
    ///
    /// # Errors
    /// If an earlier file has the same dataset and another content.
    pub(crate) fn holds(&mut self, input: &Input, scan: &Scan) -> Result<bool, ImportError> {
        match self.0.get(&input.dataset) {
            Some((_, hash)) if hash == scan.content_hash() => Ok(true),
            Some((first, _)) => Err(ImportError::DatasetTwice {
                dataset: input.dataset.clone(),
                first: first.clone(),
                second: input.name.clone(),
            }),
            None => {
                self.0.insert(input.dataset.clone(), (input.name.clone(), scan.content_hash().to_owned()));
                Ok(false)
            }
        }
    }
}

/// What the first pass found out about a dataset.
#[derive(Debug)]
pub(crate) enum Scan {
    Portal(file::Scan),
    Ocds(ocds::Scan),
}

impl Scan {
    /// SHA-256 of the content, in lower-case hex.
    pub(crate) fn content_hash(&self) -> &str {
        match self {
            Self::Portal(scan) => &scan.content_hash,
            Self::Ocds(scan) => &scan.content_hash,
        }
    }

    /// Rows, or releases and records, duplicates with them.
    pub(crate) fn rows(&self) -> i64 {
        match self {
            Self::Portal(scan) => scan.rows(),
            Self::Ocds(scan) => scan.units,
        }
    }
}

pub(crate) fn scan(input: &Input, progress: &dyn Fn(Progress)) -> Result<Scan, ImportError> {
    let mut report = |bytes: u64, rows| {
        let (file, bytes_total) = (input.name.clone(), input.bytes);
        progress(Progress::of(file, bytes.min(bytes_total) / 2, bytes_total, rows));
    };
    Ok(match input.format {
        Format::Portal(kind) => Scan::Portal(file::scan(input, kind, &mut report)?),
        Format::Ocds => Scan::Ocds(ocds::scan(input, &mut report)?),
    })
}

pub(crate) fn parse(
    input: &Input,
    scan: Scan,
    root: &Path,
    key: &PiiKey,
    now: DateTime<Utc>,
    progress: &dyn Fn(Progress),
) -> Result<ParsedFile, ImportError> {
    let id = Uuid::now_v7().to_string();
    let mut report = |bytes: u64, rows| {
        let (file, bytes_total) = (input.name.clone(), input.bytes);
        progress(Progress::of(file, (bytes_total + bytes.min(bytes_total)) / 2, bytes_total, rows));
    };
    let mut summary = FileSummary {
        file: input.name.clone(),
        dataset: input.dataset.clone(),
        rows: scan.rows(),
        tables: BTreeMap::new(),
        duplicates: 0,
        superseded: 0,
        without_supplier: 0,
        quarantined: 0,
        quarantined_by_reason: BTreeMap::new(),
        amounts_rounded: 0,
        values_unreadable: 0,
        content_hash: scan.content_hash().to_owned(),
        quality: None,
    };
    let (lake_files, quarantine) = match (input.format, scan) {
        (Format::Portal(kind), Scan::Portal(scan)) => {
            let written = file::write(input, kind, &scan, root, &id, key, &mut report)?;
            summary.tables.insert(kind.counted_as().to_owned(), scan.rows());
            (summary.duplicates, summary.superseded) = (scan.duplicates, scan.superseded);
            summary.without_supplier = scan.without_supplier;
            (written.into_iter().collect(), scan.quarantine)
        }
        (_, Scan::Ocds(scan)) => {
            let written = ocds::write(input, &scan, root, &id, key, &mut report)?;
            summary.tables = written.files.iter().map(|file| (file.table.as_str().to_owned(), file.rows)).collect();
            summary.duplicates = written.duplicates;
            summary.without_supplier = written.without_supplier;
            (summary.amounts_rounded, summary.values_unreadable) = (written.rounded, written.unreadable);
            (written.files, written.quarantine)
        }
        (Format::Ocds, Scan::Portal(_)) => (Vec::new(), Quarantine::default()),
    };
    summary.quarantined = quarantine.total();
    summary.quarantined_by_reason = quarantine.by_reason.iter().map(|(r, n)| ((*r).to_owned(), *n)).collect();
    let counts = [
        ("rows", summary.rows),
        ("duplicates", summary.duplicates),
        ("superseded", summary.superseded),
        ("quarantined", summary.quarantined),
        ("without_supplier", summary.without_supplier),
    ];
    let mut counts: BTreeMap<String, i64> = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    if input.format == Format::Ocds {
        counts.extend(summary.tables.clone());
        counts.insert("amounts_rounded".to_owned(), summary.amounts_rounded);
        counts.insert("values_unreadable".to_owned(), summary.values_unreadable);
    }
    let record = ImportRecord {
        id,
        dataset: input.dataset.clone(),
        file_name: input.name.clone(),
        content_hash: summary.content_hash.clone(),
        counts,
        // The store keeps microseconds.
        imported_at: now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now),
    };
    Ok(ParsedFile { record, lake_files, quarantine: quarantine.rows, summary })
}
