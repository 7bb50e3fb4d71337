//! Indicators that one release decides: R003, R018, R028, R030, R035, R036, and the gate before all.

use serde_json::{Value, json};

use super::{award, bid, ids, release, run, values, with};

#[track_caller]
fn fires(settings: &str, release: &Value) -> bool {
    let code = &settings[settings.find('[').unwrap() + 1..][..4];
    !ids(&run(settings, std::slice::from_ref(release)), "OCID", code).is_empty()
}

fn period(start: &str, end: &str) -> Value {
    json!({"ocid": "o", "tender": {"tenderPeriod": {"startDate": start, "endDate": end}}})
}

#[test]
fn the_gate_is_the_same_for_all() {
    let short = period("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let gate = "[exclusions]\nprocurement_method_details = Sorteio|Concurso|\n[R003]\n";
    assert!(fires("[R003]", &short));
    assert!(!fires("[R003]", &with(short.clone(), "/ocid", 7)), "an ocid is text");
    assert!(!fires("[R003]", &with(short.clone(), "/tender/status", "cancelled")));
    assert!(fires("[R003]", &with(short.clone(), "/tender/status", json!(["cancelled"]))));
    for (details, fire) in [("Sorteio", false), ("Concurso", false), ("sorteio", true), ("", true)] {
        let results = run(gate, &[with(short.clone(), "/tender/procurementMethodDetails", details)]);
        assert_eq!(ids(&results, "OCID", "R003").len(), usize::from(fire), "{details:?}");
    }
    assert_eq!(run("[R003]", &[json!([short])])["OCID"], Value::Null, "a line is an object");
}

#[test]
fn r003_counts_whole_days() {
    let of = |end: &str| fires("[R003]\nthreshold = 15", &period("2024-01-01T12:00:00-03:00", end));
    assert!(of("2024-01-16T11:59:59-03:00"), "14 whole days");
    assert!(!of("2024-01-16T12:00:00-03:00"), "15");
    assert!(!of("2024-01-16T15:00:00Z"), "15, in another offset");
    assert!(of("2024-01-16T14:59:59Z"));
    assert!(of("2023-12-01T00:00:00Z"), "an end before the start fires");
    assert!(fires("[R003]\nthreshold = 1", &period("2024-01-02T00:00:00Z", "2024-01-01T00:00:01Z")), "0 days");
    assert!(!fires("[R003]\nthreshold = 0", &period("2024-01-02T00:00:00Z", "2024-01-01T00:00:01Z")), "truncated to 0");
    assert!(fires("[R003]\nthreshold = 0", &period("2024-01-02T00:00:00Z", "2024-01-01T00:00:00Z")), "-1");
    assert!(fires("[R003]", &period("2024-01-01T00:00:00Z", "2024-01-15T23:00:00Z")), "15 days are the default");
}

#[test]
fn r003_passes_over_dates_without_an_offset() {
    for end in ["2024-01-02T00:00:00", "2024-01-02", "", "2024-01-02T00:00:00-0300", "2024-02-30T00:00:00Z"] {
        assert!(!fires("[R003]", &period("2024-01-01T00:00:00Z", end)), "{end}");
        assert!(!fires("[R003]", &period(end, "2024-01-02T00:00:00Z")), "{end}");
    }
    assert!(!fires("[R003]", &with(period("2024-01-01T00:00:00Z", ""), "/tender/tenderPeriod/endDate", 20_240_102)));
}

#[test]
fn r003_has_methods_and_thresholds_by_details() {
    let settings = "[R003]\nprocurement_methods = open|selective\n[R003.procurement_method_details]\nEmergência = 2";
    let three = period("2024-01-01T00:00:00Z", "2024-01-04T00:00:00Z");
    assert!(!fires(settings, &three), "a missing method is none of the list");
    assert!(!fires(settings, &with(three.clone(), "/tender/procurementMethod", "direct")));
    let open = with(three.clone(), "/tender/procurementMethod", "open");
    assert!(fires(settings, &open));
    assert!(!fires(settings, &with(open, "/tender/procurementMethodDetails", "Emergência")));
    assert!(fires("[R003.procurement_method_details]\nx = 2", &three), "the second section alone turns it on");
}

#[test]
fn r018_wants_the_number_one() {
    let of = |number: &str, method: &str| {
        let line =
            format!(r#"{{"ocid":"o","tender":{{"procurementMethod":"{method}","numberOfTenderers":{number}}}}}"#);
        let (results, told) = super::run_text("[R018]", line.as_bytes(), super::effort(1, 99));
        assert!(told.is_empty(), "{told:?}");
        ids(&results, "OCID", "R018").len() == 1
    };
    assert!(of("1", "open") && of("1", "selective"));
    for number in ["0", "2", "-1", "1.0", "1e0", "10", "\"1\"", "[1]", "null", "true", "18446744073709551617"] {
        assert!(!of(number, "open"), "{number}");
    }
    assert!(!of("1", "direct"));
    let one = json!({"ocid": "o", "tender": {"numberOfTenderers": 1}});
    assert!(!fires("[R018]", &one), "a missing method is none of the list");
    assert!(fires("[R018]\nprocurement_methods =", &one), "an empty list is all");
    assert!(fires("[R018]\nprocurement_methods = x|direct", &with(one, "/tender/procurementMethod", "direct")));
}

#[test]
fn r028_compares_price_and_tenderers() {
    let of = |bids: &[Value]| run("[R028]", &[release("o", bids, &[])]);
    let results = of(&[bid("a", "valid", 1.0), bid("b", "pending", 1.0), bid("c", "valid", 2.0)]);
    assert_eq!(values(&results, "OCID", "R028"), [("o".to_owned(), 1.0)]);
    assert_eq!(ids(&results, "Tenderer", "R028"), ["a", "b"]);
    assert_eq!(results["Maps"]["ocid_tenderer_r028"], json!({"o": ["a", "b"]}));
    let none = |bids: &[Value]| of(bids).get("OCID").is_none();
    assert!(none(&[bid("a", "valid", 1.0), bid("a", "valid", 1.0)]), "one tenderer may bid twice");
    for status in ["invited", "withdrawn"] {
        assert!(none(&[bid("a", "valid", 1.0), bid("b", status, 1.0)]), "{status}");
    }
    assert!(!none(&[bid("a", "valid", 1.0), bid("b", "anything", 1.0)]), "an unknown status was submitted");
    assert!(none(&[bid("a", "valid", 1.0), with(bid("b", "valid", 1.0), "/status", Value::Null)]));
    assert!(none(&[bid("a", "valid", 1.0), with(bid("b", "valid", 1.0), "/value/currency", "USD")]));
    assert!(none(&[bid("a", "valid", 1.0), with(bid("b", "valid", 1.0), "/value/amount", "1")]));
    assert!(none(&[bid("a", "valid", 1.0), with(bid("b", "valid", 1.0), "/tenderers", json!([]))]), "nobody");
    assert!(!none(&[bid("a", "valid", 0.0), bid("b", "valid", -0.0)]), "zero is zero");
    let pair = json!([{"id": "b"}, {"id": "a"}, {"id": 3}, "x"]);
    let two = with(bid("a", "valid", 1.0), "/tenderers", json!([{"id": "a"}, {"id": "b"}]));
    assert!(none(&[two, with(bid("a", "valid", 1.0), "/tenderers", pair)]), "the same set");
}

#[test]
fn r028_holds_a_bid_against_the_one_before_it() {
    // a, b, b: the second b is held against the first alone; c against it.
    let bids = [bid("a", "valid", 1.0), bid("b", "valid", 1.0), bid("b", "valid", 1.0)];
    assert_eq!(ids(&run("[R028]", &[release("o", &bids, &[])]), "Tenderer", "R028"), ["a", "b"]);
    let bids = [bid("a", "valid", 1.0), bid("a", "valid", 1.0), bid("x", "valid", 9.0), bid("b", "valid", 1.0)];
    assert_eq!(ids(&run("[R028]", &[release("o", &bids, &[])]), "Tenderer", "R028"), ["a", "b"]);
}

#[test]
fn r030_compares_dates_as_text() {
    let of = |date: &str, end: &str| {
        let late = with(bid("a", "valid", 1.0), "/date", date);
        let release = release("o", &[late], &[json!({"status": "pending"}), award("a")]);
        run("[R030]", &[with(release, "/tender/tenderPeriod/endDate", end)])
    };
    let results = of("2024-01-02T00:00:00Z", "2024-01-01T00:00:00Z");
    assert_eq!(values(&results, "OCID", "R030"), [("o".to_owned(), 1.0)]);
    assert_eq!(values(&results, "Tenderer", "R030"), [("a".to_owned(), 1.0)]);
    assert_eq!(results["Maps"]["ocid_tenderer_r030"], json!({"o": ["a"]}));
    assert!(of("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z").get("OCID").is_none(), "in time to the second");
    let early = of("2024-01-01T01:00:00+03:00", "2024-01-01T00:00:00Z");
    assert!(early.get("OCID").is_some(), "two hours early, but later as text");
}

#[test]
fn r030_wants_a_valid_bid_of_a_supplier() {
    let late = with(bid("a", "valid", 1.0), "/date", "2024-02-01");
    let of = |bid: &Value, awards: &[Value]| {
        fires(
            "[R030]",
            &with(release("o", std::slice::from_ref(bid), awards), "/tender/tenderPeriod/endDate", "2024-01-01"),
        )
    };
    assert!(of(&late, &[award("a")]));
    assert!(!of(&late, &[award("b")]));
    assert!(!of(&late, &[with(award("a"), "/status", "cancelled")]));
    assert!(!of(&with(late.clone(), "/status", "pending"), &[award("a")]));
    assert!(!of(&with(late.clone(), "/date", Value::Null), &[award("a")]));
    let two = with(late, "/tenderers", json!([{"id": "x"}, null, {"id": "a"}]));
    let results =
        run("[R030]", &[with(release("o", &[two], &[award("a")]), "/tender/tenderPeriod/endDate", "2024-01-01")]);
    assert_eq!(ids(&results, "Tenderer", "R030"), ["a"], "only who won");
}

#[test]
fn r035_counts_who_was_disqualified() {
    let lost = |names: &[&str]| names.iter().map(|name| bid(name, "disqualified", 1.0)).collect::<Vec<_>>();
    let of = |settings: &str, bids: &[Value], awards: &[Value]| run(settings, &[release("o", bids, awards)]);
    let mut bids = lost(&["b", "c", "b", "a"]);
    bids.push(bid("a", "valid", 2.0));
    let results = of("[R035]", &bids, &[award("a")]);
    assert_eq!(values(&results, "OCID", "R035"), [("o".to_owned(), 2.0)], "distinct, without the winner");
    assert_eq!(values(&results, "Tenderer", "R035"), [("a".to_owned(), 0.0)]);
    assert_eq!(results["Maps"]["ocid_tenderer_r035"], json!({"o": ["a"]}));
    assert!(of("[R035]\nthreshold = 3", &bids, &[award("a")]).get("OCID").is_none());
    assert!(of("[R035]\nthreshold = 2", &bids, &[award("a")]).get("OCID").is_some());
    let none = |bids: &[Value], awards: &[Value]| of("[R035]\nthreshold = 0", bids, awards).get("OCID").is_none();
    assert!(none(&[bid("a", "valid", 1.0)], &[award("a")]), "the threshold is one at least");
    assert!(none(&bids, &[award("b")]), "another won");
    assert!(none(&bids, &[award("a"), award("b")]), "another won too");
    assert!(none(&bids, &[]), "nobody won");
    assert!(!none(&bids, &[award("a"), award("a"), with(award("z"), "/status", "unsuccessful")]));
    assert!(none(&bids, &[award("a"), with(award("z"), "/status", "pending")]), "not final");
    assert!(!none(&bids, &[award("a"), with(award("z"), "/status", Value::Null)]), "no status is no obstacle");
    bids.push(bid("d", "valid", 2.0));
    assert!(none(&bids, &[award("a")]), "two valid tenderers");
    assert!(none(&lost(&["b"]), &[award("a")]), "no valid tenderer");
}

#[test]
fn r036_wants_the_lowest_of_the_main_currency() {
    let of = |bids: &[Value], awards: &[Value]| fires("currency = BRL\n[R036]", &release("o", bids, awards));
    let (low, high) = (bid("a", "disqualified", 1.0), bid("b", "valid", 2.0));
    assert!(of(&[low.clone(), high.clone()], &[award("b"), json!({"status": "pending"})]));
    assert!(!of(&[low.clone(), high.clone()], &[with(award("b"), "/status", "cancelled")]), "no active award");
    assert!(!of(&[low.clone(), bid("b", "pending", 2.0)], &[award("b")]), "no valid bid");
    assert!(
        !of(&[low.clone(), with(high.clone(), "/value/amount", Value::Null)], &[award("b")]),
        "none with an amount"
    );
    assert!(of(&[bid("a", "disqualified", 2.0), high.clone()], &[award("b")]), "the first of a tie");
    assert!(!of(&[high.clone(), bid("a", "disqualified", 2.0)], &[award("b")]));
    assert!(!of(&[with(low.clone(), "/value/currency", "USD"), high.clone()], &[award("b")]));
    assert!(!of(&[bid("c", "withdrawn", 0.5), bid("d", "pending", 0.7), low.clone(), high.clone()], &[award("b")]));
    assert!(of(&[bid("c", "withdrawn", 0.5), low, high], &[award("b")]), "what was withdrawn was not submitted");
}

#[test]
fn prices_are_compared_only_where_they_may_be() {
    let bids = [bid("a", "disqualified", 1.0), bid("b", "valid", 1.0)];
    let of = |settings: &str, details: Value| {
        let release = with(release("o", &bids, &[award("b")]), "/tender/procurementMethodDetails", details);
        let results = run(&format!("{settings}\n[R028]\n[R036]"), &[release]);
        let counts = ["R028", "R036"].map(|code| ids(&results, "OCID", code).len());
        assert_eq!(counts[0], counts[1]);
        counts[0] == 1
    };
    let (only, not) = ("price_comparison_procurement_methods = X|Y", "no_price_comparison_procurement_methods = X");
    assert!(of("", json!("X")) && of("", Value::Null));
    assert!(!of(not, json!("X")) && of(not, json!("Y")) && of(not, Value::Null) && of(not, json!(["X"])));
    assert!(of(only, json!("X")) && !of(only, json!("Z")) && !of(only, Value::Null));
    assert!(of(&format!("{only}\n{not}"), json!("X")), "the list of what may be compared wins");
}
