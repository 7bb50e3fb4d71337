//! What is planted in the samples is found by the real binary, and nothing else, in both layouts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::binary::{cidadao, json, ok};

/// By detector and by what is labelled: severities.
type Severities = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

fn sample(data: &Path, arguments: &[&str]) -> std::path::PathBuf {
    let directory = data.join("sample");
    ok(&cidadao(data).arg("sample").args(arguments).arg("--out").arg(&directory).output().unwrap());
    directory
}

/// What labels expect to fire: `<unit>/<number>` or the id of a process, with the severities that may be.
fn labels(directory: &Path) -> Severities {
    let mut all = Severities::new();
    let mut reader = csv::Reader::from_path(directory.join("labels.csv")).unwrap();
    for record in reader.deserialize::<BTreeMap<String, String>>() {
        let record = record.unwrap();
        let key = match record.get("ocid") {
            Some(ocid) => ocid.clone(),
            None => format!("{}/{}", record["buyer_id"], record["contract_number"]),
        };
        if record["expected"] == "fired" {
            let of = all.entry(record["detector"].clone()).or_default().entry(key).or_default();
            of.extend(record["note"].split(['=', '_']).map(str::to_owned));
        }
    }
    all
}

/// What every detector finds, those that run on request only as well: one import for all.
fn findings(data: &Path, directory: &Path) -> Severities {
    let catalogue = json(&cidadao(data).args(["detectors", "list", "--output", "json"]).output().unwrap());
    let ids: Vec<&str> = catalogue.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    let mut detect = cidadao(data);
    detect.args(["detect", "--output", "json", "--only", &ids.join(",")]).arg(directory);
    let run = json(&detect.output().unwrap());
    assert_eq!((ids.len(), run["detectors"].as_array().unwrap().len()), (38, 38));
    let mut found = Severities::new();
    for finding in run["findings"].as_array().unwrap() {
        let contracts: Vec<&Value> = finding["contract_ids"].as_array().unwrap().iter().collect();
        let rows = finding["evidence"]["rows"].as_array().unwrap().iter();
        let tenders = rows.filter(|row| row["table"] == "tenders").map(|row| &row["id"]);
        let about: Vec<&Value> = if contracts.is_empty() { tenders.collect() } else { contracts };
        assert!(!about.is_empty(), "{finding}");
        let of = found.entry(finding["type"].as_str().unwrap().to_owned()).or_default();
        for id in about {
            let id = id.as_str().unwrap();
            let parts: Vec<&str> = id.split('-').collect();
            // portal-<unit>-<number>-…, else an id of three parts and what is added to it.
            let key = match parts[0] {
                "portal" => format!("{}/{}", parts[1], parts[2]),
                _ => parts[..3].join("-"),
            };
            of.entry(key).or_default().insert(finding["severity"].as_str().unwrap().to_owned());
        }
    }
    found
}

/// Recall and precision of each detector.
#[track_caller]
fn compare(planted: &Severities, found: &Severities) {
    for (detector, found) in found {
        let some: Vec<_> = found.iter().take(3).collect();
        assert!(planted.contains_key(detector), "{detector} found what is not labelled: {some:?}");
    }
    for (detector, planted) in planted {
        let found = found.get(detector).cloned().unwrap_or_default();
        let missed: Vec<_> = planted.keys().filter(|key| !found.contains_key(*key)).collect();
        assert!(missed.is_empty(), "{detector}: recall below 1.0, {} missed: {:?}", missed.len(), &missed[..1]);
        let wrong: Vec<_> = found.keys().filter(|key| !planted.contains_key(*key)).collect();
        let precision = planted.len() as f64 / found.len() as f64;
        assert!(precision >= 0.95, "{detector}: precision {precision}, wrong {:?}", wrong.first());
        for (key, may_be) in planted {
            assert!(!may_be.is_disjoint(&found[key]), "{detector}, {key}: {may_be:?} planted, {:?} found", found[key]);
        }
        eprintln!("{detector}: {} planted, precision {precision:.4}", planted.len());
    }
}

#[test]
fn red_flags_of_the_portal_are_found_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    // The fewest contracts that have a case of everything.
    let directory = sample(data.path(), &["--rows", "20000", "--seed", "7"]);
    let planted = labels(&directory);
    // The files have no classes of items, no amounts of bids and no notices, so that eight detectors can find nothing
    // in them, and commitments are no payments.
    assert_eq!(planted.len(), 29, "what the files can hold is planted: {:?}", planted.keys());
    compare(&planted, &findings(data.path(), &directory));
}

#[test]
fn red_flags_of_ocds_are_found_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let directory = sample(data.path(), &["--format", "ocds", "--rows", "4000", "--seed", "5"]);
    let planted = labels(&directory);
    assert_eq!(planted.len(), 12, "what is asked of tenders and bids, and payments: {:?}", planted.keys());
    compare(&planted, &findings(data.path(), &directory));
}
