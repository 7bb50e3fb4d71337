//! Labelled sets: the published layout of García Rodríguez et al. (2022), Automation in Construction 133, 104047.
//!
//! One row a bid. `Tender` and `Bid_value` are needed, and one of `Collusive_competitor_original` (the bidder's own
//! label) and `Collusive_competitor`; the columns may stand in any order. The screens that the files hold are not read.
//! `Consortium`, where it is above 0, numbers the consortia of a tender: a consortium's one bid stands in as many rows as it has members
//! and is taken once. `Dataset` splits a file that holds several sets.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::CollusionError;

/// One tender.
#[derive(Debug, Clone, PartialEq)]
pub struct Tender {
    /// Its number in the set.
    pub id: String,
    /// One of its bidders is a member of the cartel.
    pub collusive: bool,
    /// Its bids, each once.
    pub bids: Vec<f64>,
}

/// One set of tenders.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledSet {
    /// The file's name without `DB_Collusion_` and `_processed`, and the number of the set within the file if it has
    /// several.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The tenders, in order of first appearance.
    pub tenders: Vec<Tender>,
    /// Rows whose bid is not a positive number, left out.
    pub skipped: usize,
}

/// The files named, and the CSV files of the directories named, in order of name.
///
/// # Errors
/// [`CollusionError::Read`] if a directory cannot be read, [`CollusionError::Empty`] if it has no CSV file.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CollusionError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = |source| CollusionError::Read { path: path.clone(), source };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            if file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
                found.push(file);
            }
        }
        if found.is_empty() {
            return Err(CollusionError::Empty(path.clone()));
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

/// Reads the sets of a file.
///
/// # Errors
/// What is wrong with the file, with line, column, rule and value.
pub fn read(path: &Path) -> Result<Vec<LabelledSet>, CollusionError> {
    let bytes = std::fs::read(path).map_err(|source| CollusionError::Read { path: path.to_owned(), source })?;
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // Names of firms may be in any encoding; none of the columns that are read holds more than ASCII.
    let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes));
    let failed = |source| CollusionError::Csv { path: path.to_owned(), source };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(failed)?.clone();
    let place = |name: &str| headers.iter().position(|header| header == name);
    let needed = |column: &'static str| place(column).ok_or(CollusionError::Column { path: path.to_owned(), column });
    let (tender, bid) = (needed("Tender")?, needed("Bid_value")?);
    let (own, derived) = (place("Collusive_competitor_original"), place("Collusive_competitor"));
    if own.or(derived).is_none() {
        let column = "Collusive_competitor_original or Collusive_competitor";
        return Err(CollusionError::Column { path: path.to_owned(), column });
    }
    let (consortium, dataset) = (place("Consortium"), place("Dataset"));

    let mut sets: Vec<LabelledSet> = Vec::new();
    // Where each tender is, and which of its consortia were taken.
    let mut known: BTreeMap<(String, String), (usize, usize)> = BTreeMap::new();
    let mut taken: HashSet<(usize, usize, String)> = HashSet::new();
    for record in reader.records() {
        let record = record.map_err(failed)?;
        let line = record.position().map_or(0, csv::Position::line);
        let value = |column: Option<usize>| column.and_then(|column| record.get(column)).filter(|text| !missing(text));
        let wrong = |column, rule, value: Option<&str>| CollusionError::Value {
            path: path.to_owned(),
            line,
            column,
            rule,
            value: value.unwrap_or_default().to_owned(),
        };
        let id = value(Some(tender)).ok_or_else(|| wrong("Tender", "given", None))?;
        let set = value(dataset).map(plain).unwrap_or_default().to_owned();
        let label = match value(own) {
            Some(text) => flag(text).ok_or_else(|| wrong("Collusive_competitor_original", "0 or 1", Some(text)))?,
            None => {
                let text = value(derived);
                text.and_then(flag).ok_or_else(|| wrong("Collusive_competitor", "0 or 1", text))?
            }
        };
        let set_place = match sets.iter().position(|one| one.name == named(path, &set)) {
            Some(at) => at,
            None => {
                let sha256 = sha256.clone();
                sets.push(LabelledSet { name: named(path, &set), sha256, tenders: Vec::new(), skipped: 0 });
                sets.len() - 1
            }
        };
        let amount = value(Some(bid)).and_then(|text| text.parse::<f64>().ok());
        let Some(amount) = amount.filter(|amount| amount.is_finite() && *amount > 0.0) else {
            sets[set_place].skipped += 1;
            continue;
        };
        let (_, at) = *known.entry((set, plain(id).to_owned())).or_insert_with(|| {
            let tenders = &mut sets[set_place].tenders;
            tenders.push(Tender { id: plain(id).to_owned(), collusive: false, bids: Vec::new() });
            (set_place, tenders.len() - 1)
        });
        let found = &mut sets[set_place].tenders[at];
        found.collusive |= label;
        let group = value(consortium).map(plain).filter(|group| *group != "0");
        if group.is_none_or(|group| taken.insert((set_place, at, group.to_owned()))) {
            found.bids.push(amount);
        }
    }
    Ok(sets)
}

fn named(path: &Path, set: &str) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = stem.strip_prefix("DB_Collusion_").unwrap_or(&stem);
    let name = name.strip_suffix("_processed").unwrap_or(name);
    if set.is_empty() { name.to_owned() } else { format!("{name}/{set}") }
}

/// A whole number as such, even if it was written with decimals.
fn plain(number: &str) -> &str {
    number.strip_suffix(".0").unwrap_or(number)
}

fn missing(text: &str) -> bool {
    ["", "na", "nan"].iter().any(|none| text.eq_ignore_ascii_case(none))
}

fn flag(text: &str) -> Option<bool> {
    match plain(text) {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<LabelledSet>, CollusionError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("DB_Collusion_Nowhere_processed.csv");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn columns_by_name_and_the_bidders_own_label() {
        let text = "Number_bids,Collusive_competitor,Bid_value,Tender,Collusive_competitor_original\n\
                    9,1,10.5,7,0.0\n9,1,11,7.0,1.0\n9,1,12,8,0\n";
        let sets = of(text).unwrap();
        assert_eq!((sets.len(), sets[0].name.as_str(), sets[0].skipped), (1, "Nowhere", 0));
        let tender = |id: &str, collusive, bids: &[f64]| Tender { id: id.to_owned(), collusive, bids: bids.to_vec() };
        assert_eq!(sets[0].tenders, [tender("7", true, &[10.5, 11.0]), tender("8", false, &[12.0])]);
    }

    #[test]
    fn a_consortium_bids_once() {
        let text = "Bid_value,Collusive_competitor,Consortium,Tender\n\
                    100,1.0,1.0,1\n100,1.0,1.0,1\n100,1.0,0.0,1\n100,1.0,0.0,1\n120,1.0,2.0,1\n100,0,1,2\n";
        let sets = of(text).unwrap();
        assert_eq!(sets[0].tenders[0].bids, [100.0, 100.0, 100.0, 120.0]);
        assert_eq!(sets[0].tenders[1].bids, [100.0]);
    }

    #[test]
    fn several_sets_in_a_file() {
        let sets = of("Bid_value,Tender,Collusive_competitor,Dataset\n1,1,0,0\n2,1,1,3.0\n").unwrap();
        assert_eq!(sets.iter().map(|set| set.name.as_str()).collect::<Vec<_>>(), ["Nowhere/0", "Nowhere/3"]);
        assert_eq!((sets[0].tenders[0].collusive, sets[1].tenders[0].collusive), (false, true));
    }

    #[test]
    fn bids_that_are_none_are_counted() {
        let sets = of("Bid_value,Tender,Collusive_competitor\n0,1,0\nNA,1,0\n-5,1,1\n,1,0\n5,1,0\n").unwrap();
        assert_eq!((sets[0].skipped, sets[0].tenders[0].bids.len()), (4, 1));
    }

    #[test]
    fn a_label_that_is_missing_is_that_of_the_other_column() {
        let text = "Bid_value,Tender,Collusive_competitor_original,Collusive_competitor\n1,1,,1\n1,2,NaN,0\n";
        let sets = of(text).unwrap();
        assert_eq!((sets[0].tenders[0].collusive, sets[0].tenders[1].collusive), (true, false));
    }

    #[test]
    fn names_in_any_encoding() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        std::fs::write(&path, b"\xef\xbb\xbfTender,Bid_value,Name,Collusive_competitor\n1,2,\x83\x51\xe9,1\n").unwrap();
        let sets = read(&path).unwrap();
        assert_eq!((sets[0].name.as_str(), sets[0].tenders[0].bids.as_slice()), ("x", [2.0].as_slice()));
    }

    #[test]
    fn errors_name_column_rule_and_value() {
        let said = |text| of(text).unwrap_err().to_string();
        assert!(said("Bid_value,Collusive_competitor\n1,0\n").ends_with("column Tender is missing"));
        assert!(said("Tender,Collusive_competitor\n1,0\n").ends_with("column Bid_value is missing"));
        assert!(said("Tender,Bid_value\n1,2\n").contains("Collusive_competitor_original or Collusive_competitor"));
        let wrong = said("Tender,Bid_value,Collusive_competitor\n1,2,0\n1,2,yes\n");
        assert!(wrong.ends_with("line 3: Collusive_competitor must be 0 or 1, got \"yes\""), "{wrong}");
    }

    #[test]
    fn directories() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(files(&[dir.path().to_owned()]), Err(CollusionError::Empty(_))));
        for name in ["b.csv", "a.CSV", "c.txt"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let found = files(&[dir.path().to_owned()]).unwrap();
        assert_eq!(found, [dir.path().join("a.CSV"), dir.path().join("b.csv")]);
    }
}
