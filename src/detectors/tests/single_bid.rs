use super::tenders::{Bid, Tender, bids, tender};
use super::{Data, judge_all, severities_of, value, verdicts_of};
use crate::model::Severity;

const ID: &str = "single_bid";

fn with(count: i64) -> Tender {
    Tender { tenderers: Some(count), ..Tender::new("t") }
}

#[tokio::test]
async fn one_bidder_of_a_decided_competition() {
    let one = |change: fn(&mut Tender)| {
        let mut one = with(1);
        change(&mut one);
        tender(one, Vec::new())
    };
    let cases = vec![
        one(|_| {}),
        tender(with(2), Vec::new()),
        one(|t| t.method = Some("selective")),
        one(|t| (t.method, t.modality) = (None, "pregao")),
        one(|t| (t.method, t.modality) = (None, "not_informed")),
        one(|t| t.situation = Some("cancelled".to_owned())),
        one(|t| t.situation = Some("Licitação revogada".to_owned())),
        one(|t| (t.result, t.value) = (None, None)),
        one(|t| t.tenderers = None),
        one(|t| t.tenderers = Some(0)),
        tender(Tender { tenderers: None, ..Tender::new("t") }, bids("t", &[100])),
        tender(Tender { tenderers: None, ..Tender::new("t") }, bids("t", &[100, 110])),
        tender(with(1), bids("t", &[100, 110])),
        // A bidder that nobody names may be the same or another.
        tender(
            Tender { tenderers: None, ..Tender::new("t") },
            vec![Bid::of("t", "f", 100).won(), Bid { id: "x".to_owned(), ..Bid::of("t", "", 120) }],
        ),
        // A withdrawn bid is none.
        tender(
            Tender { tenderers: None, ..Tender::new("t") },
            vec![Bid::of("t", "f", 100).won(), Bid::of("t", "g", 120).status("withdrawn")],
        ),
    ];
    assert_eq!(
        verdicts_of(&judge_all(ID, cases).await),
        [
            "fired",
            "clear",
            "fired",
            "fired",
            "method_unknown",
            "cancelled",
            "cancelled",
            "not_decided",
            "bidders_not_published",
            "bidders_not_published",
            "only_winners_named",
            "clear",
            "counts_differ",
            "bidders_not_published",
            "only_winners_named",
        ]
    );
}

#[tokio::test]
async fn direct_awards_are_no_subject() {
    let direct = |method: Option<&'static str>, modality| Tender { method, modality, ..with(1) };
    let data = Data {
        tenders: vec![direct(Some("direct"), "concorrencia"), direct(None, "dispensa_licitacao")],
        ..Data::default()
    };
    let run = data.run(ID).await;
    assert_eq!((run.summary.fired, run.summary.clear, run.summary.not_evaluable), (0, 0, 0));
}

/// So many tenders of the market, so many of them with one bidder.
fn market(total: usize, single: usize) -> Data {
    let one = |at: usize| Tender {
        id: format!("t{at:03}"),
        tenderers: Some(if at < single { 1 } else { 3 }),
        value: Some(100_000 + at as i128 * 100),
        ..Tender::new("t")
    };
    Data { tenders: (0..total).map(one).collect(), ..Data::default() }
}

#[tokio::test]
async fn what_is_usual_in_a_market_is_no_flag() {
    let judged = judge_all(ID, vec![market(30, 24), market(30, 23), market(29, 29)]).await;
    assert_eq!(judged[0].verdicts, [("usual_in_market".to_owned(), 24), ("clear".to_owned(), 6)].into());
    assert_eq!(judged[1].verdicts, [("fired".to_owned(), 23), ("clear".to_owned(), 7)].into());
    assert_eq!(judged[2].verdicts, [("fired".to_owned(), 29)].into());
    let finding = &judged[1].findings[0];
    assert_eq!(value(finding, "market_tenders"), "30");
    assert!(finding.contract_ids.is_empty());
    assert_eq!((finding.evidence.rows[0].table.as_str(), finding.evidence.total_rows), ("tenders", 1));
}

#[tokio::test]
async fn a_large_value_is_high() {
    // The 90th percentile of 0, 100, …, 2900 reais above 1,000: only what is above it is high.
    let mut large = market(30, 1);
    large.tenders[0].value = Some(10_000_000);
    let mut dollars = large.clone();
    dollars.tenders[0].currency = Some("USD".to_owned());
    let mut few = market(29, 1);
    few.tenders[0].value = Some(10_000_000);
    let judged = judge_all(ID, vec![large, market(30, 1), dollars, few]).await;
    let medium = Some(Severity::Medium);
    assert_eq!(severities_of(&judged), [Some(Severity::High), medium, medium, medium]);
    assert!(
        judged[2].findings[0].description_pt.contains("USD 100.000,00"),
        "{}",
        judged[2].findings[0].description_pt
    );
}

#[tokio::test]
async fn a_source_that_names_winners_alone_accuses_nobody() {
    let named = |single: usize, total: usize| {
        let mut data = Data::default();
        for at in 0..total {
            let id = format!("t{at:02}");
            data.bids.extend(bids(&id, if at < single { &[100] } else { &[100, 120] }));
            data.tenders.push(Tender { id, ..Tender::new("t") });
        }
        data
    };
    let judged = judge_all(ID, vec![named(7, 10), named(8, 10), named(7, 9)]).await;
    assert_eq!(judged[0].verdicts, [("clear".to_owned(), 3), ("fired".to_owned(), 7)].into());
    assert_eq!(judged[1].verdicts, [("clear".to_owned(), 2), ("only_winners_named".to_owned(), 8)].into());
    assert_eq!(judged[2].verdicts, [("clear".to_owned(), 2), ("only_winners_named".to_owned(), 7)].into());
}

#[tokio::test]
async fn the_bidder_is_shown() {
    let mut data = tender(with(1), bids("t", &[100]));
    let run = data.run(ID).await;
    let rows: Vec<_> = run.findings[0].evidence.rows.iter().map(|row| row.table.as_str()).collect();
    assert_eq!(rows, ["tenders", "bids"]);
    assert_eq!(run.findings[0].evidence.total_rows, 2);
}
