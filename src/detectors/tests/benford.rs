use super::{Contract, Data, judge_all, value};
use crate::model::Severity;

const ID: &str = "benford";

/// Contracts whose values in cents follow a rule by place.
fn series(count: usize, cents: impl Fn(usize) -> i128) -> Data {
    let of = |at: usize| Contract { initial: Some(cents(at)), ..Contract::new(&format!("c{at:04}")) };
    Data { contracts: (0..count).map(of).collect(), ..Data::default() }
}

/// Evenly spread logarithms over three decades: Benford's law to the digit.
fn lawful(at: usize) -> i128 {
    (1e5 * 10f64.powf(3.0 * (at as f64 + 0.5) / 600.0)) as i128
}

/// Over three decades, but with first digits 5 to 9 only.
fn lopsided(at: usize) -> i128 {
    [5, 6, 7, 8, 9][at % 5] * 10i128.pow(5 + at as u32 % 3) + at as i128
}

#[tokio::test]
async fn digits_off_the_law() {
    let judged =
        judge_all(ID, vec![series(600, lawful), series(600, lopsided), series(500, lopsided), series(499, lopsided)])
            .await;
    assert_eq!(super::verdicts_of(&judged), ["clear", "fired", "fired", "too_few_contracts"]);
    let finding = &judged[1].findings[0];
    assert_eq!((finding.severity, finding.contract_ids.len()), (Severity::Low, 600));
    assert_eq!(value(finding, "digit"), "9");
    assert!(
        value(finding, "digit_table").starts_with("1: 0 (180.6); 2: 0 (105.7)"),
        "{}",
        value(finding, "digit_table")
    );
}

#[tokio::test]
async fn series_that_the_law_is_not_made_for() {
    let narrow = series(600, |at| 500_000 + at as i128 * 100);
    let mut capped = series(600, lopsided);
    capped.contracts[0].modality = "dispensa_licitacao";
    let mut more = capped.clone();
    (more.contracts[1].modality, more.contracts[2].modality, more.contracts[3].modality) =
        ("convite", "tomada_de_precos", "not_informed");
    let mut just = series(503, lopsided);
    (just.contracts[1].modality, just.contracts[2].modality, just.contracts[3].modality) =
        ("convite", "tomada_de_precos", "not_informed");
    let mut few = just.clone();
    few.contracts[4].initial = Some(0);
    let judged = judge_all(ID, vec![narrow, capped, more, just, few]).await;
    assert_eq!(super::verdicts_of(&judged), ["values_too_narrow", "fired", "fired", "fired", "too_few_contracts"]);
    assert_eq!(value(&judged[2].findings[0], "contracts"), "596");
}
