use super::{Contract, judge_each, severities_of, value, verdicts_of};
use crate::model::Severity;

const ID: &str = "value_risk";

#[tokio::test]
async fn the_bands_begin_to_the_cent() {
    let worth = |text: &str| Contract::new("a").worth(text);
    let judged = judge_each(
        ID,
        vec![
            worth("10000.00"),
            worth("99999.99"),
            worth("100000.00"),
            worth("999999.99"),
            worth("1000000.00"),
            worth("4999999.99"),
            worth("5000000.00"),
            worth("0.00"),
        ],
    )
    .await;
    assert_eq!(
        verdicts_of(&judged),
        ["low_value", "low_value", "medium_value", "medium_value", "fired", "fired", "fired", "no_value"]
    );
    let [high, critical] = [Severity::High, Severity::Critical].map(Some);
    assert_eq!(severities_of(&judged[4..7]), [high, high, critical]);
    assert_eq!(value(&judged[6].findings[0], "level"), "critical");
    assert!(judged[6].findings[0].description_pt.contains("faixa de risco crítica"));
}

#[tokio::test]
async fn the_current_value_counts_or_else_the_initial_one() {
    let of = |initial, current| Contract { initial, current, ..Contract::new("a") };
    let judged = judge_each(
        ID,
        vec![
            of(Some(100_000_000), Some(99_999_999)),
            of(Some(100_000_000), None),
            of(Some(100_000_000), Some(0)),
            of(None, None),
            of(None, Some(0)),
            of(Some(0), Some(0)),
            of(Some(100_000_000), Some(-1)),
        ],
    )
    .await;
    assert_eq!(
        verdicts_of(&judged),
        ["medium_value", "fired", "fired", "no_value", "no_value", "no_value", "no_value"]
    );
}
