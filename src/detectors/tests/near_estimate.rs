use super::tenders::{Tender, TenderItem, tender};
use super::{Data, judge_all, severities_of, value, verdicts_of};
use crate::model::{Money, Severity};

const ID: &str = "near_estimate";

/// Estimated at 1,000.00, awarded at this many cents, with two bidders.
fn awarded(cents: i128) -> Tender {
    Tender { estimate: Some(100_000), value: Some(cents), tenderers: Some(2), ..Tender::new("t") }
}

fn each(tenders: Vec<Tender>) -> Vec<Data> {
    tenders.into_iter().map(|one| tender(one, Vec::new())).collect()
}

#[tokio::test]
async fn bands() {
    let cents = [97_999, 98_000, 100_000, 100_001, 70_000, 70_001, 999_999, 1_000_000, 10_001, 10_000];
    let judged = judge_all(ID, each(cents.map(awarded).to_vec())).await;
    let slip = "slip_possible";
    assert_eq!(
        verdicts_of(&judged),
        ["clear", "fired", "fired", "fired", "fired", "clear", "fired", slip, "fired", slip]
    );
    let (low, medium) = (Some(Severity::Low), Some(Severity::Medium));
    assert_eq!(severities_of(&judged), [None, low, low, medium, low, None, medium, None, low, None]);
    let sides: Vec<_> = judged.iter().filter_map(|one| Some(value(one.findings.first()?, "side"))).collect();
    assert_eq!(sides, ["near", "near", "above", "low", "above", "low"]);
    assert_eq!(judged[3].findings[0].amount_at_stake, Some(Money::from_cents(1)));
    let finding = &judged[1].findings[0];
    assert_eq!(finding.amount_at_stake, None);
    // One tender is no plural.
    assert!(finding.description_pt.contains("com ambos os valores: 1; quartis"), "{}", finding.description_pt);
    assert!(finding.description_en.contains("with both values: 1; quartiles"), "{}", finding.description_en);
}

#[tokio::test]
async fn where_the_highest_bid_wins_more_is_better() {
    let granted = |object: &str| Tender { object: object.to_owned(), ..awarded(150_000) };
    let judged = judge_all(
        ID,
        each(vec![
            granted("Concessão onerosa de uso de espaço físico para cantina"),
            granted("Alienação de bens móveis"),
            Tender { criterion: Some("Maior lance".to_owned()), ..awarded(150_000) },
            Tender { criterion: Some("Menor preço".to_owned()), ..awarded(150_000) },
        ]),
    )
    .await;
    let highest = "highest_bid_wins";
    assert_eq!(verdicts_of(&judged), [highest, highest, highest, "fired"]);
}

#[tokio::test]
async fn competitors_and_currencies() {
    let judged = judge_all(
        ID,
        each(vec![
            Tender { tenderers: Some(1), ..awarded(99_000) },
            Tender { tenderers: None, ..awarded(99_000) },
            Tender { tenderers: None, ..awarded(101_000) },
            Tender { currency: Some("PYG".to_owned()), ..awarded(101_000) },
            Tender { estimate: None, ..awarded(99_000) },
            Tender { value: None, ..awarded(99_000) },
            Tender { value: Some(0), ..awarded(99_000) },
            Tender { situation: Some("withdrawn".to_owned()), ..awarded(99_000) },
        ]),
    )
    .await;
    let none = "no_estimate";
    assert_eq!(
        verdicts_of(&judged),
        ["no_competitor", "bidders_not_published", "fired", "fired", none, none, none, "cancelled"]
    );
    // No rate is guessed: what is at stake is told in reais alone.
    assert_eq!(judged[3].findings[0].amount_at_stake, None);
    assert!(judged[3].findings[0].description_pt.contains("PYG 1.010,00"));
}

#[tokio::test]
async fn a_part_is_no_discount() {
    let items = |of: &[(Option<&str>, bool)]| {
        let mut data = tender(awarded(60_000), Vec::new());
        for (place, (lot, won)) in of.iter().enumerate() {
            let mut item = TenderItem::of("t", place);
            item.lot = lot.map(str::to_owned);
            item.winner = won.then(|| "f".to_owned());
            data.tender_items.push(item);
        }
        data
    };
    let judged = judge_all(
        ID,
        vec![
            items(&[(None, true), (None, true)]),
            items(&[(None, true), (None, false)]),
            items(&[(None, false), (None, false)]),
            items(&[(Some("1"), true), (Some("2"), true)]),
            // The only item was awarded, to whomever.
            items(&[(None, false)]),
        ],
    )
    .await;
    assert_eq!(verdicts_of(&judged), ["fired", "partly_awarded", "partly_awarded", "fired", "fired"]);
}

#[tokio::test]
async fn an_estimate_that_repeats_the_result_says_nothing() {
    let source = |copied: usize, total: usize| {
        let one = |place: usize| Tender {
            id: format!("t{place:02}"),
            ..awarded(if place < copied { 100_000 } else { 90_000 })
        };
        Data { tenders: (0..total).map(one).collect(), ..Data::default() }
    };
    let judged = judge_all(ID, vec![source(4, 20), source(5, 20), source(5, 19)]).await;
    assert_eq!(judged[0].verdicts, [("clear".to_owned(), 16), ("fired".to_owned(), 4)].into());
    assert_eq!(judged[1].verdicts, [("estimate_repeats_result".to_owned(), 20)].into());
    assert_eq!(judged[2].verdicts, [("clear".to_owned(), 14), ("fired".to_owned(), 5)].into());
}
