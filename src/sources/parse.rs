use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::file::{self, Scan};
use super::input::{self, Gathered, Input};
use super::portal::Kind;
use super::{ImportError, PiiKey};
use crate::model::{ImportRecord, LakeFile, QuarantinedRow};

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
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSummary {
    /// Name of the file.
    pub file: String,
    /// Its dataset.
    pub dataset: String,
    /// Rows taken in, duplicates and superseded ones with them.
    pub rows: i64,
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
    /// SHA-256 of the file, in lower-case hex.
    pub content_hash: String,
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
        self.count(parsed.kind, &parsed.summary, 1);
        self.files.push(parsed.summary.clone());
    }

    /// Takes back what was counted of a dataset that the lake holds already.
    pub(crate) fn leave_out(&mut self, dataset: &str) {
        let (out, files) = std::mem::take(&mut self.files).into_iter().partition(|file| file.dataset == dataset);
        self.files = files;
        let out: Vec<FileSummary> = out;
        for file in out {
            if let Some(kind) = Kind::of_dataset(&file.dataset) {
                self.count(kind, &file, -1);
            }
            self.unchanged.push(file.file);
        }
    }

    fn count(&mut self, kind: Kind, file: &FileSummary, sign: i64) {
        let (rows, duplicates) = (sign * file.rows, sign * file.duplicates);
        match kind {
            Kind::Contracts => {
                self.contracts += rows;
                self.duplicates += duplicates;
                self.superseded += sign * file.superseded;
            }
            Kind::Items => {
                self.items += rows;
                self.item_duplicates += duplicates;
            }
            Kind::Amendments => {
                self.amendments += rows;
                self.amendment_duplicates += duplicates;
            }
            Kind::Notes => self.apostilamentos += rows,
        }
        self.without_supplier += sign * file.without_supplier;
        self.quarantined += sign * file.quarantined;
    }
}

/// One file as Parquet, not yet part of any version.
#[derive(Debug)]
pub(crate) struct ParsedFile {
    kind: Kind,
    pub(crate) record: ImportRecord,
    pub(crate) lake_file: Option<LakeFile>,
    pub(crate) quarantine: Vec<QuarantinedRow>,
    summary: FileSummary,
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
    let Gathered { inputs, ignored } = input::gather(paths)?;
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
        files.extend(parsed.lake_file);
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
            Some((_, hash)) if *hash == scan.content_hash => Ok(true),
            Some((first, _)) => Err(ImportError::DatasetTwice {
                dataset: input.dataset.clone(),
                first: first.clone(),
                second: input.name.clone(),
            }),
            None => {
                self.0.insert(input.dataset.clone(), (input.name.clone(), scan.content_hash.clone()));
                Ok(false)
            }
        }
    }
}

pub(crate) fn scan(input: &Input, progress: &dyn Fn(Progress)) -> Result<Scan, ImportError> {
    file::scan(input, &mut |bytes, rows| {
        let (file, bytes_total) = (input.name.clone(), input.bytes);
        progress(Progress { file, bytes_done: bytes / 2, bytes_total, rows });
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
    let lake_file = file::write(input, &scan, root, &id, key, &mut |bytes, rows| {
        let (file, bytes_total) = (input.name.clone(), input.bytes);
        progress(Progress { file, bytes_done: (bytes_total + bytes) / 2, bytes_total, rows });
    })?;
    let summary = FileSummary {
        file: input.name.clone(),
        dataset: input.dataset.clone(),
        rows: scan.rows(),
        duplicates: scan.duplicates,
        superseded: scan.superseded,
        without_supplier: scan.without_supplier,
        quarantined: scan.quarantine.total(),
        quarantined_by_reason: scan.quarantine.by_reason.iter().map(|(r, n)| ((*r).to_owned(), *n)).collect(),
        content_hash: scan.content_hash.clone(),
    };
    let counts = [
        ("rows", summary.rows),
        ("duplicates", summary.duplicates),
        ("superseded", summary.superseded),
        ("quarantined", summary.quarantined),
        ("without_supplier", summary.without_supplier),
    ];
    let record = ImportRecord {
        id,
        dataset: input.dataset.clone(),
        file_name: input.name.clone(),
        content_hash: scan.content_hash,
        counts: counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        // The store keeps microseconds.
        imported_at: now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now),
    };
    Ok(ParsedFile { kind: input.kind, record, lake_file, quarantine: scan.quarantine.rows, summary })
}
