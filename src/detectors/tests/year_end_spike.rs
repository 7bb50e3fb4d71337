use super::{Contract, Data, day, judge_all, value};
use crate::model::Severity;

const ID: &str = "year_end_spike";

/// Contracts of one unit by month, from January 2023 on; the files cover one month more.
fn months(buyer: &str, counts: &[usize]) -> Data {
    let mut data = Data::default();
    for (at, count) in counts.iter().enumerate() {
        let signed = day("2023-01-15") + chrono::Months::new(at as u32);
        for place in 0..*count {
            data.contracts.push(Contract {
                buyer: buyer.to_owned(),
                signed: Some(signed),
                file: signed.format("%Y%m_Compras.csv").to_string(),
                ..Contract::new(&format!("{buyer}-{at:02}-{place:03}"))
            });
        }
    }
    // A unit of one contract, whose file makes the last month complete.
    let last = day("2023-01-15") + chrono::Months::new(counts.len() as u32);
    data.contracts.push(Contract {
        buyer: "last".to_owned(),
        signed: None,
        file: last.format("%Y%m_Compras.csv").to_string(),
        ..Contract::new(&format!("{buyer}-last"))
    });
    data
}

fn both(mut one: Data, other: Data) -> Data {
    one.contracts.extend(other.contracts);
    one
}

/// What is answered for a unit beside another one that keeps the sphere's months level.
async fn judge(counts: &[usize], others: &[usize]) -> (Option<Severity>, std::collections::BTreeMap<String, i64>) {
    let judged = judge_all(ID, vec![both(months("100", counts), months("200", others))]).await.remove(0);
    (
        judged
            .findings
            .iter()
            .find(|finding| finding.contract_ids[0].starts_with("100"))
            .map(|finding| finding.severity),
        judged.verdicts,
    )
}

const LEVEL: [usize; 12] = [60; 12];

#[tokio::test]
async fn a_month_far_above_ones_own() {
    let mut counts = [3; 12];
    counts[11] = 20;
    assert_eq!(judge(&counts, &LEVEL).await.0, Some(Severity::Medium));
    counts.swap(11, 5);
    assert_eq!(judge(&counts, &LEVEL).await.0, Some(Severity::Low));
    // Below ten, or less than three times what is expected.
    assert_eq!(judge(&[2, 2, 2, 2, 2, 9, 2, 2, 2, 2, 2, 2], &LEVEL).await.0, None);
    assert_eq!(judge(&[20, 20, 20, 20, 20, 58, 20, 20, 20, 20, 20, 20], &LEVEL).await.0, None);
    let data = both(months("100", &counts), months("200", &LEVEL));
    let finding = judge_all(ID, vec![data]).await.remove(0).findings.remove(0);
    assert_eq!(finding.contract_ids.len(), 20);
    assert_eq!(
        (value(&finding, "month_contracts"), value(&finding, "month_start")),
        ("20".into(), "2023-06-01".into())
    );
}

#[tokio::test]
async fn december_is_what_it_is_for_all() {
    let mut counts = [3; 12];
    counts[11] = 20;
    let mut others = LEVEL;
    others[11] = 300;
    assert_eq!(judge(&counts, &others).await.0, None);
}

#[tokio::test]
async fn months_without_a_contract_count() {
    let mut counts = [0; 12];
    (counts[2], counts[7]) = (14, 14);
    let (severity, _) = judge(&counts, &LEVEL).await;
    assert_eq!(severity, Some(Severity::Low));
}

#[tokio::test]
async fn what_cannot_be_judged_says_why() {
    let (_, verdicts) = judge(&[2; 11], &[60; 11]).await;
    assert_eq!(verdicts, [("history_not_covered".to_owned(), 3)].into());
    let mut counts = [1; 12];
    counts[11] = 12;
    assert_eq!(judge(&counts, &LEVEL).await.1["too_few_contracts"], 2);
    counts[11] = 13;
    assert_eq!(
        judge(&counts, &LEVEL).await.1,
        [("clear".to_owned(), 1), ("fired".to_owned(), 1), ("too_few_contracts".to_owned(), 1)].into()
    );
}

#[tokio::test]
async fn a_unit_that_began_late_has_no_history_before() {
    // Ten a month since it began, and nothing before: every month is like the others.
    assert_eq!(judge(&[0, 0, 0, 0, 0, 0, 0, 0, 12, 12, 12, 12], &LEVEL).await.0, None);
    assert_eq!(judge(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 30], &LEVEL).await.0, None);
    // What it does beyond its own still shows.
    assert_eq!(judge(&[0, 0, 0, 0, 0, 0, 3, 3, 3, 3, 3, 30], &LEVEL).await.0, Some(Severity::Medium));
    // A contract of the years before tells that it was there.
    let mut data = both(months("100", &[0, 0, 0, 0, 0, 0, 0, 0, 12, 12, 12, 12]), months("200", &LEVEL));
    data.contracts.push(Contract {
        signed: Some(day("2020-05-01")),
        buyer: "100".to_owned(),
        ..Contract::new("100-old")
    });
    data.contracts.last_mut().unwrap().file = "202301_Compras.csv".to_owned();
    assert_eq!(judge_all(ID, vec![data]).await[0].findings.len(), 1);
}
