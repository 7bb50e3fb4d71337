//! What detectors find in a sample whose answer is written down: `labels.csv` of `cidadao sample`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::DetectorRun;
use crate::model::{Finding, Table};

/// A contract, or a tender, as labels name it: unit and number, or the id of its process in OCDS.
type Key = String;

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

/// A line of labels: of the Portal's layout with unit and number, of OCDS with an id.
#[derive(Deserialize)]
struct Row {
    detector: String,
    expected: String,
    #[serde(default)]
    buyer_id: Option<String>,
    #[serde(default)]
    contract_number: Option<String>,
    #[serde(default)]
    ocid: Option<String>,
}

impl Row {
    fn key(&self) -> Option<Key> {
        let unit = || Some(of_portal(self.buyer_id.as_deref()?, self.contract_number.as_deref()?));
        self.ocid.clone().or_else(unit)
    }
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
            let row: Row = row.map_err(failed)?;
            let missing =
                || csv::Error::from(io::Error::other("neither ocid nor buyer_id and contract_number are there"));
            let key = row.key().ok_or_else(missing).map_err(failed)?;
            let of = labels.0.entry(row.detector).or_default();
            let side = if row.expected == "fired" { &mut of.planted } else { &mut of.near_misses };
            side.insert(key);
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

fn of_portal(unit: &str, number: &str) -> Key {
    format!("{unit}/{number}")
}

/// What labels call the contract or the tender of an id: `portal-<unit>-<number>-…`, `<ocid>`, `<ocid>-contract-…`.
fn key(id: &str) -> Option<Key> {
    let Some(rest) = id.strip_prefix("portal-") else {
        return id.split("-contract-").next().map(str::to_owned);
    };
    let mut parts = rest.split('-');
    Some(of_portal(parts.next()?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_what_labels_name() {
        assert_eq!(key("portal-100001-000012023-0a1b").as_deref(), Some("100001/000012023"));
        assert_eq!(key("portal-100001-000012023-tender-pregao").as_deref(), Some("100001/000012023"));
        assert_eq!(key("ocds-000000-000000249").as_deref(), Some("ocds-000000-000000249"));
        assert_eq!(key("ocds-000000-000000249-contract-1").as_deref(), Some("ocds-000000-000000249"));
        assert_eq!(key("portal-100001"), None);
    }

    #[test]
    fn labels_of_both_layouts_are_read_and_others_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("labels.csv");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Labels::read(&path)
        };
        let portal = read("detector,expected,buyer_id,contract_number\na,fired,1,2\na,clear,1,3\n").unwrap();
        let OfDetector { planted, near_misses } = &portal.0["a"];
        assert!(planted.contains("1/2") && near_misses.contains("1/3") && planted.len() + near_misses.len() == 2);
        let ocds = read("case,expected,ocid,detector,note\nx,fired,o-1,a,\n").unwrap();
        assert!(ocds.0["a"].planted.contains("o-1"));
        let error = read("detector,expected,number\na,fired,1\n").unwrap_err();
        assert!(error.to_string().contains("labels.csv: ") && error.to_string().contains("neither ocid"), "{error}");
    }
}
