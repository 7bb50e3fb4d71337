//! Indicators that compare with all releases: R024, R025, R038, R048, R058.

use serde_json::{Value, json};

use super::super::quantile::Sorted;
use super::{award, bid, ids, release, run, values, with};

/// A release of two bids with this gap between them.
fn gap(ocid: &str, ratio: f64) -> Value {
    release(
        ocid,
        &[bid(&format!("w{ocid}"), "valid", 100.0), bid(&format!("r{ocid}"), "valid", 100.0 * (1.0 + ratio))],
        &[award(&format!("w{ocid}"))],
    )
}

/// The ratio of a release; `None` if it has none.
fn ratio(release: Value) -> Option<f64> {
    values(&run("currency = BRL\n[R058]\nthreshold = 0.000001", &[release]), "OCID", "R058")
        .first()
        .map(|(_, ratio)| *ratio)
}

#[test]
fn quantiles_are_of_type_8() {
    let of = |values: &[f64], share| Sorted::of(values.iter().copied()).quantile(share);
    assert!(of(&[], 0.5).is_nan());
    assert!(of(&[1.0], 1.1).is_nan());
    assert_eq!(of(&[7.0], 0.25), 7.0);
    assert_eq!(of(&[2.0, 1.0], 0.25), 1.0);
    assert_eq!(of(&[2.0, 1.0], 0.75), 2.0);
    assert_eq!(of(&[3.0, 1.0, 2.0], 0.5), 2.0);
    // h = (4 + 1/3) 0.25 + 1/3 = 17/12.
    assert!((of(&[4.0, 2.0, 3.0, 1.0], 0.25) - 17.0 / 12.0).abs() < 1e-15);
    assert!((of(&[4.0, 2.0, 3.0, 1.0], 0.75) - 43.0 / 12.0).abs() < 1e-15);
    assert_eq!((of(&[4.0, 2.0, 3.0, 1.0], 0.0), of(&[4.0, 2.0, 3.0, 1.0], 1.0)), (1.0, 4.0));
    assert!(of(&[0.5, f64::NAN], 0.25).is_nan() && of(&[0.5, f64::NAN], 0.75).is_nan());
    assert_eq!(of(&[f64::INFINITY, 1.0, 1.0, 1.0, 1.0], 0.25), 1.0);
}

#[test]
fn quartiles_and_fences_are_exact_to_the_last_digit() {
    let quartiles = Sorted::of([0.51, 0.76, 0.05, 0.62, 0.32].into_iter()).quartiles();
    // Interpolated from below, and the fences rounded once: otherwise the last digits are others.
    assert_eq!((quartiles.q1, quartiles.q3), (0.22999999999999998, 0.6666666666666666));
    assert_eq!((quartiles.lower_fence(), quartiles.upper_fence()), (-0.425, 1.3216666666666665));
}

#[test]
fn the_gap_is_of_the_lowest_bids() {
    let winner = |amount| bid("w", "valid", amount);
    let of = |bids: &[Value]| ratio(release("o", bids, &[award("w")]));
    assert_eq!(of(&[winner(100.0), bid("a", "valid", 150.0), bid("b", "valid", 130.0), winner(120.0)]), Some(0.3));
    assert_eq!(of(&[winner(100.0)]), None, "nobody else");
    assert_eq!(of(&[winner(100.0), bid("a", "valid", 99.0)]), None, "not the lowest won");
    for status in ["disqualified", "pending", "withdrawn"] {
        assert_eq!(of(&[winner(100.0), bid("a", status, 150.0)]), None, "{status}");
    }
    assert_eq!(of(&[winner(100.0), with(bid("a", "valid", 150.0), "/value/currency", "USD")]), None);
    let consortium = with(bid("a", "valid", 150.0), "/tenderers", json!([{"id": "a"}, {"id": "b"}]));
    assert_eq!(of(&[winner(100.0), consortium]), None, "bids of one tenderer");
    assert_eq!(of(&[with(winner(100.0), "/tenderers", json!({"id": "w"})), bid("a", "valid", 150.0)]), None);
}

#[test]
fn the_gap_wants_one_final_award_of_one_supplier() {
    let bids = [bid("w", "valid", 100.0), bid("a", "valid", 150.0)];
    let of = |awards: &[Value]| ratio(release("o", &bids, awards));
    assert_eq!(of(&[award("w")]), Some(0.5));
    assert_eq!(of(&[award("w"), with(award("z"), "/status", "cancelled"), json!({})]), Some(0.5));
    assert_eq!(of(&[award("w"), award("w")]), None);
    assert_eq!(of(&[award("w"), with(award("z"), "/status", "pending")]), None);
    assert_eq!(of(&[with(award("w"), "/suppliers", json!([{"id": "w"}, {}]))]), None);
    assert_eq!(of(&[with(award("w"), "/suppliers", json!([{"id": 1}]))]), None);
    assert_eq!(of(&[]), None);
}

#[test]
fn r024_flags_at_or_below_the_lower_fence() {
    // q1 = q3 = 0.5: the fence is 0.5, and at the fence fires.
    let mut releases: Vec<Value> = (0..8).map(|n| gap(&format!("o{n}"), 0.5)).collect();
    releases.push(gap("low", 0.25));
    let results = run("[R024]", &releases);
    assert_eq!(results["Meta"]["R024"], json!({"q1": 0.5, "q3": 0.5, "lower_fence": 0.5}));
    assert_eq!(ids(&results, "OCID", "R024").len(), 9);
    assert_eq!(values(&results, "OCID", "R024")[0], ("low".to_owned(), 0.25));
    assert_eq!(results["Tenderer"]["wlow"], json!({"R024": 0.0}));
    assert_eq!(results["Maps"]["ocid_tenderer_r024"]["low"], json!(["rlow", "wlow"]));
    let explicit = run("[R024]\nthreshold = 0.25", &releases);
    assert_eq!(explicit["Meta"]["R024"], json!({"lower_fence": 0.25}));
    assert_eq!(ids(&explicit, "OCID", "R024"), ["low"]);
}

#[test]
fn r024_is_still_where_most_gaps_are_zero() {
    let mut releases: Vec<Value> = (0..4).map(|n| gap(&format!("o{n}"), 0.0)).collect();
    assert_eq!(run("[R024]", &releases).get("OCID"), None, "q1 = 0");
    assert_eq!(run("[R024]\nthreshold = 0", &releases).get("OCID"), None, "a threshold of 0");
    assert_eq!(ids(&run("[R024]\nthreshold = 0.01", &releases), "OCID", "R024").len(), 4);
    releases = vec![gap("a", 0.25), gap("b", 0.25), gap("c", 1.0), gap("d", 2.0)];
    let results = run("[R024]", &releases);
    assert!(results["Meta"]["R024"]["lower_fence"].as_f64().unwrap() < 0.0);
    assert_eq!(results.get("OCID"), None, "the fence is below zero");
}

#[test]
fn r025_flags_who_bids_much_and_wins_little() {
    // "t" bids 20 times and wins once; ten others bid 10 times and win 9 times.
    let mut releases = Vec::new();
    let mut add = |name: &str, bids: usize, wins: usize| {
        for n in 0..bids {
            let winner = if n < wins { name } else { "nobody" };
            let twice = [bid(name, "valid", 1.0), bid(name, "valid", 2.0), bid("x", "disqualified", 1.0)];
            releases.push(release(&format!("{name}{n}"), &twice, &[award(winner)]));
        }
    };
    add("t", 20, 1);
    for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        add(name, 10, 9);
    }
    let results = run("[R025]", &releases);
    assert_eq!(results["Meta"]["R025"], json!({"q1": 0.9, "q3": 0.9, "lower_fence": 0.9, "upper_fence": 10.0}));
    let flagged = values(&results, "Tenderer", "R025");
    assert_eq!(flagged.len(), 11, "at the fence fires");
    assert_eq!(flagged[10], ("t".to_owned(), 0.05));
    let results = run("[R025]\nthreshold = 0.05\npercentile = 100", &releases);
    assert_eq!(results["Meta"]["R025"], json!({"lower_fence": 0.05, "upper_fence": 20.0}));
    assert_eq!(ids(&results, "Tenderer", "R025"), ["t"]);
    assert_eq!(run("[R025]\nthreshold = 0.049", &releases).get("Tenderer"), None);
    assert_eq!(run("[R025]\nthreshold = 0", &releases).get("Tenderer"), None);
}

#[test]
fn r038_takes_shares_of_bids_by_organization() {
    let bids = [
        bid("a", "disqualified", 1.0),
        bid("a", "valid", 1.0),
        bid("b", "disqualified", 1.0),
        bid("c", "invited", 1.0),
    ];
    let release = with(release("o", &bids, &[]), "/buyer/id", "buyer");
    let release = with(release, "/tender/procuringEntity/id", "entity");
    let results = run("[R038]", std::slice::from_ref(&release));
    let third = 2.0 / 3.0;
    assert_eq!(
        values(&results, "Buyer", "R038"),
        [("buyer".to_owned(), third)],
        "three bids of one process are enough"
    );
    assert_eq!(values(&results, "ProcuringEntity", "R038"), [("entity".to_owned(), third)]);
    assert_eq!(values(&results, "Tenderer", "R038"), [("a".to_owned(), 0.5)], "b has one bid, the minimum is two");
    let meta = &results["Meta"]["R038"];
    assert_eq!(meta["Buyer_q1"], 0.6667);
    assert_eq!(meta["Tenderer_upper_fence"], 0.5);
    assert_eq!(results["Maps"]["ocid_buyer_r038"], json!({"o": "buyer"}));
    assert_eq!(results["Maps"]["ocid_procuringentity_r038"], json!({"o": "entity"}));
    assert_eq!(results["Maps"]["ocid_tenderer"], json!({"o": ["a", "b"]}));
    let results =
        run("[R038]\nthreshold = 0.7\nminimum_submitted_bids = 1\nminimum_contracting_processes = 4", &[release]);
    assert_eq!(results["Meta"]["R038"], json!({"Tenderer_upper_fence": 0.7}), "the others are too few");
    assert_eq!(ids(&results, "Tenderer", "R038"), ["b"]);
    let clean = with(super::release("o", &[bid("a", "valid", 1.0), bid("a", "valid", 1.0)], &[]), "/buyer/id", "buyer");
    let results = run("[R038]", &[clean]);
    assert_eq!(results["Meta"]["R038"]["Buyer_upper_fence"], 0.0);
    assert_eq!((results.get("Buyer"), results.get("Tenderer")), (None, None), "a fence of zero is none");
    assert_eq!(results["Maps"]["ocid_buyer_r038"], json!({}));
}

#[test]
fn r048_counts_kinds_of_items() {
    let supply = |ocid: &str, supplier: &str, codes: &[&str]| {
        let items: Vec<Value> = codes.iter().map(|code| json!({"classification": {"id": code}})).collect();
        release(ocid, &[], &[with(award(supplier), "/items", items)])
    };
    let settings = "[R048]\nminimum_contracting_processes = 2";
    let releases = [
        supply("1", "a", &["1011", "1099", "20", "é1x"]),
        supply("2", "a", &["3", "10"]),
        supply("3", "b", &["10"]),
        supply("4", "b", &["10"]),
        supply("5", "c", &["1", "2", "3", "4", "5", "6", "7"]),
    ];
    let results = run(settings, &releases);
    // a: 10, 20, é1, 3; b: 10; c is in one process only.
    assert_eq!(results["Meta"]["R048"], json!({"q1": 1.0, "q3": 4.0, "upper_fence": 8.5}));
    assert_eq!(results.get("Tenderer"), None);
    let results = run(&format!("{settings}\nthreshold = 4"), &releases);
    assert_eq!(results["Meta"]["R048"], json!({"upper_fence": 4.0}));
    assert_eq!(values(&results, "Tenderer", "R048"), [("a".to_owned(), 4.0)]);
    let results = run("[R048]\nminimum_contracting_processes = 1\nthreshold = 1\ndigits = 1", &releases);
    assert_eq!(
        values(&results, "Tenderer", "R048"),
        [("a", 4.0), ("b", 1.0), ("c", 7.0)].map(|(id, n)| (id.to_owned(), n))
    );
    let of = |release: Value| {
        ids(&run("[R048]\nminimum_contracting_processes = 1\nthreshold = 1", &[release]), "Tenderer", "R048")
    };
    assert_eq!(of(supply("1", "a", &["1"])), ["a"]);
    assert!(of(with(supply("1", "a", &["1"]), "/awards/0/status", "pending")).is_empty());
    assert!(of(with(supply("1", "a", &["1"]), "/awards/0/suppliers", json!([{"id": "a"}, {"id": "b"}]))).is_empty());
    assert!(of(supply("1", "a", &[])).is_empty());
    let first = with(award("a"), "/items", json!([{"classification": {"id": "7"}}]));
    let twice = release("1", &[], &[first.clone(), first]);
    assert!(ids(&run(settings, &[twice]), "Tenderer", "R048").is_empty(), "one process, however many awards");
}

#[test]
fn r058_flags_at_or_above_the_upper_fence() {
    let mut releases: Vec<Value> = (0..8).map(|n| gap(&format!("o{n}"), 0.25)).collect();
    releases.push(gap("high", 0.5));
    let results = run("[R058]", &releases);
    assert_eq!(results["Meta"]["R058"], json!({"q1": 0.25, "q3": 0.25, "upper_fence": 0.25}));
    assert_eq!(ids(&results, "OCID", "R058").len(), 9);
    let results = run("[R058]\nthreshold = 0.5", &releases);
    assert_eq!(values(&results, "OCID", "R058"), [("high".to_owned(), 0.5)]);
    assert_eq!(values(&results, "Tenderer", "R058"), [("whigh".to_owned(), 0.0)], "the winner alone");
    assert_eq!(results["Maps"]["ocid_tenderer_r058"], json!({"high": ["whigh"]}));
    assert_eq!(run("[R058]\nthreshold = 0", &releases).get("OCID"), None);
    let zeros: Vec<Value> = (0..4).map(|n| gap(&format!("o{n}"), 0.0)).collect();
    assert_eq!(run("[R058]", &zeros).get("OCID"), None, "a fence of zero is none");
}

#[test]
fn nothing_gives_meta_alone() {
    let all = "[R003]\n[R018]\n[R024]\n[R025]\n[R028]\n[R030]\n[R035]\n[R036]\n[R038]\n[R048]\n[R058]";
    let mut results = run(all, &[]);
    let maps = results.as_object_mut().unwrap().remove("Maps").unwrap();
    assert!(maps.as_object().unwrap().values().all(|map| *map == json!({})) && maps.as_object().unwrap().len() == 8);
    let none = Value::Null;
    assert_eq!(
        results,
        json!({"Meta": {
            "R024": {"q1": none, "q3": none, "lower_fence": none},
            "R025": {"q1": none, "q3": none, "lower_fence": none, "upper_fence": none},
            "R048": {"q1": none, "q3": none, "upper_fence": none},
            "R058": {"q1": none, "q3": none, "upper_fence": none},
        }})
    );
    assert_eq!(run("", &[gap("o", 1.0)])["Meta"], json!({}), "no section, no indicator");
}
