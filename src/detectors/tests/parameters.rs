//! Other values for parameters.

use super::{Contract, Data};
use crate::detectors::{Catalogue, Detector, Parameter, Run};
use crate::model::{ParameterOverride, Plan, Violation};

fn set(detector: &str, name: &str, value: &str) -> ParameterOverride {
    ParameterOverride {
        detector: detector.to_owned(),
        name: name.to_owned(),
        value: value.to_owned(),
        default: String::new(),
    }
}

fn parameter(detector: &str, name: &str) -> Parameter {
    let catalogue = Catalogue::builtin().unwrap();
    catalogue.get(detector).unwrap().header.parameter(name).unwrap().clone()
}

#[test]
fn a_value_keeps_to_unit_form_and_bounds() {
    for (detector, name, value, expected) in [
        ("just_below_threshold", "near_share", "0.95", Ok("0.95")),
        ("just_below_threshold", "near_share", "0.9", Ok("0.90")),
        ("just_below_threshold", "near_share", "00.9000", Ok("0.90")),
        ("just_below_threshold", "near_share", "0.955", Ok("0.955")),
        ("just_below_threshold", "near_share", "0.01", Ok("0.01")),
        ("just_below_threshold", "near_share", "0.99", Ok("0.99")),
        ("just_below_threshold", "near_share", "0.0099", Err("must be from 0.01 to 0.99")),
        ("just_below_threshold", "near_share", "1", Err("must be from 0.01 to 0.99")),
        ("just_below_threshold", "near_share", "0.9000001", Err("must be at most 16 digits")),
        ("just_below_threshold", "near_share", "-0.5", Err("must be at most 16 digits")),
        ("just_below_threshold", "near_share", "", Err("as in 0.90")),
        ("just_below_threshold", "near_share", "0.", Err("as in 0.90")),
        ("just_below_threshold", "near_share", ".9", Err("as in 0.90")),
        ("just_below_threshold", "near_share", "9e-1", Err("as in 0.90")),
        ("just_below_threshold", "near_share", "0.9; DROP TABLE contracts", Err("as in 0.90")),
        ("just_below_threshold", "near_share", "0,9", Err("as in 0.90")),
        ("amendment_count", "many", "4", Ok("4")),
        ("amendment_count", "many", "04.0", Ok("4")),
        ("amendment_count", "many", "2.5", Err("must be a whole number (count)")),
        ("amendment_count", "many", "0", Err("must not be below 1")),
        ("amendment_count", "early_days", "3651", Err("must not be above 3650")),
        ("high_value_direct_award", "min_value", "1000.5", Ok("1000.50")),
        ("high_value_direct_award", "min_value", "1000.505", Err("must have at most 2 decimals (BRL)")),
        ("value_jump", "slip_factor", "12.5", Ok("12.5")),
        ("amendment_cap", "cap", "0.30", Err("must stay as the law sets it (Lei 14.133/2021 art. 125")),
        ("emergency_overrun", "days_8666", "365", Err("must stay as the law sets it (Lei 8.666/1993 art. 24 IV)")),
    ] {
        match (parameter(detector, name).accept(value), expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{name} {value}"),
            (Err(got), Err(expected)) => assert!(got.contains(expected), "{name} {value}: {got}"),
            (got, expected) => panic!("{name} {value}: {got:?}, not {expected:?}"),
        }
    }
}

#[tokio::test]
async fn every_parameter_of_ones_own_reaches_the_query_and_what_findings_quote() {
    let catalogue = Catalogue::builtin().unwrap();
    let run = Run::prepare(Data::default().session(1), &Plan::default()).await.unwrap();
    let mut tried = 0;
    for detector in catalogue.iter() {
        for parameter in detector.header.parameters.iter().filter(|one| one.legal_basis.is_empty()) {
            // Some value within the bounds that is not the default.
            let candidates = ["0.005", "0.011", "0.97", "1.25", "1.01", "3", "7", "12", "5000", "3000000.00"];
            let changed = candidates.iter().find_map(|value| {
                let other = set(detector.id(), &parameter.name, value);
                detector.with(&[&other]).ok().filter(|changed| changed.header.overridden().count() == 1)
            });
            let changed = changed.unwrap_or_else(|| panic!("{}.{} takes no value", detector.id(), parameter.name));
            assert_ne!(changed.sql(), detector.sql(), "{}.{}", detector.id(), parameter.name);
            run.check(&changed).await.unwrap();
            let quoted = changed.header.parameter(&parameter.name).unwrap().applied();
            assert_eq!(quoted.default_value, parameter.value);
            assert!(
                quoted.text_pt.contains("(alterado; padrão: ") && quoted.text_en.contains("(overridden; default: ")
            );
            assert_eq!(detector.header.parameter(&parameter.name).unwrap().applied().default_value, "");
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
}

#[test]
fn texts_quote_the_value_that_counts() {
    let catalogue = Catalogue::builtin().unwrap();
    let texts = |detector: &Detector| {
        let header = &detector.header;
        let reasons = header.reasons.values().flat_map(|reason| [reason.pt.clone(), reason.en.clone()]);
        let labels = header.evidence.iter().flat_map(|column| [column.label.pt.clone(), column.label.en.clone()]);
        reasons.chain(labels).collect::<Vec<_>>().join("\n")
    };
    let below = catalogue.get("just_below_threshold").unwrap();
    assert!(texts(below).contains("Dispensas de 90 % do limite em diante"));
    let other = below.with(&[&set("just_below_threshold", "near_share", "0.95")]).unwrap();
    assert!(texts(&other).contains("Dispensas de 95 % do limite em diante") && !texts(&other).contains("90 %"));
    let risk = catalogue.get("value_risk").unwrap();
    assert!(texts(risk).contains("Value from R$ 100,000.00 to less than R$ 1,000,000.00."));
    // No text is left with a place in it.
    assert!(catalogue.iter().all(|detector| !texts(detector).contains(['{', '}'])));
}

async fn found(detector: &Detector) -> Vec<(String, String)> {
    let data = Data { contracts: vec![Contract::new("a").worth("2000000.00")], ..Data::default() };
    let data = Data {
        contracts: data.contracts.into_iter().map(|one| Contract { modality: "dispensa_licitacao", ..one }).collect(),
        ..Data::default()
    };
    let run = Run::prepare(data.session(1), &Plan::default()).await.unwrap();
    let answer = run.detector(detector).await.unwrap();
    let warned = answer.summary.warnings_pt.iter().any(|warning| warning.contains("parâmetros alterados"));
    assert_eq!(warned, detector.header.overridden().count() > 0, "{:?}", answer.summary.warnings_pt);
    answer.findings.into_iter().map(|finding| (finding.id, finding.description_pt)).collect()
}

#[tokio::test]
async fn what_is_held_against_other_numbers_is_another_finding() {
    let catalogue = Catalogue::builtin().unwrap();
    let detector = catalogue.get("high_value_direct_award").unwrap();
    let with = |name: &str, value: &str| detector.with(&[&set(detector.id(), name, value)]).unwrap();
    let usual = found(detector).await;
    assert_eq!(usual.len(), 1);
    assert_eq!(found(&with("min_value", "1000000")).await, usual, "the default by another spelling");
    let lower = found(&with("min_value", "1500000")).await;
    assert_ne!(lower[0].0, usual[0].0);
    assert!(lower[0].1.contains("R$ 1.500.000,00") && usual[0].1.contains("R$ 1.000.000,00"), "{lower:?}");
    assert!(found(&with("min_value", "2000000.01")).await.is_empty());
    assert_eq!(found(&with("min_value", "2000000.00")).await.len(), 1);
}

fn violations(asked: &[ParameterOverride], running: &[&str]) -> Vec<(String, String, String)> {
    let running: Vec<_> = running.iter().map(|id| (*id).to_owned()).collect();
    let mut found = Vec::new();
    Catalogue::builtin().unwrap().parameter_violations(asked, &running, "options.parameters", &mut found);
    found.into_iter().map(|Violation { field, rule, value }| (field, rule, value)).collect()
}

#[test]
fn what_is_wrong_names_field_rule_and_value() {
    let running = ["just_below_threshold", "amendment_cap", "invalid_tax_id"];
    let found = violations(
        &[
            set("none", "x", "1"),
            set("value_jump", "low_ratio", "0.2"),
            set("amendment_cap", "cap", "0.5"),
            set("amendment_cap", "cup", "0.5"),
            set("invalid_tax_id", "x", "1"),
            set("just_below_threshold", "near_share", "2"),
            set("just_below_threshold", "near_share", "0.92"),
        ],
        &running,
    );
    let fields: Vec<_> = found.iter().map(|(field, _, value)| (field.as_str(), value.as_str())).collect();
    assert_eq!(
        fields,
        [
            ("options.parameters[0].detector", "none"),
            ("options.parameters[1].detector", "value_jump"),
            ("options.parameters[2].value", "0.5"),
            ("options.parameters[3].name", "cup"),
            ("options.parameters[4].name", "x"),
            ("options.parameters[5].value", "2"),
            ("options.parameters[6].name", "near_share"),
        ]
    );
    let order = violations(&[set("just_below_threshold", "near_share", "0.5")], &running);
    assert_eq!(order[0].0, "options.parameters[0].value");
    assert!(order[0].1.contains("wide_share must not be above near_share (0.50)"), "{order:?}");
    let both = [set("just_below_threshold", "near_share", "0.5"), set("just_below_threshold", "wide_share", "0.4")];
    assert!(violations(&both, &running).is_empty());
    let both = [set("just_below_threshold", "near_share", "0.5"), set("just_below_threshold", "wide_share", "0.6")];
    assert_eq!(violations(&both, &running)[0].0, "options.parameters[1].value");
}

#[test]
fn a_plan_has_what_differs_in_one_order_and_one_spelling() {
    let catalogue = Catalogue::builtin().unwrap();
    let running = ["value_jump".to_owned(), "duplicates".to_owned()];
    let asked = [
        set("value_jump", "low_ratio", "0.2"),
        set("value_jump", "medium_ratio", "0.5"),
        set("amendment_count", "many", "9"),
        set("duplicates", "near_days", "007"),
    ];
    let parameters = catalogue.overridden(&asked, &running);
    let shown: Vec<_> =
        parameters.iter().map(|one| format!("{}.{}={} ({})", one.detector, one.name, one.value, one.default)).collect();
    assert_eq!(shown, ["duplicates.near_days=7 (30)", "value_jump.low_ratio=0.20 (0.10)"]);
    let plan = Plan { parameters, ..Plan::default() };
    let detector = catalogue.of_plan(&plan, "value_jump").unwrap().unwrap();
    assert_eq!(detector.header.parameter("low_ratio").unwrap().value, "0.20");
    assert_eq!(catalogue.of_plan(&plan, "amendment_cap").unwrap().unwrap().header.overridden().count(), 0);
    assert!(catalogue.of_plan(&plan, "none").is_none());
    let wrong = Plan { parameters: vec![set("value_jump", "low_ratio", "x")], ..Plan::default() };
    let error = catalogue.of_plan(&wrong, "value_jump").unwrap().unwrap_err().to_string();
    assert!(error.contains("value_jump") && error.contains("low_ratio") && error.contains("\"x\""), "{error}");
}
