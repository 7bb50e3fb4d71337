use super::super::json::Scratch;
use super::*;

/// Those tagged `compiled` are taken for such.
fn compiled(releases: &[&str]) -> serde_json::Value {
    let releases = releases.iter().map(|text| {
        let mut scratch = Scratch::default();
        let document = scratch.parse(text.as_bytes()).unwrap();
        let state = document.root().text_of("tag").is_some_and(|tag| tag == "compiled");
        Release::of(document.root(), state, (0, 1)).unwrap()
    });
    serde_json::from_slice(&compile(releases.collect())).unwrap()
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn later_values_win_null_removes_and_the_order_is_that_of_the_dates() {
    let result = compiled(&[
        r#"{"ocid":"a","id":"2","date":"2024-02-01T00:00:00-03:00","tag":["x"],"tender":{"title":"new","value":{"amount":5},"lots":null}}"#,
        r#"{"ocid":"a","id":"1","date":"2024-02-01T01:00:00Z","tender":{"title":"old","value":{"amount":4,"currency":"BRL"},"lots":[1,2],"n":null}}"#,
    ]);
    assert_eq!(result, json(r#"{"ocid":"a","tender":{"title":"new","value":{"amount":5,"currency":"BRL"}}}"#));
}

#[test]
fn arrays_are_merged_by_id_unless_they_are_whole() {
    let result = compiled(&[
        r#"{"date":"2024-01-01","awards":[{"id":1,"status":"pending","suppliers":[{"id":"x"},{"id":"y"}]},{"title":"no id"}],"tag":["a"],"words":["a","b"]}"#,
        r#"{"date":"2024-01-02","awards":[{"id":"1","status":"active","suppliers":[{"id":"z"}]},{"id":"2"},{"title":"no id"}],"words":["c"]}"#,
    ]);
    let expected = r#"{"awards":[{"id":"1","status":"active","suppliers":[{"id":"z"}]},{"title":"no id"},{"id":"2"},{"title":"no id"}],"words":["c"]}"#;
    assert_eq!(result, json(expected));
    // Within one release the last one of the same id counts, as the reference implementation has it.
    let result = compiled(&[r#"{"awards":[{"id":"1","a":1,"b":1},{"id":"1","a":2}]}"#]);
    assert_eq!(result, json(r#"{"awards":[{"id":"1","a":2,"b":1}]}"#));
    // Empty arrays and objects change nothing.
    let result = compiled(&[
        r#"{"date":"2024-01-01","awards":[{"id":"1"}],"tender":{"a":1}}"#,
        r#"{"date":"2024-01-02","awards":[],"tender":{}}"#,
    ]);
    assert_eq!(result, json(r#"{"awards":[{"id":"1"}],"tender":{"a":1}}"#));
}

#[test]
fn the_first_value_of_a_contract_is_kept() {
    let result = compiled(&[
        r#"{"date":"2024-01-03","contracts":[{"id":"1","value":{"amount":120.50}},{"id":"2","value":{"amount":7}}]}"#,
        r#"{"date":"2024-01-01","contracts":[{"id":"1","status":"pending"}]}"#,
        r#"{"date":"2024-01-02","contracts":[{"id":"1","value":{"amount":100.00}}]}"#,
    ]);
    assert_eq!(result["contracts"][0][FIRST_VALUE]["amount"], 100.0);
    assert_eq!(result["contracts"][0]["value"]["amount"], 120.5);
    assert_eq!(result["contracts"][1][FIRST_VALUE]["amount"], 7);
}

#[test]
fn what_a_state_leaves_out_of_a_list_is_gone() {
    let result = compiled(&[
        r#"{"date":"2024-01-02","tag":"compiled","tender":{"items":[{"id":"3","unit":{"value":3}},{"id":"1","quantity":2}]},"awards":[]}"#,
        r#"{"date":"2024-01-01","tag":"tender","tender":{"title":"t","items":[{"id":"1","description":"a"},{"id":"2"},{"description":"no id"}]}}"#,
        // What happened at its date is in it.
        r#"{"date":"2024-01-02","tag":"tender","tender":{"items":[{"id":"4"}]}}"#,
        r#"{"date":"2024-01-01","tag":"award","awards":[{"id":"a","value":{"amount":1}}],"contracts":[{"id":"c","value":{"amount":5}}]}"#,
        r#"{"date":"2024-01-03","tag":"contract","contracts":[{"id":"c","value":{"amount":6}}]}"#,
    ]);
    let expected = r#"{"tender":{"title":"t","items":[{"id":"1","description":"a","quantity":2},{"id":"3","unit":{"value":3}}]},
        "awards":[{"id":"a","value":{"amount":1}}],
        "contracts":[{"id":"c","value":{"amount":6}," firstValue":{"amount":5}}]}"#;
    assert_eq!(result, json(expected));
    // A list that is empty says nothing, be it one that is replaced as a whole otherwise.
    let result = compiled(&[
        r#"{"date":"2024-01-01","awards":[{"id":"a","suppliers":[{"id":"s"}]}],"contracts":[{"id":"c","value":{"amount":5}}]}"#,
        r#"{"date":"2024-01-02","tag":"compiled","awards":[{"id":"a","suppliers":[]}],"contracts":[{"id":"d"}]}"#,
        // What comes back has the value that it had first.
        r#"{"date":"2024-01-03","contracts":[{"id":"c","value":{"amount":6}}]}"#,
    ]);
    let expected = r#"{"awards":[{"id":"a","suppliers":[{"id":"s"}]}],
        "contracts":[{"id":"d"},{"id":"c","value":{"amount":6}," firstValue":{"amount":5}}]}"#;
    assert_eq!(result, json(expected));
    // Lists within what has the same id, and objects that stand for a list of one.
    let result = compiled(&[
        r#"{"date":"2024-01-01","contracts":{"id":"c","items":[{"id":"1"},{"id":"2"}],"amendments":[{"id":"x"}]}}"#,
        r#"{"date":"2024-01-02","tag":"compiled","contracts":[{"id":"c","items":[{"id":"2","n":1}]}]}"#,
    ]);
    assert_eq!(result, json(r#"{"contracts":[{"id":"c","items":[{"id":"2","n":1}],"amendments":[{"id":"x"}]}]}"#));
}

#[test]
fn odd_shapes_and_texts_survive() {
    let result = compiled(&[
        r#"{"date":"x","awards":{"id":"1","a":1},"t":"q\"\\\n\u0001é","n":1.10}"#,
        r#"{"date":"2024-01-02","awards":[{"id":"2"}],"t2":"𝄞"}"#,
        r#"{"date":"2024-01-03","awards":"none"}"#,
    ]);
    let one = compiled(&[
        r#"{"date":"2024-01-01","contracts":[{"id":"1","a":1},{"id":"2"}]}"#,
        r#"{"date":"2024-01-02","contracts":{"id":"1","b":2}}"#,
    ]);
    assert_eq!(one, json(r#"{"contracts":[{"id":"1","a":1,"b":2},{"id":"2"}]}"#));
    assert_eq!(result["awards"], "none");
    assert_eq!(result["t"], "q\"\\\n\u{1}é");
    assert_eq!(result["t2"], "𝄞");
}

#[test]
fn members_that_come_and_go_are_found_again() {
    let letters: Vec<String> = ('a'..='z').map(|c| format!("\"{c}\":1")).collect();
    let all = letters.join(",");
    let result = compiled(&[
        &format!(r#"{{"date":"2024-01-01",{all}}}"#),
        r#"{"date":"2024-01-02","a":null,"z":null,"c":2,"b":null}"#,
        r#"{"date":"2024-01-03","b":3,"y":4,"a":null,"0":5}"#,
    ]);
    let object = result.as_object().unwrap();
    assert_eq!(object.len(), 25);
    for (key, value) in [("b", 3), ("c", 2), ("d", 1), ("x", 1), ("y", 4), ("0", 5)] {
        assert_eq!(object[key], value, "{key}");
    }
    assert!(object.get("a").is_none() && object.get("z").is_none());
}

#[test]
fn what_repeats_is_merged_in_linear_time() {
    let rest: Vec<String> =
        (0..50_000).map(|n| format!(r#"{{"id":1,"k{n}":1,"l":[{{"id":{n}}}],"x":null}}"#)).collect();
    let result = compiled(&[&format!(r#"{{"awards":[{}]}}"#, rest.join(","))]);
    let awards = result["awards"].as_array().unwrap();
    assert_eq!((awards.len(), awards[0].as_object().unwrap().len()), (1, 50_002));
    assert_eq!(awards[0]["l"].as_array().unwrap().len(), 50_000);
}
