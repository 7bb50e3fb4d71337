use super::tenders::{Tender, at, tender};
use super::{Data, day, judge_all, severities_of, value, verdicts_of};
use crate::model::Severity;

const ID: &str = "decision_period";

/// Bids until Thursday 2024-03-21, decided so many days later.
fn after(days: i64) -> Tender {
    Tender { result: Some(day("2024-03-21") + chrono::TimeDelta::days(days)), ..Tender::new("t") }
}

fn each(tenders: Vec<Tender>) -> Vec<Data> {
    tenders.into_iter().map(|one| tender(one, Vec::new())).collect()
}

#[tokio::test]
async fn fast_decisions() {
    let auction = |days| Tender { modality: "pregao", ..after(days) };
    let judged = judge_all(ID, each(vec![after(4), after(5), after(0), auction(1), auction(2), auction(0)])).await;
    let small = "peer_group_too_small";
    assert_eq!(verdicts_of(&judged), ["fired", small, "fired", "fired", small, "fired"]);
    let (low, medium) = (Some(Severity::Low), Some(Severity::Medium));
    assert_eq!(severities_of(&judged), [low, None, medium, low, None, low]);
    assert_eq!(value(&judged[0].findings[0], "side"), "fast");
}

#[tokio::test]
async fn slow_decisions() {
    let group = |days: &[i64], total: usize| {
        let mut all = days.to_vec();
        all.resize(total, 30);
        let one = |(place, days): (usize, &i64)| Tender { id: format!("t{place:03}"), ..after(*days) };
        Data { tenders: all.iter().enumerate().map(one).collect(), ..Data::default() }
    };
    // With six of a hundred above, the 95th percentile is the least of them.
    let slow = [60, 60, 60, 60, 60, 121];
    let judged = judge_all(ID, vec![group(&slow, 100), group(&slow, 99), group(&[], 100)]).await;
    assert_eq!(judged[0].verdicts, [("clear".to_owned(), 94), ("fired".to_owned(), 6)].into());
    assert_eq!(judged[1].verdicts, [("peer_group_too_small".to_owned(), 99)].into());
    assert_eq!(judged[2].verdicts, [("peer_group_without_spread".to_owned(), 100)].into());
    let severities: Vec<_> = judged[0].findings.iter().map(|finding| finding.severity).collect();
    assert_eq!(severities.iter().filter(|severity| **severity == Severity::Medium).count(), 1);
    assert_eq!(value(&judged[0].findings[0], "days"), "121");
}

#[tokio::test]
async fn what_cannot_be_judged() {
    let cases = each(vec![
        Tender { situation: Some("cancelled".to_owned()), ..after(0) },
        Tender { result: None, ..after(0) },
        Tender { end: None, ..after(0) },
        after(-1),
        // The end of a period that is published as midnight of UTC is that day.
        Tender { end: Some(at("2024-03-21T00:00:00Z")), ..after(0) },
    ]);
    assert_eq!(
        verdicts_of(&judge_all(ID, cases).await),
        ["cancelled", "no_days", "no_days", "result_before_deadline", "fired"]
    );
    let direct = tender(Tender { method: Some("limited"), ..after(0) }, Vec::new()).run(ID).await;
    assert_eq!((direct.summary.fired, direct.summary.not_evaluable), (0, 0));
}
