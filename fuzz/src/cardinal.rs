//! The mode of Cardinal: settings, and JSON Lines of compiled releases. A line `%%` parts the one from the others.

use std::num::NonZero;

use cidadao::cardinal::{Effort, Notice, Settings, TEMPLATE, coverage, indicators, prepare};
use serde_json::Value;

fn effort(threads: usize, block: usize) -> Effort {
    let some = |number| NonZero::new(number).unwrap_or(NonZero::<usize>::MIN);
    Effort { threads: some(threads), block: some(block) }
}

pub(crate) fn run(data: &[u8]) {
    let mark = b"\n%%\n";
    let (ini, lines) = match data.windows(mark.len()).position(|some| some == mark) {
        Some(at) => (String::from_utf8_lossy(&data[..at]).into_owned(), &data[at + mark.len()..]),
        None => (TEMPLATE.to_owned(), data),
    };
    let settings = match Settings::parse(&ini) {
        Ok(settings) => {
            assert_eq!(Settings::parse(&ini).as_ref(), Ok(&settings));
            settings
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            Settings::parse(TEMPLATE).expect("the template is good")
        }
    };
    let bad = check_lines(lines);
    let mut notices = Vec::new();
    let one =
        indicators(lines, &settings, true, effort(1, 1 << 20), |notice| notices.push(notice)).expect("memory is read");
    let told = notices.iter().filter(|notice| matches!(notice, Notice::Line { .. })).count();
    assert_eq!(told, bad, "every bad line is told");
    let mut other = Vec::new();
    let many = indicators(lines, &settings, true, effort(3, 16), |notice| other.push(notice)).expect("memory is read");
    let json = |results| serde_json::to_string(results).expect("results are JSON");
    assert_eq!(json(&one), json(&many), "results do not depend on blocks");
    assert_eq!(notices, other);
    let paths = coverage(lines, effort(1, 1 << 20), |_| ()).expect("memory is read");
    assert_eq!(paths, coverage(lines, effort(3, 16), |_| ()).expect("memory is read"));
    check_prepared(&settings, lines);
}

/// Lines that are no JSON, which the scanner and serde_json must agree on.
fn check_lines(lines: &[u8]) -> usize {
    let blank = |line: &[u8]| line.iter().all(u8::is_ascii_whitespace);
    let all = lines.split(|byte| *byte == b'\n').filter(|line| !blank(line));
    all.filter(|line| match serde_json::from_slice::<Value>(line) {
        Ok(_) => false,
        // The scanner reads numbers of any size, and what else is on the line may be wrong still.
        Err(error) if error.to_string().starts_with("number out of range") => {
            let mut told = 0;
            let count = coverage(*line, effort(1, 1 << 20), |_| told += 1);
            count.is_ok() && told > 0
        }
        Err(_) => true,
    })
    .count()
}

/// What is prepared is a line for each object, each of which is JSON and is prepared to the same again.
fn check_prepared(settings: &Settings, lines: &[u8]) {
    let run = |lines: &[u8], effort| {
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        prepare(lines, settings, &mut out, &mut errors, effort, |_| ()).expect("memory is read and written");
        (out, errors)
    };
    let (out, errors) = run(lines, effort(1, 1 << 20));
    assert_eq!((out.clone(), errors), run(lines, effort(3, 16)), "what is prepared does not depend on blocks");
    for line in out.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").expect("every line ends");
        match serde_json::from_slice::<Value>(line) {
            Ok(value) => assert!(value.is_object()),
            Err(error) => assert!(error.to_string().starts_with("number out of range"), "{error}"),
        }
    }
}
