//! What detectors find in a sample whose answer is written down: `labels.csv` of `cidadao sample`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::DetectorRun;
use crate::model::{Finding, Table};

/// A contract, or a tender, as labels name it: unit and number.
type Key = (String, String);

/// Labels of a sample, by detector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels(BTreeMap<String, OfDetector>);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct OfDetector {
    planted: BTreeSet<Key>,
    near_misses: BTreeSet<Key>,
}

/// Why labels cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}", path = path.display())]
pub struct LabelsError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: csv::Error,
}

#[derive(Deserialize)]
struct Row {
    detector: String,
    expected: String,
    buyer_id: String,
    contract_number: String,
}

/// How well one detector found what was planted for it. Contracts, or tenders, are counted, whatever the findings they
/// are in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Id of the detector.
    pub detector: String,
    /// Contracts that it must fire on.
    pub planted: usize,
    /// Contracts that it fired on.
    pub found: usize,
    /// Those of them that were planted.
    pub hits: usize,
    /// Contracts that are labelled as near misses, and those of them that it fired on.
    pub near_misses: usize,
    /// Near misses that it fired on although they are not planted as well.
    pub near_misses_found: usize,
    /// hits / found; `None` if it found nothing.
    pub precision: Option<f64>,
    /// hits / planted; `None` if nothing was planted.
    pub recall: Option<f64>,
    /// fired / (fired + clear), of subjects.
    pub base_rate: f64,
}

impl Labels {
    /// Reads `labels.csv`.
    ///
    /// # Errors
    /// [`LabelsError`] if it is not there or not of this form.
    pub fn read(path: &Path) -> Result<Self, LabelsError> {
        let failed = |source| LabelsError { path: path.to_owned(), source };
        let mut labels = Self::default();
        for row in csv::Reader::from_path(path).map_err(failed)?.deserialize() {
            let Row { detector, expected, buyer_id, contract_number } = row.map_err(failed)?;
            let of = labels.0.entry(detector).or_default();
            let side = if expected == "fired" { &mut of.planted } else { &mut of.near_misses };
            side.insert((buyer_id, contract_number));
        }
        Ok(labels)
    }

    /// The figures of one detector's run over the sample.
    pub fn figures(&self, run: &DetectorRun) -> Figures {
        let id = run.summary.detector.id.as_str();
        let none = OfDetector::default();
        let OfDetector { planted, near_misses } = self.0.get(id).unwrap_or(&none);
        let found: BTreeSet<Key> = run.findings.iter().flat_map(subjects).filter_map(key).collect();
        let hits = found.intersection(planted).count();
        let share = |of: usize| (of > 0).then(|| hits as f64 / of as f64);
        Figures {
            detector: id.to_owned(),
            planted: planted.len(),
            found: found.len(),
            hits,
            near_misses: near_misses.len(),
            near_misses_found: near_misses.difference(planted).filter(|key| found.contains(*key)).count(),
            precision: share(found.len()),
            recall: share(planted.len()),
            base_rate: run.summary.base_rate(),
        }
    }
}

/// What a finding is about: its contracts, or where it names none its tenders.
fn subjects(finding: &Finding) -> Vec<&str> {
    if finding.contract_ids.is_empty() {
        let tenders = finding.evidence.rows.iter().filter(|row| row.table == Table::Tenders.as_str());
        return tenders.map(|row| row.id.as_str()).collect();
    }
    finding.contract_ids.iter().map(String::as_str).collect()
}

/// Unit and number of a contract or a tender of the Portal: `portal-<unit>-<number>-…`.
fn key(id: &str) -> Option<Key> {
    let mut parts = id.split('-').skip(1);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}
