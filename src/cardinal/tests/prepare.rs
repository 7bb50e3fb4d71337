//! `prepare`.

use super::super::{Settings, prepare};
use super::effort;

/// What is written, the rows of errors, and what is told.
#[track_caller]
fn run(settings: &str, text: &str) -> (String, String, Vec<String>) {
    let settings = Settings::parse(settings).unwrap();
    let mut first = None;
    for (threads, block) in [(1, 1 << 20), (3, 1)] {
        let (mut output, mut errors, mut told) = (Vec::new(), Vec::new(), Vec::new());
        prepare(text.as_bytes(), &settings, &mut output, &mut errors, effort(threads, block), |notice| {
            told.push(notice.to_string());
        })
        .unwrap();
        let this = (String::from_utf8(output).unwrap(), String::from_utf8(errors).unwrap(), told);
        assert_eq!(*first.get_or_insert_with(|| this.clone()), this, "{threads} threads");
    }
    first.unwrap()
}

#[track_caller]
fn output(settings: &str, line: &str) -> String {
    let (output, _, told) = run(settings, line);
    assert!(told.is_empty(), "{told:?}");
    output.trim_end().to_owned()
}

#[test]
fn what_is_right_stays_as_it_is() {
    let line = r#"{"z":1.50,"a":[12345678901234567890123,-0,1e+5],"ocid":"é\n\u0001/","x":{"n":null,"t":true}}"#;
    assert_eq!(output("", line), line);
    assert_eq!(output("", r#"{ "a" : 1E5 , "a" : 2e-3 , "b" : 1e9 }"#), r#"{"a":2e-3,"b":1e+9}"#);
}

#[test]
fn objects_become_arrays_and_ids_text() {
    let line = r#"{"parties":{"id":1},"buyer":{"id":2},"tender":{"procuringEntity":{"id":3}},"bids":{"details":[{"status":"valid","tenderers":{"id":4.50}}]},"awards":[{"status":"active","id":5,"suppliers":{"id":6},"items":[{"classification":{"scheme":"s","id":7}}]}],"contracts":[{"awardID":8}]}"#;
    let fixed = r#"{"parties":[{"id":"1"}],"buyer":{"id":"2"},"tender":{"procuringEntity":{"id":"3"}},"bids":{"details":[{"status":"valid","tenderers":[{"id":"4.50"}]}]},"awards":[{"status":"active","id":"5","suppliers":[{"id":"6"}],"items":[{"classification":{"scheme":"s","id":"7"}}]}],"contracts":[{"awardID":8}]}"#;
    assert_eq!(output("", line), fixed);
    let with_contracts = output("[corrections]\naward_status_by_contract_status = true", line);
    assert!(with_contracts.ends_with(r#""contracts":[{"awardID":"8"}]}"#), "{with_contracts}");
}

const BARE: &str = r#"{"ocid":"o","bids":{"details":[{"value":{"amount":1},"items":[{"classification":{"id":"1"}},{"classification":{"id":"2"}}]},{"status":"Qualified","value":{"amount":0.0,"currency":null}}]},"awards":[{"items":[{"classification":{}}]},{"status":"active, or so"}]}"#;

#[test]
fn what_is_wrong_is_listed() {
    let (text, errors, _) = run("", &format!("\n{BARE}"));
    assert_eq!(text.trim_end(), BARE);
    let expected = "\
2,o,/bids/details[]/value/currency,0,,not set
2,o,/bids/details[]/items[]/classification/scheme,0.0,,not set
2,o,/bids/details[]/items[]/classification/scheme,0.1,,not set
2,o,/bids/details[]/status,0,,not set
2,o,/bids/details[]/value/amount,1,,is zero
2,o,/bids/details[]/status,1,Qualified,invalid
2,o,/awards[]/items[]/classification/scheme,0.0,,not set
2,o,/awards[]/status,0,,not set
2,o,/awards[]/status,1,\"active, or so\",invalid
";
    assert_eq!(errors, expected);
    assert_eq!(run("", r#"{"ocid":7,"awards":[{}]}"#).1, "1,7,/awards[]/status,0,,not set\n");
    assert_eq!(run("", r#"{"awards":[3]}"#).1, "1,,/awards[]/status,0,,not set\n");
}

#[test]
fn defaults_fill_in_what_is_missing() {
    let settings = "[defaults]\ncurrency = BRL\nitem_classification_scheme = CATMAT\nbid_status = valid\naward_status = active\n[codelists.bid_status]\nQualified = valid\n[codelists.award_status]\nactive, or so = active";
    let (text, errors, _) = run(settings, BARE);
    assert_eq!(
        text.trim_end(),
        r#"{"ocid":"o","bids":{"details":[{"value":{"amount":1,"currency":"BRL"},"items":[{"classification":{"id":"1","scheme":"CATMAT"}},{"classification":{"id":"2","scheme":"CATMAT"}}],"status":"valid"},{"status":"valid","value":{"amount":0.0,"currency":null}}]},"awards":[{"items":[{"classification":{"scheme":"CATMAT"}}],"status":"active"},{"status":"active"}]}"#
    );
    assert_eq!(errors, "1,o,/bids/details[]/value/amount,1,,is zero\n");
    assert_eq!(
        output("[defaults]\naward_status = active", r#"{"awards":[null]}"#),
        r#"{"awards":[{"status":"active"}]}"#
    );
    let (_, errors, _) = run("[defaults]\naward_status = done", r#"{"awards":[{}]}"#);
    assert_eq!(errors, "1,,/awards[]/status,0,done,invalid\n", "a default may be invalid too");
}

#[test]
fn redactions_take_values_out() {
    let line = r#"{"bids":{"details":[{"status":"valid","value":{"amount":0,"currency":"BRL","x":1},"tenderers":[{"id":"none","name":"n","y":2},{"id":9}]}]},"buyer":{"id":"none"}}"#;
    let settings = "[redactions]\namount = x|0|99.5\norganization_id = none|9";
    let (text, errors, _) = run(settings, line);
    // The last member takes the place of one that is taken out.
    let fixed = r#"{"bids":{"details":[{"status":"valid","value":{"x":1,"currency":"BRL"},"tenderers":[{"y":2,"name":"n"},{}]}]},"buyer":{}}"#;
    assert_eq!((text.trim_end(), errors.as_str()), (fixed, ""));
}

#[test]
fn an_award_is_cancelled_with_all_its_contracts() {
    let of = |contracts: &str| {
        let line = format!(r#"{{"contracts":[{contracts}],"awards":[{{"id":1,"status":"active"}}]}}"#);
        output("[corrections]\naward_status_by_contract_status = true", &line).contains(r#""status":"cancelled"}]}"#)
    };
    assert!(of(
        r#"{"awardID":1,"status":"cancelled"},{"awardID":"1","status":"cancelled"},{"awardID":2,"status":"active"}"#
    ));
    assert!(!of(r#"{"awardID":1,"status":"cancelled"},{"awardID":1,"status":"active"}"#));
    assert!(!of(r#"{"awardID":1,"status":"cancelled"},{"awardID":1}"#));
    assert!(!of(r#"{"awardID":2,"status":"cancelled"}"#));
    assert!(!of(""));
}

#[test]
fn auctions_are_moved_where_there_are_no_bids() {
    let settings = "[modifications]\nmove_auctions = true";
    let line = r#"{"auctions":[{"stages":[{"bids":[{"status":"valid"}],"a":1,"b":2},3]},{"stages":[{"bids":[{"status":"pending"}]}]}]}"#;
    let moved = r#"{"auctions":[{"stages":[{"b":2,"a":1},3]},{"stages":[{}]}],"bids":{"details":[{"status":"valid"},{"status":"pending"}]}}"#;
    assert_eq!(output(settings, line), moved);
    assert_eq!(output("", line), line);
    assert_eq!(output(settings, r#"{"auctions":[]}"#), r#"{"auctions":[],"bids":{"details":[]}}"#);
    let both = r#"{"auctions":[],"bids":null}"#;
    let (text, _, told) = run(settings, both);
    assert_eq!((text.trim_end(), told.len()), (both, 1));
    assert!(told[0].starts_with("line 1: /auctions"));
}

#[test]
fn ids_have_prefixes_and_details_are_cut() {
    let settings = "[modifications]\nprefix_buyer_or_procuring_entity_id = B-\nprefix_tenderer_or_supplier_id = T-\nsplit_procurement_method_details = -";
    let line = r#"{"parties":[{"id":"1"}],"buyer":{"id":1},"tender":{"procuringEntity":{"id":"B-2"},"procurementMethodDetails":"Pregão  - 12 - x"},"bids":{"details":[{"status":"valid","tenderers":[{"id":"3"}]}]},"awards":[{"status":"active","suppliers":[{"id":"T-3"}]}]}"#;
    let fixed = r#"{"parties":[{"id":"1"}],"buyer":{"id":"B-1"},"tender":{"procuringEntity":{"id":"B-2"},"procurementMethodDetails":"Pregão"},"bids":{"details":[{"status":"valid","tenderers":[{"id":"T-3"}]}]},"awards":[{"status":"active","suppliers":[{"id":"T-3"}]}]}"#;
    assert_eq!(output(settings, line), fixed);
}

#[test]
fn parties_have_the_roles_that_refer_to_them() {
    let line = r#"{"parties":[{"id":1,"roles":["x"]},{"id":"2"},{"id":"3"},{"roles":["y"]}],"buyer":{"id":1},"tender":{"procuringEntity":{"id":"1"}},"bids":{"details":[{"status":"valid","tenderers":[{"id":2}]}]},"awards":[{"status":"active","suppliers":[{"id":"2"}]}]}"#;
    let fixed = r#"{"parties":[{"id":"1","roles":["buyer","procuringEntity","x"]},{"id":"2","roles":["supplier","tenderer"]},{"id":"3"},{"roles":["y"]}],"#;
    assert!(output("[defaults]\nparty_roles = true", line).starts_with(fixed));
    assert!(output("", line).starts_with(r#"{"parties":[{"id":"1","roles":["x"]},{"id":"2"},"#));
}

#[test]
fn lines_that_are_no_release_are_told() {
    let (text, errors, told) = run("", "{}\n[]\n\n{\n{\"a\":1}");
    assert_eq!((text.as_str(), errors.as_str()), ("{}\n{\"a\":1}\n", ""));
    assert_eq!(told.len(), 2);
    assert!(told[0].starts_with("line 2 was left out: it is no JSON object"));
    assert!(told[1].starts_with("line 4 was left out: it is not valid JSON"));
}
