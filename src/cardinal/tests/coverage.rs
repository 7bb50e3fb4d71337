//! `coverage`.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::coverage;
use super::effort;

#[track_caller]
fn of(text: &str) -> serde_json::Value {
    let counts = coverage(text.as_bytes(), effort(1, 1 << 20), |notice| panic!("{notice}")).unwrap();
    for (threads, block) in [(1, 1), (3, 5), (8, 64)] {
        assert_eq!(coverage(text.as_bytes(), effort(threads, block), |_| {}).unwrap(), counts);
    }
    serde_json::to_value(counts).unwrap()
}

#[test]
fn nodes_that_are_not_empty_are_counted_by_path() {
    let line = r#"{"phones":[{"type":"home","number":"1"},{"type":"office","number":2}],"name":""}"#;
    let expected = json!({"": 1, "/": 1, "/phones": 1, "/phones[]": 2, "/phones[]/": 2, "/phones[]/type": 2, "/phones[]/number": 2});
    assert_eq!(of(line), expected);
    assert_eq!(of(&format!("{line}\n\n{line}\n"))["/phones[]/type"], 4);
}

#[test]
fn what_has_nothing_in_it_is_empty() {
    for empty in ["{}", "[]", "null", "\"\"", "[[],{}]", r#"{"a":{"b":[null,"",{}]},"c":[]}"#] {
        assert_eq!(of(empty), json!({}), "{empty}");
    }
    assert_eq!(of("0"), json!({"": 1}));
    assert_eq!(of("false"), json!({"": 1}));
    assert_eq!(of("[[1],[]]"), json!({"": 1, "[]": 1, "[][]": 1}));
    assert_eq!(of(r#"{"a":[null,{"b":0}]}"#), json!({"": 1, "/": 1, "/a": 1, "/a[]": 1, "/a[]/": 1, "/a[]/b": 1}));
}

#[test]
fn of_a_key_that_repeats_the_last_counts() {
    assert_eq!(of(r#"{"a":0,"a":null}"#), json!({}));
    assert_eq!(of(r#"{"a":null,"a":0}"#), json!({"": 1, "/": 1, "/a": 1}));
    assert_eq!(of(r#"{"a":{"b":1},"a":{"c":1}}"#), json!({"": 1, "/": 1, "/a": 1, "/a/": 1, "/a/c": 1}));
    assert_eq!(of(r#"[{"a":0},{"a":0}]"#), json!({"": 1, "[]": 2, "[]/": 2, "[]/a": 2}), "two objects");
}

#[test]
fn paths_that_look_alike_are_one() {
    assert_eq!(of(r#"{"":0}"#), json!({"": 1, "/": 2}));
    assert_eq!(of(r#"{"a[]":0,"a":[0]}"#), json!({"": 1, "/": 1, "/a": 1, "/a[]": 2}));
}

#[test]
fn a_line_that_is_no_json_counts_nothing() {
    let mut told = 0;
    let counts = coverage("{\"a\":1,\"b\":\n{\"a\":1}x\n".as_bytes(), effort(1, 99), |_| told += 1).unwrap();
    assert_eq!((counts, told), (BTreeMap::new(), 2));
}
