//! Lines: what is JSON, in what order, and how it is cut into blocks.

use serde_json::{Value, json};

use super::super::scan::Scanner;
use super::super::tree::Tree;
use super::{award, bid, effort, ids, release, run_text, with};

/// Texts that are JSON or nearly are.
const TEXTS: [&str; 72] = [
    "",
    " ",
    "null",
    "true",
    "false",
    "nul",
    "nulll",
    "truefalse",
    "0",
    "-0",
    "-",
    "01",
    "-01",
    "1.",
    ".5",
    "1.5",
    "1e",
    "1e5",
    "1E+5",
    "1e-5",
    "1e+",
    "1.0e999",
    "123456789012345678901234567890",
    "+1",
    "NaN",
    "Infinity",
    "0x10",
    "1 2",
    "\"\"",
    "\"",
    "\"a",
    "\"\\\"\"",
    "\"\\",
    "\"\\q\"",
    "\"\\u00e9\"",
    "\"\\u00e\"",
    "\"\\u00eg\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "\"\\ud83dx\"",
    "\"\\ud83d\\n\"",
    "\"\\ud83d\\ud83d\"",
    "\"\\ude00\"",
    "\"\u{1}\"",
    "\"\t\"",
    "\"\u{7f}é😀\"",
    "'a'",
    "[]",
    "[",
    "]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1,2",
    "[[],{}]",
    "{}",
    "{",
    "}",
    "{]",
    "[}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\" : 1 , \"b\" : [ null ] }",
    "{\"a\":1}}",
    "{} ,",
    "\u{feff}{}",
    "\u{a0}{}",
    "/* x */ {}",
    "{\"aaaaaaaa\":\"bbbbbbbbbbbbbbbbbbbb\\nccccccccc\",\"\":{\"x\":[1,2.5,-3e4,\"\",{\"y\":null}]}}",
];

#[track_caller]
fn same_as_serde(text: &str) {
    let theirs = serde_json::from_str::<Value>(text);
    let mut scanner = Scanner::new(text);
    let skipped = scanner.skip().and_then(|()| scanner.end());
    // Numbers beyond all doubles are numbers here.
    let huge = theirs.as_ref().is_err_and(|error| error.to_string().contains("number out of range"));
    assert_eq!(skipped.is_ok(), theirs.is_ok() || huge, "skipped: {text}");
    let tree = Tree::read(text);
    assert_eq!(tree.is_ok(), skipped.is_ok(), "read: {text}");
    if let (Ok(tree), Ok(theirs)) = (tree, theirs) {
        let mut out = Vec::new();
        tree.write(&mut out).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), theirs, "written: {text}");
    }
}

#[test]
fn what_is_json_is_what_serde_json_takes() {
    for text in TEXTS {
        same_as_serde(text);
        for around in [["[", "]"], ["{\"k\":", "}"], [" \r\n\t", "\t "], ["[1,{\"x\":", "},2]"], ["{\"", "\":0}"]] {
            same_as_serde(&format!("{}{text}{}", around[0], around[1]));
        }
    }
}

#[test]
fn a_byte_more_or_less_or_another_is_seen() {
    let good = "{\"a\":[1,-2.5e+3,true,null,\"x\\u00e9\\n\"],\"b\":{\"c\":false,\"d\":\"0123456789\"}}";
    for at in 0..good.len() {
        same_as_serde(&format!("{}{}", &good[..at], &good[at + 1..]));
        for byte in ["\"", "\\", ",", ":", "[", "]", "{", "}", "0", "1", "-", ".", "e", " ", "\u{1f}", "x", "é"] {
            same_as_serde(&format!("{}{byte}{}", &good[..at], &good[at..]));
            same_as_serde(&format!("{}{byte}{}", &good[..at], &good[at + 1..]));
        }
    }
}

#[test]
fn arrays_and_objects_lie_in_one_another_to_127() {
    for depth in [1, 64, 126, 127, 128, 129, 1_000, 100_000] {
        same_as_serde(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        same_as_serde(&format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)));
        same_as_serde(&format!("{}{}", "[{\"a\":".repeat(depth), "}]".repeat(depth)));
    }
}

fn late(ocid: &str) -> String {
    json!({"ocid": ocid, "tender": {"tenderPeriod": {"startDate": "2024-01-01T00:00:00Z", "endDate": "2024-01-02T00:00:00Z"}}})
        .to_string()
}

#[test]
fn bad_lines_are_told_and_left_out() {
    let mut text = Vec::new();
    for line in [
        late("a").as_bytes(),
        b"",
        b" \t\r\x0c",
        b"{\"ocid\":",
        late("b").as_bytes(),
        b"\xff\xfe",
        b"[]",
        b"7",
        b"{}",
        b"{\"ocid\":\"x\"} x",
        late("c").as_bytes(),
    ] {
        text.extend_from_slice(line);
        text.extend_from_slice(b"\r\n");
    }
    for (threads, block) in [(1, 1), (1, 1 << 20), (2, 10), (3, 100), (8, 1)] {
        let (results, told) = run_text("[R003]", &text, effort(threads, block));
        assert_eq!(ids(&results, "OCID", "R003"), ["a", "b", "c"]);
        let lines: Vec<_> = told.iter().map(|notice| notice.split(':').next().unwrap()).collect();
        assert_eq!(lines, ["line 4 was left out", "line 6 was left out", "line 10 was left out"]);
        assert!(told[0].contains("not valid JSON: EOF") && told[1].contains("UTF-8"), "{told:?}");
    }
}

#[test]
fn odd_types_are_as_good_as_missing() {
    let good = with(
        release(
            "o",
            &[with(bid("w", "valid", 1.0), "/date", "2025"), bid("b", "disqualified", 0.5), bid("c", "valid", 1.0)],
            &[with(award("w"), "/items", json!([{"classification": {"id": "1"}}]))],
        ),
        "/tender",
        json!({"status": "active", "tenderPeriod": {"startDate": "2024-01-01T00:00:00Z", "endDate": "2024-01-02T00:00:00Z"},
            "numberOfTenderers": 1, "procurementMethod": "open", "procuringEntity": {"id": "p"}}),
    );
    let good = with(good, "/buyer", json!({"id": "b"}));
    let mut pointers = vec![String::new()];
    collect(&good, "", &mut pointers);
    let all = "[R003]\n[R018]\n[R024]\n[R025]\n[R028]\n[R030]\n[R035]\n[R036]\n[R038]\n[R048]\n[R058]";
    for pointer in pointers {
        for odd in [
            json!(null),
            json!(0),
            json!(-1.5),
            json!("x"),
            json!(true),
            json!([]),
            json!({}),
            json!([[]]),
            json!([null, {"id": []}]),
        ] {
            let line = if pointer.is_empty() { odd } else { with(good.clone(), &pointer, odd) };
            let (_, told) = run_text(all, line.to_string().as_bytes(), effort(1, 1_000));
            let told: Vec<_> = told.iter().filter(|notice| !notice.contains("currency")).collect();
            assert!(told.is_empty(), "{pointer}: {told:?}");
        }
    }
}

fn collect(value: &Value, at: &str, pointers: &mut Vec<String>) {
    match value {
        Value::Array(array) => array.iter().enumerate().for_each(|(n, value)| {
            child(value, format!("{at}/{n}"), pointers);
        }),
        Value::Object(object) => object.iter().for_each(|(key, value)| {
            child(value, format!("{at}/{key}"), pointers);
        }),
        _ => {}
    }
}

fn child(value: &Value, at: String, pointers: &mut Vec<String>) {
    collect(value, &at, pointers);
    pointers.push(at);
}

#[test]
fn of_a_key_that_repeats_the_last_counts() {
    let of =
        |line: &str| ids(&run_text("[R018]\nprocurement_methods =", line.as_bytes(), effort(1, 99)).0, "OCID", "R018");
    assert_eq!(of(r#"{"ocid":"a","ocid":"b","tender":{"numberOfTenderers":2,"numberOfTenderers":1}}"#), ["b"]);
    assert!(of(r#"{"ocid":"a","tender":{"numberOfTenderers":1},"tender":{}}"#).is_empty());
    assert!(of(r#"{"ocid":"a","tender":{"numberOfTenderers":1},"tender":null}"#).is_empty());
    assert!(of(r#"{"ocid":"a","ocid":null,"tender":{"numberOfTenderers":1}}"#).is_empty());
    assert_eq!(of(r#"{"\u006fcid":"\u0061","tender":{"numberOfTenderers":1}}"#), ["a"], "escapes are read");
}

#[test]
fn lines_of_one_process_are_taken_together() {
    let two = |first: f64, second: f64| {
        let bids = [bid("w", "valid", 100.0), bid("a", "valid", second)];
        [
            late("o"),
            release("o", &[bid("w", "valid", 100.0), bid("b", "valid", first)], &[award("w")]).to_string(),
            release("o", &bids, &[award("w")]).to_string(),
        ]
        .join("\n")
    };
    for (threads, block) in [(1, 1 << 20), (4, 1)] {
        let (results, _) =
            run_text("[R003]\n[R058]\nthreshold = 0.1", two(150.0, 120.0).as_bytes(), effort(threads, block));
        assert_eq!(results["OCID"], json!({"o": {"R003": 1.0, "R058": 0.2}}), "the later line counts, flags add up");
    }
}

#[test]
fn the_first_currency_is_that_of_the_file_whoever_reads_it() {
    // No award in the first thousand lines: no currency is looked at there.
    let mut lines: Vec<String> =
        (0..1_000).map(|n| release(&format!("n{n}"), &[bid("w", "valid", 1.0)], &[]).to_string()).collect();
    for n in 0..1_000 {
        let currency = if n == 0 || n % 3 == 0 { "EUR" } else { "BRL" };
        let bids =
            [bid("w", "valid", 100.0), bid("a", "valid", 150.0)].map(|bid| with(bid, "/value/currency", currency));
        lines.push(release(&format!("o{n}"), &bids, &[award("w")]).to_string());
    }
    let text = lines.join("\n");
    let expected = run_text("[R058]\n[R036]", text.as_bytes(), effort(1, 1 << 20));
    assert_eq!(ids(&expected.0, "OCID", "R058").len(), 334);
    assert_eq!(expected.1, ["bids in BRL were left out 2664 times: the main currency is EUR"]);
    for round in 0..20 {
        assert_eq!(run_text("[R058]\n[R036]", text.as_bytes(), effort(2 + round % 7, 200 + round * 37)), expected);
    }
    let set = run_text("currency = BRL\n[R058]", text.as_bytes(), effort(4, 300));
    assert_eq!(ids(&set.0, "OCID", "R058").len(), 666);
}

#[test]
fn one_line_may_be_longer_than_a_block() {
    let long = with(serde_json::from_str(&late("long")).unwrap(), "/title", "x".repeat(100_000)).to_string();
    let text = format!("{}\n{long}\n{}", late("a"), late("b"));
    for block in [1, 7, 99_999, 1 << 20] {
        let (results, told) = run_text("[R003]", text.as_bytes(), effort(3, block));
        assert_eq!(ids(&results, "OCID", "R003"), ["a", "b", "long"]);
        assert!(told.is_empty());
    }
}

#[test]
fn a_stream_that_breaks_is_an_error() {
    struct Broken(bool);
    impl std::io::Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(std::io::Error::other("gone"));
            }
            buffer[..3].copy_from_slice(b"{}\n");
            Ok(3)
        }
    }
    let error = super::indicators(Broken(false), &super::Settings::default(), false, effort(2, 4), |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "gone");
}
