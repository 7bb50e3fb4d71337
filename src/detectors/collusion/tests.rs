//! The screens against their reference in Python, and the score against the documented figures, on proven
//! cartels, where the files are at hand.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::evaluation::evaluate;
use super::{Model, Screens, labelled};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn files() -> Option<Vec<PathBuf>> {
    let directory = Path::new(ROOT).join("../shared/data/collusion");
    if directory.is_dir() {
        return Some(labelled::files(&[directory]).unwrap());
    }
    println!("skipped: {} is not there", directory.display());
    None
}

#[test]
fn equal_to_the_reference_in_python() {
    let Some(files) = files() else { return };
    let script = Path::new(ROOT).join("tools/collusion/screens.py");
    let output = match Command::new("python3").arg("-B").arg(&script).args(&files).output() {
        Ok(output) => output,
        Err(error) => {
            println!("skipped: python3 cannot be run: {error}");
            return;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let names: Vec<String> = reader.headers().unwrap().iter().skip(4).map(str::to_owned).collect();
    assert_eq!(names, Screens::ALL.map(|screen| screen.name));
    let mut rows = reader.records();
    let mut compared = 0;
    for set in files.iter().flat_map(|file| labelled::read(file).unwrap()) {
        for tender in &set.tenders {
            let Some(screens) = Screens::of(&tender.bids) else { continue };
            let row = rows.next().expect("as many tenders").unwrap();
            let label = if tender.collusive { "1" } else { "0" };
            assert_eq!((&row[1], &row[2], &row[3]), (set.name.as_str(), tender.id.as_str(), label));
            for ((value, wanted), name) in screens.values().iter().zip(row.iter().skip(4)).zip(&names) {
                let wanted: Option<f64> = (!wanted.is_empty()).then(|| wanted.parse().unwrap());
                let equal = match (value, wanted) {
                    (Some(value), Some(wanted)) => (value - wanted).abs() <= 1e-9 * wanted.abs().max(1.0),
                    (value, wanted) => *value == wanted,
                };
                assert!(equal, "{name} of tender {} of {}: {value:?} is not {wanted:?}", tender.id, set.name);
                compared += 1;
            }
        }
    }
    assert!(rows.next().is_none(), "the reference knows more tenders");
    assert!(compared > 90_000, "only {compared} values were compared");
}

/// The figures of docs/collusion.md: set, tenders, low CV, score.
const DOCUMENTED: [(&str, usize, f64, f64); 4] = [
    ("America", 917, 0.4568, 0.4706),
    ("Brazil", 100, 0.8998, 0.9049),
    ("Switzerland_GR_and_See-Gaster", 3812, 0.5253, 0.5295),
    ("Switzerland_Ticino", 210, 0.8245, 0.8926),
];

#[test]
fn no_worse_than_documented_on_countries_that_were_held_out() {
    let Some(files) = files() else { return };
    let model = Model::builtin().unwrap();
    let documentation = std::fs::read_to_string(Path::new(ROOT).join("docs/collusion.md")).unwrap();
    for (name, tenders, baseline, score) in DOCUMENTED {
        let row = documentation.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap();
        assert!(row.contains(&format!("| {baseline:.4} | {score:.4} ")), "docs/collusion.md says otherwise: {row}");
        let sets = files.iter().flat_map(|file| labelled::read(file).unwrap());
        let set = sets.into_iter().find(|set| set.name == name).unwrap();
        let found = evaluate(model, &set);
        assert!(found.held_out, "the file of {name} is not the one that the model was trained on");
        let (area, base) = (found.model.unwrap().value, found.baseline.unwrap());
        assert_eq!(found.tenders, tenders);
        assert!((base - baseline).abs() < 1e-4, "{name}: the baseline is {base}");
        assert!(area > score - 0.001, "{name}: {area} is below the documented {score}");
        assert!(area > base, "{name}: {area} is no better than a low CV with {base}");
        let fold = model.leave_one_out.iter().find(|fold| fold.set == name).unwrap();
        assert!((fold.auc - area).abs() < 1e-9 && (fold.baseline_auc - base).abs() < 1e-9, "{name}: {fold:?}");
    }
}

#[test]
fn the_documentation_has_the_calibration_of_the_model() {
    let documentation = std::fs::read_to_string(Path::new(ROOT).join("docs/collusion.md")).unwrap();
    for bin in &Model::builtin().unwrap().reliability {
        let row = format!("| {} | {:.3} | {:.3} |", bin.tenders, bin.said, bin.seen);
        assert!(documentation.contains(&row), "docs/collusion.md lacks {row}");
    }
}
