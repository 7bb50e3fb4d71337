//! Cardinal's commands on the real binary: against the definitions in Python, on published files, as a user calls them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::skip;

fn cardinal(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cidadao"));
    command.arg("cardinal").args(arguments);
    command
}

#[track_caller]
fn run(directory: &Path, arguments: &[&str]) -> Output {
    cardinal(arguments).current_dir(directory).stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn ok(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}: {stderr}", output.status);
    (stdout, stderr)
}

#[test]
fn indicators_are_those_of_the_definitions() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cardinal/differential.py");
    let output = Command::new("python3").arg(&script).arg(env!("CARGO_BIN_EXE_cidadao")).output();
    let Ok(output) = output else {
        skip("python3");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("0 differences"), "{text}");
}

const SETTINGS: &str = "[R003]\n[R018]\n[R024]\n[R025]\n[R028]\n[R030]\n[R035]\n[R036]\n[R038]\n[R048]\n[R058]\n";

/// Every release of a file of publishers: of a package, of a record, or itself.
fn releases(value: Value, out: &mut Vec<Value>) {
    match value {
        Value::Object(mut object) => {
            for key in ["releases", "records"] {
                if let Some(Value::Array(all)) = object.remove(key) {
                    all.into_iter().for_each(|value| releases(value, out));
                }
            }
            match object.remove("compiledRelease") {
                Some(compiled) => releases(compiled, out),
                None if object.contains_key("ocid") => out.push(Value::Object(object)),
                None => {}
            }
        }
        Value::Array(all) => all.into_iter().for_each(|value| releases(value, out)),
        _ => {}
    }
}

fn json_files(directory: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            json_files(&path, out);
        } else if path.extension().is_some_and(|ending| ending == "json") {
            out.push(path);
        }
    }
}

#[test]
fn published_releases_give_what_the_definitions_give() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = root.join("../shared/data/ocds");
    let mut files = Vec::new();
    json_files(&data, &mut files);
    if files.is_empty() {
        eprintln!("skipped: {} has no published OCDS files", data.display());
        return;
    }
    files.sort();
    let directory = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for file in &files {
        // A few downloads broke off: they are empty.
        let bytes = std::fs::read(file).unwrap();
        if !bytes.is_empty() {
            releases(serde_json::from_slice(&bytes).unwrap(), &mut all);
        }
    }
    let lines: Vec<String> = all.iter().map(Value::to_string).collect();
    assert!(lines.len() > 20, "{} releases of {} files", lines.len(), files.len());
    std::fs::write(directory.path().join("raw.jsonl"), lines.join("\n")).unwrap();
    let ini = "[defaults]\nbid_status = valid\naward_status = active\ncurrency = USD\n".to_owned() + SETTINGS;
    std::fs::write(directory.path().join("settings.ini"), ini).unwrap();
    let prepare = ["prepare", "-s", "settings.ini", "-o", "data.jsonl", "-e", "errors.csv", "raw.jsonl"];
    let (_, told) = ok(&run(directory.path(), &prepare));
    assert_eq!(told, "", "published releases are objects");
    let prepared = std::fs::read_to_string(directory.path().join("data.jsonl")).unwrap();
    assert_eq!(prepared.lines().count(), lines.len());
    let coverage: Value = serde_json::from_str(&ok(&run(directory.path(), &["coverage", "raw.jsonl"])).0).unwrap();
    assert_eq!(coverage[""], lines.len());
    assert_eq!(coverage["/ocid"], lines.len());
    let (ours, _) = ok(&run(directory.path(), &["indicators", "-s", "settings.ini", "--map", "data.jsonl"]));
    let reference = Command::new("python3")
        .arg(root.join("tests/cardinal/reference.py"))
        .args(["settings.ini", "data.jsonl"])
        .current_dir(directory.path())
        .output();
    let Ok(reference) = reference else {
        skip("python3");
        return;
    };
    let (theirs, _) = ok(&reference);
    let [ours, theirs] = [ours, theirs].map(|text| serde_json::from_str::<Value>(&text).unwrap());
    assert!(ours["Meta"]["R048"].is_object());
    assert_eq!(ours, theirs);
}

const SHORT: &str =
    r#"{"ocid":"o","tender":{"tenderPeriod":{"startDate":"2024-01-01T00:00:00Z","endDate":"2024-01-02T00:00:00Z"}}}"#;

#[test]
fn indicators_print_what_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("s.ini"), "[R003]\n").unwrap();
    std::fs::write(directory.path().join("d.jsonl"), format!("{SHORT}\n\n{{\n{SHORT}\n")).unwrap();
    let of = |arguments: &[&str]| {
        let (stdout, stderr) = ok(&run(directory.path(), &[&["indicators"], arguments].concat()));
        (serde_json::from_str::<Value>(&stdout).unwrap(), stderr)
    };
    let (results, told) = of(&["-s", "s.ini", "d.jsonl"]);
    assert_eq!(results, json!({"OCID": {"o": {"R003": 1.0}}, "Meta": {}}));
    assert!(
        told.starts_with("warning: line 3 was left out: it is not valid JSON") && told.lines().count() == 1,
        "{told}"
    );
    let (results, told) = of(&["--settings", "s", "--no-meta", "--count", "d.jsonl"]);
    assert_eq!(results, json!({"OCID": {"o": {"R003": 1.0}}}));
    assert!(told.ends_with("OCID: 1\n"), "{told}");
    let (results, _) = of(&["-s", "s.ini", "--map", "d.jsonl"]);
    assert_eq!(results["Maps"].as_object().unwrap().len(), 8);
    assert_eq!(of(&["d.jsonl"]).0, json!({"Meta": {}}), "without settings no indicator runs");
}

#[test]
fn prepare_never_writes_into_what_it_reads() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("s.ini"), "[R003]\n").unwrap();
    std::fs::write(at("d.jsonl"), SHORT).unwrap();
    std::fs::hard_link(at("d.jsonl"), at("hard.jsonl")).unwrap();
    std::os::unix::fs::symlink("d.jsonl", at("soft.jsonl")).unwrap();
    let refused = |output: &Output, words: &str| {
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && told.contains(words), "{words}: {} {told}", output.status);
        assert_eq!(std::fs::read_to_string(at("d.jsonl")).unwrap(), SHORT);
        assert_eq!(std::fs::read_to_string(at("s.ini")).unwrap(), "[R003]\n");
    };
    for (written, errors, words) in [
        ("d.jsonl", "e.csv", "d.jsonl: is an input as well (d.jsonl)"),
        ("./d.jsonl", "e.csv", "is an input"),
        ("hard.jsonl", "e.csv", "hard.jsonl: is an input as well (d.jsonl)"),
        ("soft.jsonl", "e.csv", "is an input"),
        ("o.jsonl", "hard.jsonl", "is an input"),
        ("o.jsonl", "s.ini", "s.ini: is an input"),
        ("s.ini", "e.csv", "s.ini: is an input"),
        ("both", "both", "both: gets the releases"),
    ] {
        let arguments = ["prepare", "-s", "s", "-o", written, "-e", errors, "d.jsonl"];
        refused(&run(directory.path(), &arguments), words);
    }
    let read = std::fs::File::open(at("soft.jsonl")).unwrap();
    let mut command = cardinal(&["prepare", "-o", "d.jsonl", "-e", "e.csv", "-"]);
    refused(&command.current_dir(directory.path()).stdin(read).output().unwrap(), "is an input");
    // What is no file may get both.
    ok(&run(directory.path(), &["prepare", "-o", "/dev/null", "-e", "/dev/null", "d.jsonl"]));
    let (told, _) = ok(&run(directory.path(), &["prepare", "-o", "-", "-e", "-", "d.jsonl"]));
    assert!(told.starts_with(r#"{"ocid":"o""#), "{told}");
}

#[test]
fn standard_input_is_a_file_too() {
    use std::io::Write as _;
    let mut child = cardinal(&["coverage", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"a\":[1,2]}\n").unwrap();
    let (stdout, _) = ok(&child.wait_with_output().unwrap());
    assert_eq!(stdout, "{\"\":1,\"/\":1,\"/a\":1,\"/a[]\":2}\n");
}

#[test]
fn bad_arguments_have_status_2_and_name_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("s.ini"), "[R024]\ntreshold = 1\n").unwrap();
    std::fs::write(directory.path().join("d.jsonl"), SHORT).unwrap();
    for (arguments, message) in [
        (&["indicators", "-s", "s.ini", "d.jsonl"][..], "[R024] treshold: no such setting"),
        (&["indicators", "-s", "none.ini", "d.jsonl"], "none.ini"),
        (&["indicators", "none.jsonl"], "none.jsonl"),
        (&["coverage", "."], "is a directory"),
        (&["indicators", "--nonsense", "d.jsonl"], "--nonsense"),
        (&["prepare", "d.jsonl"], "--output"),
        (&["nonsense"], "nonsense"),
        (&[], "Usage"),
    ] {
        let output = run(directory.path(), arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(message), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn init_writes_settings_that_the_commands_take() {
    let directory = tempfile::tempdir().unwrap();
    let (stdout, _) = ok(&run(directory.path(), &["init", "settings.ini"]));
    assert_eq!(stdout, "Settings written to settings.ini.\n");
    let written = std::fs::read_to_string(directory.path().join("settings.ini")).unwrap();
    assert_eq!(ok(&run(directory.path(), &["init", "-"])).0.trim_end(), written.trim_end());
    std::fs::write(directory.path().join("d.jsonl"), SHORT).unwrap();
    let (stdout, _) = ok(&run(directory.path(), &["indicators", "-s", "settings.ini", "d.jsonl"]));
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["OCID"], json!({"o": {"R003": 1.0}}));
    std::fs::write(directory.path().join("settings.ini"), "mine").unwrap();
    assert_eq!(run(directory.path(), &["init", "settings.ini"]).status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(directory.path().join("settings.ini")).unwrap(), "mine");
    ok(&run(directory.path(), &["init", "--force", "settings.ini"]));
    assert_eq!(std::fs::read_to_string(directory.path().join("settings.ini")).unwrap(), written);
}

#[test]
fn help_tells_of_the_commands() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [&["--help"][..], &["help"], &["-h"]] {
        let (stdout, _) = ok(&run(directory.path(), arguments));
        for command in ["indicators", "coverage", "prepare", "init"] {
            assert!(stdout.contains(command), "{arguments:?}: {stdout}");
        }
    }
}
