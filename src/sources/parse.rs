use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::fault::Quarantine;
use super::input::{self, Format, Gathered, ImportFormat, Input};
use super::portal::NOTES;
use super::{ImportError, PiiKey, answers, file, ocds, reader};
use crate::model::{ImportRecord, LakeFile, QualityReport, QuarantinedRow, Table, TableQuality};

/// How far an import is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Name of the file that is worked on.
    pub file: String,
    /// Bytes done of all files; of one that is read twice, the parts of the two passes are those of their work.
    pub bytes_done: u64,
    /// Size of all files, unpacked.
    pub bytes_total: u64,
    /// Rows taken in of the file so far.
    pub rows: i64,
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
    /// Records that tell of no spending, taken in and judged by nobody: income, sales, calls for interest.
    pub not_spending: i64,
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
    /// Establishments of the register of companies taken in.
    pub establishments: i64,
    /// Companies of it.
    pub companies: i64,
    /// Their regimes (Simples, MEI).
    pub tax_regimes: i64,
    /// Their partners and administrators.
    pub partners: i64,
    /// Names of economic activities.
    pub activities: i64,
    /// Contracts whose supplier is not published.
    pub without_supplier: i64,
    /// Records that tell of no spending, taken in and judged by nobody: income, sales, calls for interest.
    pub not_spending: i64,
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
        self.establishments += of(Table::Establishments);
        self.companies += of(Table::Companies);
        self.tax_regimes += of(Table::TaxRegimes);
        self.partners += of(Table::Partners);
        self.activities += of(Table::Activities);
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
        self.not_spending += sign * file.not_spending;
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
    /// What the rows of each are worth, without those that belong to no contract.
    pub(crate) qualities: Vec<TableQuality>,
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
    files_to_parquet_of(paths, None, directory, key, progress)
}

/// The same of files that are said to be of a format.
///
/// # Errors
/// Those of [`files_to_parquet`].
pub(crate) fn files_to_parquet_of(
    paths: &[PathBuf],
    format: Option<ImportFormat>,
    directory: &Path,
    key: &PiiKey,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<ParsedFiles, ImportError> {
    let Gathered { inputs, ignored, .. } = input::gather(paths, format)?;
    let mut summary = ImportSummary { ignored, ..ImportSummary::default() };
    let mut known = Known::default();
    let (mut files, mut quarantine) = (Vec::new(), Vec::new());
    for input in inputs {
        let scan = scan(&input, known.has(&input.dataset), progress)?;
        if let Some(hash) = scan.content_hash()
            && known.holds(&input, hash)?
        {
            summary.unchanged.push(input.name);
            continue;
        }
        let parsed = parse(&input, Uuid::now_v7().to_string(), scan, directory, key, Utc::now(), progress)?;
        known.note(&input, &parsed.summary.content_hash);
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
    /// Whether an earlier file of the call has the same dataset.
    pub(crate) fn has(&self, dataset: &str) -> bool {
        self.0.contains_key(dataset)
    }

    /// Whether an earlier file of the call has the same dataset and content.
    ///
    /// # Errors
    /// If an earlier file has the same dataset and another content.
    pub(crate) fn holds(&self, input: &Input, content_hash: &str) -> Result<bool, ImportError> {
        match self.0.get(&input.dataset) {
            Some((_, hash)) if hash == content_hash => Ok(true),
            Some((first, _)) => Err(ImportError::DatasetTwice {
                dataset: input.dataset.clone(),
                first: first.clone(),
                second: input.name.clone(),
            }),
            None => Ok(false),
        }
    }

    /// Notes a file that was taken in.
    pub(crate) fn note(&mut self, input: &Input, content_hash: &str) {
        self.0.insert(input.dataset.clone(), (input.name.clone(), content_hash.to_owned()));
    }
}

/// What the first pass found out about a dataset.
#[derive(Debug)]
pub(crate) enum Scan {
    /// Nothing, if there is nothing that it could be equal to.
    Tabular(Option<reader::Hashed>),
    /// The same.
    Ocds(Option<ocds::Scan>),
    Answers(answers::Scan),
}

impl Scan {
    /// SHA-256 of the content, in lower-case hex, where it is known already.
    pub(crate) fn content_hash(&self) -> Option<&str> {
        match self {
            Self::Tabular(hashed) => hashed.as_ref().map(|hashed| hashed.content_hash.as_str()),
            Self::Ocds(scan) => scan.as_ref().map(|scan| scan.content_hash.as_str()),
            Self::Answers(scan) => Some(&scan.content_hash),
        }
    }

    /// Of a hundred parts of the work on a file, how many were done.
    const fn done(&self) -> u64 {
        match self {
            Self::Tabular(None) | Self::Ocds(None) => 0,
            Self::Tabular(Some(_)) => HASHING,
            Self::Ocds(Some(_)) | Self::Answers(_) => SCANNING,
        }
    }
}

/// Parts of the work on a tabular file that its first pass is.
const HASHING: u64 = 10;
/// The same of files of OCDS, and of answers of APIs.
const SCANNING: u64 = 50;

/// The first pass over a dataset. `compared` says whether there is anything of its name that its content is to be
/// compared with.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn scan(input: &Input, compared: bool, progress: &dyn Fn(Progress)) -> Result<Scan, ImportError> {
    let report = |parts: u64, bytes: u64, rows| {
        let (file, bytes_total) = (input.name.clone(), input.bytes);
        progress(Progress { file, bytes_done: bytes.min(bytes_total) / 100 * parts, bytes_total, rows });
    };
    Ok(match input.format {
        Format::Portal(_) | Format::Receita(_) if !compared => Scan::Tabular(None),
        Format::Portal(_) | Format::Receita(_) => {
            Scan::Tabular(Some(reader::hash(input, &mut |bytes| report(HASHING, bytes, 0))?))
        }
        Format::Ocds if !compared => Scan::Ocds(None),
        Format::Ocds => Scan::Ocds(Some(ocds::scan(input, &mut |bytes, rows| report(SCANNING, bytes, rows))?)),
        Format::Answers(kind) => {
            Scan::Answers(answers::scan(input, kind, &mut |bytes, rows| report(SCANNING, bytes, rows))?)
        }
    })
}

pub(crate) fn parse(
    input: &Input,
    id: String,
    scan: Scan,
    root: &Path,
    key: &PiiKey,
    now: DateTime<Utc>,
    progress: &dyn Fn(Progress),
) -> Result<ParsedFile, ImportError> {
    let first = scan.done();
    let mut furthest = 0;
    let mut report = |bytes: u64, rows| {
        let (file, bytes_total) = (input.name.clone(), input.bytes);
        let bytes_done = bytes_total / 100 * first + bytes.min(bytes_total) / 100 * (100 - first);
        let bytes_done = if bytes >= bytes_total { bytes_total } else { bytes_done };
        // Some files are read anew.
        furthest = bytes_done.max(furthest);
        let bytes_done = furthest;
        progress(Progress { file, bytes_done, bytes_total, rows });
    };
    let mut summary = FileSummary {
        file: input.name.clone(),
        dataset: input.dataset.clone(),
        rows: 0,
        tables: BTreeMap::new(),
        duplicates: 0,
        superseded: 0,
        without_supplier: 0,
        not_spending: 0,
        quarantined: 0,
        quarantined_by_reason: BTreeMap::new(),
        amounts_rounded: 0,
        values_unreadable: 0,
        content_hash: scan.content_hash().unwrap_or_default().to_owned(),
        quality: None,
    };
    let target = file::Target { root, import_id: &id, key, today: now.date_naive() };
    let (lake_files, qualities, quarantine) = match (input.format, scan) {
        (Format::Portal(_) | Format::Receita(_), Scan::Tabular(hashed)) => {
            let hashed = hashed.as_ref();
            let (taken, counted_as) = match input.format {
                Format::Receita(kind) => {
                    (file::take_in_register(input, kind, hashed, target, &mut report)?, kind.table().as_str())
                }
                Format::Portal(kind) => (file::take_in(input, kind, hashed, target, &mut report)?, kind.counted_as()),
                Format::Ocds | Format::Answers(_) => Default::default(),
            };
            summary.rows = taken.rows;
            summary.content_hash = taken.content_hash;
            summary.tables.insert(counted_as.to_owned(), taken.rows);
            (summary.duplicates, summary.superseded) = (taken.duplicates, taken.superseded);
            summary.without_supplier = taken.without_supplier;
            (taken.file.into_iter().collect(), taken.quality.into_iter().collect(), taken.quarantine)
        }
        (_, Scan::Ocds(scan)) => {
            let written = ocds::write(input, scan, target, &mut report)?;
            summary.rows = written.units;
            summary.content_hash = written.content_hash;
            summary.tables = written.files.iter().map(|file| (file.table.as_str().to_owned(), file.rows)).collect();
            summary.duplicates = written.duplicates;
            summary.without_supplier = written.without_supplier;
            (summary.amounts_rounded, summary.values_unreadable) = (written.rounded, written.unreadable);
            (written.files, written.qualities, written.quarantine)
        }
        (Format::Answers(kind), Scan::Answers(scan)) => {
            summary.rows = scan.rows();
            let written = answers::write(input, kind, &scan, target, &mut report)?;
            summary.tables.insert(kind.table().as_str().to_owned(), scan.rows());
            (summary.duplicates, summary.superseded) = (scan.duplicates, scan.superseded);
            (summary.without_supplier, summary.not_spending) = (scan.without_supplier, scan.not_spending);
            summary.amounts_rounded = scan.rounded;
            let (file, quality) = written.unzip();
            (file.into_iter().collect(), quality.flatten().into_iter().collect(), scan.quarantine)
        }
        (Format::Ocds | Format::Answers(_), Scan::Tabular(_)) | (_, Scan::Answers(_)) => {
            (Vec::new(), Vec::new(), Quarantine::default())
        }
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
    if let Format::Answers(_) = input.format {
        counts.insert("not_spending".to_owned(), summary.not_spending);
        counts.insert("amounts_rounded".to_owned(), summary.amounts_rounded);
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
    Ok(ParsedFile { record, lake_files, qualities, quarantine: quarantine.rows, summary })
}
