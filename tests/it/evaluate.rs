//! `cidadao evaluate` from outside.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn collusion(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cidadao")).args(["evaluate", "collusion"]).args(arguments).output().unwrap()
}

const FILE: &str = "Number_bids,Bid_value,Tender,Collusive_competitor\n\
                    3,100,1,1\n3,103,1,1\n3,103.5,1,1\n3,100,2,0\n3,130,2,0\n3,190,2,0\n1,5,3,0\n1,x,4,0\n";

#[test]
fn a_set_that_the_model_has_not_seen() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("DB_Collusion_Nowhere_processed.csv"), FILE).unwrap();
    let path = directory.path().to_str().unwrap();
    let output = collusion(&[path, "--output", "json", "--tenders"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let set = &found["sets"][0];
    assert_eq!(
        (set["set"].as_str(), set["tenders"].as_u64(), set["collusive"].as_u64()),
        (Some("Nowhere"), Some(2), Some(1))
    );
    assert_eq!((set["too_few_bids"].as_u64(), set["skipped_rows"].as_u64()), (Some(1), Some(1)));
    assert_eq!((set["held_out"].as_bool(), set["baseline"].as_f64()), (Some(false), Some(1.0)));
    assert_eq!(set["model"]["value"].as_f64(), Some(1.0));
    let scores = set["scores"].as_array().unwrap();
    assert!(scores[0]["score"].as_f64() > scores[1]["score"].as_f64(), "{scores:?}");

    let output = collusion(&[path]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("Nowhere") && table.contains("1.0000") && table.contains("new"), "{table}");
}

#[test]
fn what_is_no_labelled_set_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("other.csv");
    std::fs::write(&file, "Tender,Bid_value\n1,2\n").unwrap();
    let output = collusion(&[file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("other.csv: column Collusive_competitor_original or Collusive_competitor is missing"),
        "{said}"
    );
    let output = collusion(&[directory.path().join("absent.csv").to_str().unwrap()]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("absent.csv"));
}

#[test]
fn better_than_a_low_cv_on_every_country_held_out() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/collusion");
    if !data.is_dir() {
        println!("skipped: {} is not there", data.display());
        return;
    }
    let output = collusion(&[data.to_str().unwrap(), "--output", "json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sets = found["sets"].as_array().unwrap();
    assert_eq!(sets.len(), 4);
    for set in sets {
        let (score, baseline) = (set["model"]["value"].as_f64().unwrap(), set["baseline"].as_f64().unwrap());
        assert!(set["held_out"].as_bool().unwrap() && score > baseline, "{set}");
    }
}

/// The tables of `docs/detectors.md` that quote the figures: detector, planted, found, precision, recall, base rate.
fn quoted() -> Vec<Vec<[String; 6]>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/detectors.md");
    let page = std::fs::read_to_string(path).unwrap();
    let section = page.split("## What was planted").nth(1).expect("the section of the figures");
    let section = section.split("\n## ").next().unwrap();
    let tables = section.split("\n| ---").skip(1);
    let rows = |table: &str| {
        let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
        rows.map(|line| {
            let cells: Vec<_> =
                line.trim_matches('|').split('|').map(|cell| cell.trim().replace(['`', ','], "")).collect();
            cells.try_into().expect("six columns")
        })
        .collect()
    };
    tables.map(rows).collect()
}

/// Holds the figures of a sample against a table of the page.
fn no_figure_falls(arguments: &[&str], quoted: &[[String; 6]]) {
    let directory = tempfile::tempdir().unwrap();
    let sample = directory.path().join("sample");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cidadao"));
        let output = command.args(arguments).arg(&sample).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    run(&[&["sample", "--seed", "1"][..], arguments, &["--out"]].concat());
    let found: Value = serde_json::from_slice(&run(&["--output", "json", "evaluate", "sample"])).unwrap();
    let figures = found["detectors"].as_array().unwrap();
    for row in quoted {
        assert!(figures.iter().any(|one| one["detector"] == row[0].as_str()), "{row:?} did not run");
    }
    for one in figures {
        let told = format!("{one} in {quoted:?}");
        let Some([_, planted, _, precision, recall, _]) = quoted.iter().find(|row| one["detector"] == row[0].as_str())
        else {
            assert_eq!(
                (&one["planted"], &one["found"]),
                (&Value::from(0), &Value::from(0)),
                "the page is silent about {one}"
            );
            continue;
        };
        assert!(one["planted"].as_u64().unwrap() >= planted.parse().unwrap(), "{told}");
        for (name, quoted) in [("precision", precision), ("recall", recall)] {
            let least = if quoted == "–" { None } else { Some(quoted.parse::<f64>().unwrap()) };
            assert!(one[name].as_f64() >= least, "{name}: {told}");
        }
        assert_eq!(one["near_misses_found"], 0, "{told}");
    }
    let planted: u64 = figures.iter().map(|one| one["planted"].as_u64().unwrap()).sum();
    assert!(planted > 100, "{planted}");
}

#[test]
fn no_figure_of_the_planted_samples_falls_below_what_the_page_quotes() {
    let [portal, ocds] = quoted().try_into().expect("two tables");
    no_figure_falls(&["--rows", "20000"], &portal);
    no_figure_falls(&["--format", "ocds", "--rows", "2000"], &ocds);
}

#[test]
fn a_directory_without_labels_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cidadao"));
    let output = command.args(["evaluate", "sample"]).arg(directory.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("labels.csv"));
}
