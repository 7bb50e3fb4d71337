use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::reference::{self, Contract, Judgement, Key};
use super::*;
use crate::model::{TaxIdCheck, TaxIdKind, check_tax_id, fold};

const FILES: [&str; 6] = [
    "202401_Apostilamento.csv",
    "202401_Compras.csv",
    "202401_ItemCompra.csv",
    "202401_TermoAditivo.csv",
    "README.txt",
    "labels.csv",
];

fn sample(rows: u64, seed: u64) -> (tempfile::TempDir, SampleSummary) {
    let directory = tempfile::tempdir().unwrap();
    let options = SampleOptions { rows, seed, out: directory.path().to_owned() };
    let summary = generate(&options, &|_| ()).unwrap();
    (directory, summary)
}

fn judge(contracts: &[Contract]) -> BTreeMap<&'static str, Vec<Judgement>> {
    BTreeMap::from([
        ("amendment_cap", reference::amendment_cap(contracts)),
        ("splitting_sum", reference::splitting(contracts)),
        ("supplier_share_of_buyer", reference::share(contracts)),
        ("contract_value_outlier", reference::outlier(contracts)),
        ("high_value_direct_award", reference::direct_award(contracts)),
        ("invalid_tax_id", reference::tax_id(contracts)),
    ])
}

/// Every detector's plain definition, run on the files, fires on exactly what the labels say, with
/// the severity that they say, and answers every near miss as they say.
fn assert_labels_hold(rows: u64, seed: u64) {
    let (directory, summary) = sample(rows, seed);
    let (contracts, labels) = reference::read(directory.path());
    assert_eq!(contracts.len() as u64, rows);
    assert_eq!(summary.contracts, rows);
    // detector, expected, group -> note, contracts
    let mut groups: BTreeMap<(&str, &str, &str), (BTreeSet<&str>, BTreeSet<Key>)> = BTreeMap::new();
    for label in &labels {
        let key = (label.detector.as_str(), label.expected.as_str(), label.group.as_str());
        let entry = groups.entry(key).or_default();
        entry.0.insert(&label.note);
        assert!(entry.1.insert(label.contract.clone()), "{} twice", label.group);
    }
    for (detector, judgements) in judge(&contracts) {
        let at = format!("{detector}, {rows} rows, seed {seed}");
        let fired: BTreeSet<(BTreeSet<Key>, String)> = judgements
            .iter()
            .filter(|judgement| judgement.outcome == "fired")
            .map(|judgement| (judgement.contracts.clone(), judgement.note.clone()))
            .collect();
        let of_detector = || groups.iter().filter(move |((name, ..), _)| *name == detector);
        let expected: BTreeSet<(BTreeSet<Key>, String)> = of_detector()
            .filter(|((_, expected, _), _)| *expected == "fired")
            .map(|(_, (notes, contracts))| (contracts.clone(), notes.iter().copied().collect()))
            .collect();
        let missed: Vec<_> = expected.difference(&fired).collect();
        let wrong: Vec<_> = fired.difference(&expected).collect();
        assert!(missed.is_empty() && wrong.is_empty(), "{at}: labelled only {missed:?}, fired only {wrong:?}");
        for ((_, outcome, group), (notes, contracts)) in of_detector() {
            let count = summary.labels[detector][*outcome];
            assert!(count.rows >= count.subjects && count.subjects > 0);
            match *outcome {
                "fired" => (),
                "not_evaluable" => {
                    let found = judgements.iter().any(|judgement| {
                        judgement.outcome == "not_evaluable"
                            && judgement.contracts == *contracts
                            && notes.contains(judgement.note.as_str())
                    });
                    assert!(found, "{at}: {group} {notes:?}");
                }
                _ => {
                    let other = judgements
                        .iter()
                        .find(|judgement| judgement.outcome != "clear" && !judgement.contracts.is_disjoint(contracts));
                    assert_eq!(other, None, "{at}: {group}");
                }
            }
        }
        let subjects: u64 = summary.labels.get(detector).map_or(0, |by| by.values().map(|c| c.subjects).sum());
        assert_eq!(subjects, of_detector().count() as u64, "{at}");
    }
}

#[test]
fn labels_hold_in_small_samples() {
    for (rows, seed) in [(0, 1), (1, 1), (9, 1), (39, 2), (40, 1), (41, 7), (77, 3), (150, 4), (200, 5), (333, 6)] {
        assert_labels_hold(rows, seed);
    }
}

#[test]
fn labels_hold_in_samples_of_a_thousand() {
    for (rows, seed) in [(999, 1), (1_000, 1), (1_000, 2), (1_000, u64::MAX), (1_999, 3), (2_000, 4)] {
        assert_labels_hold(rows, seed);
    }
}

#[test]
fn labels_hold_in_larger_samples() {
    for (rows, seed) in [(5_000, 1), (5_000, 42), (20_000, 7)] {
        assert_labels_hold(rows, seed);
    }
}
