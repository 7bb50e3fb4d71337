use super::{Contract, Data};
use crate::detectors::functions::CNPJ_UNFIT;
use crate::detectors::{Catalogue, Detector, DetectorError, Run, aside};
use crate::model::Plan;

#[tokio::test]
async fn built_in_detectors_keep_to_the_form() {
    let catalogue = Catalogue::builtin().unwrap();
    assert_eq!(
        catalogue.ids(),
        [
            "amendment_cap",
            "amendment_count",
            "direct_award_growth",
            "value_jump",
            "splitting_sum",
            "just_below_threshold",
            "emergency_overrun",
            "late_publication",
            "duplicates",
            "supplier_share_of_buyer",
            "non_competitive_share",
            "market_concentration",
            "contract_value_outlier",
            "item_price_outlier",
            "year_end_spike",
            "benford",
            "high_value_direct_award",
            "invalid_tax_id",
            "sanctioned_supplier",
            "new_company",
            "inactive_company",
            "activity_mismatch",
            "capacity_mismatch",
            "payments_exceed",
            "heterogeneous_supplier",
            "short_submission",
            "decision_period",
            "single_bid",
            "few_bidders_for_market",
            "near_estimate",
            "late_bid_won",
            "disqualification_pattern",
            "linked_bidders",
            "identical_prices",
            "price_gap",
            "bid_dispersion_screen",
            "rotation_and_cobidding",
            "value_risk",
        ]
    );
    let run = Run::prepare(Data::default().session(2), &Plan::default()).await.unwrap();
    for detector in catalogue.iter() {
        run.check(detector).await.unwrap();
        for (name, reason) in &detector.header.reasons {
            let given = detector.sql().contains(&format!("'{name}'"))
                || aside::reasons().iter().any(|(known, _)| known == name)
                || detector.sql().contains("cnpj_unfit(") && CNPJ_UNFIT.contains(&name.as_str());
            assert!(given, "{}: {name} is never given", detector.id());
            assert!(!reason.pt.is_empty() && !reason.en.is_empty());
        }
        let column = |name: &str| detector.header.evidence.iter().any(|column| column.name == name);
        for parameter in &detector.header.parameters {
            // The query reads it (its literal stands there), or evidence of the same name quotes it.
            assert!(detector.sql().contains(&parameter.value) || column(&parameter.name), "{}", parameter.name);
        }
        // DataFusion 55 may lose rows where such a list stands beside `count(DISTINCT …)`: rows are made distinct before.
        let compact = detector.sql().replace(' ', "").to_lowercase();
        assert!(!compact.contains("_agg(distinct"), "{}: a list of distinct values", detector.id());
        for text in [&detector.header.text.pt, &detector.header.false_positives.pt[0]] {
            let guilt = ["fraude", "crime", "corrup", "culpa", "ilegal"];
            assert!(!guilt.iter().any(|word| text.to_lowercase().contains(word)), "{}: {text}", detector.id());
        }
        assert!(detector.header.text.pt.contains("indício"), "{}", detector.id());
        assert!(detector.header.text.en.contains("indication"), "{}", detector.id());
        assert!(!detector.header.groups.is_empty());
    }
    let concentration: Vec<_> = catalogue.in_group("concentration").map(Detector::id).collect();
    assert_eq!(concentration, ["supplier_share_of_buyer", "non_competitive_share", "market_concentration"]);
    let on_request: Vec<_> = catalogue.iter().filter(|one| one.header.on_request).map(Detector::id).collect();
    assert_eq!(on_request, ["value_risk"]);
    assert!(catalogue.get("nothing").is_none());
}

#[tokio::test]
async fn an_empty_lake_gives_empty_answers() {
    let empty = Run::prepare(Data::default().session(2), &Plan::default()).await.unwrap();
    for detector in Catalogue::builtin().unwrap().iter() {
        let id = detector.id();
        let run = empty.detector(detector).await.unwrap();
        assert!(run.findings.is_empty(), "{id}");
        assert_eq!((run.summary.fired, run.summary.clear, run.summary.not_evaluable), (0, 0, 0), "{id}");
    }
}

pub(super) const FORM: &str = r#"/*
id = "mine"
version = "1"
strength = "contextual"
scope = "single"
reference = ""
legal_basis = ""
tags = []
groups = []
tables = ["contracts"]
title = { pt = "t", en = "t" }
explanation = { pt = "t", en = "t" }
severity = { pt = "t", en = "t" }
text = { pt = "{worth|brl} de {least|brl}", en = "{worth|brl} of {least|brl}" }
false_positives = { pt = ["t"], en = ["t"] }
parameters = [{ name = "least", value = "10.00", unit = "BRL", label = { pt = "t", en = "t" } }]
evidence = [{ name = "worth", unit = "BRL", label = { pt = "t", en = "t" } }]
[reasons.why]
outcome = "clear"
pt = "t"
en = "t"
*/
SELECT contract_id AS subject, OUTCOME AS outcome, REASON AS reason, SEVERITY AS severity, in_scope,
    make_array(contract_id) AS contract_ids, initial_value AS worth
FROM contracts WHERE initial_value >= $least
"#;

fn mine(outcome: &str, reason: &str, severity: &str) -> Detector {
    Detector::parse(&FORM.replace("OUTCOME", outcome).replace("REASON", reason).replace("SEVERITY", severity)).unwrap()
}

async fn answer(detector: &Detector) -> Result<(i64, String), DetectorError> {
    let data = Data {
        contracts: vec![Contract::new("a").worth("10.00"), Contract::new("b").worth("9.99")],
        ..Data::default()
    };
    let run = Run::prepare(data.session(1), &Plan::default()).await.unwrap();
    let answer = run.detector(detector).await?;
    Ok((answer.summary.fired, answer.findings.first().map(|one| one.description_pt.clone()).unwrap_or_default()))
}

#[tokio::test]
async fn a_detector_of_ones_own_runs_with_its_parameter() {
    let (fired, text) = answer(&mine("'fired'", "NULL", "'low'")).await.unwrap();
    assert_eq!((fired, text.as_str()), (1, "R$ 10,00 de R$ 10,00"));
}

#[tokio::test]
async fn answers_outside_the_form_are_errors() {
    for (outcome, reason, severity, words) in [
        ("'guilty'", "NULL", "NULL", "guilty"),
        ("NULL", "NULL", "NULL", "outcome is null"),
        ("'fired'", "NULL", "NULL", "without a severity"),
        ("'fired'", "NULL", "'fatal'", "fatal"),
        ("'fired'", "'why'", "'low'", "with the reason"),
        ("'clear'", "'because'", "NULL", "because"),
        ("'not_evaluable'", "'why'", "NULL", "does not go with"),
        ("'not_evaluable'", "NULL", "NULL", "without a reason"),
        ("'clear'", "'why'", "'low'", "without a finding"),
    ] {
        let error = answer(&mine(outcome, reason, severity)).await.unwrap_err();
        assert!(matches!(error, DetectorError::Answer { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_detector_cannot_change_anything() {
    let file = FORM.split_once("SELECT").unwrap().0.to_owned() + "DROP TABLE contracts";
    let error = answer(&Detector::parse(&file).unwrap()).await.unwrap_err();
    assert!(matches!(error, DetectorError::Query { .. }), "{error}");
}

#[test]
fn malformed_files_name_their_fault() {
    for (from, to, words) in [
        ("/*", "", "header"),
        ("*/", "", "closed"),
        ("id = \"mine\"", "id = \"My Own\"", "snake_case"),
        ("{worth|brl} de", "{wealth|brl} de", "wealth"),
        ("{worth|brl} de", "{worth|carats} de", "carats"),
        ("de {least|brl}", "de {least|brl", "not closed"),
        ("value = \"10.00\"", "value = \"1; DROP\"", "digits"),
        ("$least", "$most", "most"),
        ("outcome = \"clear\"", "outcome = \"fired\"", "clear or not_evaluable"),
        ("outcome = \"clear\"", "columns = [\"contracts.worth\"]\noutcome = \"clear\"", "must be a column"),
        ("unit = \"BRL\", label", "unit = \"USD\", label", "USD"),
        ("tags = []", "tags = []\ncolour = \"red\"", "colour"),
        (
            "false_positives = { pt = [\"t\"], en = [\"t\"] }",
            "false_positives = { pt = [], en = [] }",
            "false_positives",
        ),
        ("evidence = [{ name = \"worth\"", "evidence = [{ name = \"subject\"", ""),
    ] {
        let file = FORM.replacen(from, to, 1);
        let error = Detector::parse(&file).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn the_documentation_names_everything() {
    let documentation = include_str!("../../../docs/detectors.md");
    let mention =
        |name: &str| assert!(documentation.contains(&format!("`{name}`")), "docs/detectors.md is silent about {name}");
    for detector in Catalogue::builtin().unwrap().iter() {
        mention(detector.id());
        detector.header.reasons.keys().for_each(|name| mention(name));
        for parameter in &detector.header.parameters {
            assert!(
                documentation.contains(&format!("`{} = {}`", parameter.name, parameter.value)),
                "{}",
                parameter.name
            );
        }
    }
    for function in crate::detectors::functions::Function::ALL {
        mention(function.name());
    }
    assert!(documentation.contains("`quantile8(x, p)`") && documentation.contains("`mad(x)`"));
}
