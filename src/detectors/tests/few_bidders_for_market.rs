use super::tenders::{Tender, TenderItem, tender};
use super::{Data, judge_all, value, verdicts_of};

const ID: &str = "few_bidders_for_market";

fn market(counts: &[i64]) -> Data {
    let one =
        |(at, count): (usize, &i64)| Tender { id: format!("t{at:03}"), tenderers: Some(*count), ..Tender::new("t") };
    Data { tenders: counts.iter().enumerate().map(one).collect(), ..Data::default() }
}

fn peers(first: &[i64], rest: i64, total: usize) -> Data {
    let mut counts = first.to_vec();
    counts.resize(total, rest);
    market(&counts)
}

#[tokio::test]
async fn less_than_half_of_the_median() {
    // All others have five: half of it is 2.5.
    let judged = judge_all(ID, vec![peers(&[2], 5, 30), peers(&[3], 5, 30), peers(&[2], 5, 29)]).await;
    assert_eq!(judged[0].verdicts, [("fired".to_owned(), 1), ("clear".to_owned(), 29)].into());
    assert_eq!(judged[1].verdicts, [("clear".to_owned(), 30)].into());
    assert_eq!(judged[2].verdicts, [("peer_group_too_small".to_owned(), 29)].into());
    assert_eq!(value(&judged[0].findings[0], "median"), "5");
    // A median of four: two is half, and not less.
    let judged = judge_all(ID, vec![peers(&[2], 4, 30), peers(&[1], 2, 30)]).await;
    assert_eq!(judged[0].verdicts, [("clear".to_owned(), 30)].into());
    assert_eq!(judged[1].verdicts, [("market_of_few".to_owned(), 30)].into());
}

#[tokio::test]
async fn bidders_of_items_are_counted_for_each() {
    // Nine firms for three items, three each, are no more than three.
    let mut data = peers(&[9], 7, 30);
    for at in 0..9 {
        let bid = super::tenders::Bid::of("t000", &format!("f{at}"), 100);
        data.bids.push(super::tenders::Bid { item: Some(format!("{}", at % 3)), ..bid });
    }
    let run = data.run(ID).await;
    assert_eq!((run.summary.fired, run.summary.clear), (1, 29));
    assert_eq!(value(&run.findings[0], "bidders"), "3");
}

#[tokio::test]
async fn below_the_fence() {
    // Quartiles 10 and 12: the fence is 7, and half of the median 5.5.
    let mut counts = vec![10; 15];
    counts.extend([12; 15]);
    let with = |count: i64| {
        let mut counts = counts.clone();
        counts.push(count);
        market(&counts)
    };
    let judged = judge_all(ID, vec![with(7), with(8)]).await;
    assert_eq!(judged[0].verdicts["fired"], 1);
    assert_eq!(judged[1].verdicts, [("clear".to_owned(), 31)].into());
}

#[tokio::test]
async fn what_cannot_be_judged() {
    let one = |change: fn(&mut Tender)| {
        let mut one = Tender { tenderers: Some(3), ..Tender::new("t") };
        change(&mut one);
        tender(one, Vec::new())
    };
    let cases = vec![
        one(|t| (t.method, t.modality) = (None, "not_informed")),
        one(|t| t.situation = Some("unsuccessful".to_owned())),
        one(|t| (t.result, t.value) = (None, None)),
        one(|t| t.tenderers = None),
        tender(Tender { tenderers: Some(1), ..Tender::new("t") }, super::tenders::bids("t", &[1, 2])),
        one(|t| (t.category, t.object) = (None, "Conforme edital".to_owned())),
    ];
    assert_eq!(
        verdicts_of(&judge_all(ID, cases).await),
        ["method_unknown", "cancelled", "not_decided", "bidders_not_published", "counts_differ", "market_unknown"]
    );
}

#[tokio::test]
async fn classes_of_trees_part_markets() {
    // Thirty of CPV 33 with six bidders, thirty of CPV 45 with three: three is few only among the first.
    let mut data = peers(&[2], 6, 30);
    for at in 0..30 {
        let mut item = TenderItem::of(&format!("t{at:03}"), 1);
        (item.scheme, item.class) = (Some("CPV".to_owned()), Some("33100000-1".to_owned()));
        data.tender_items.push(item);
    }
    for at in 30..60 {
        let id = format!("t{at:03}");
        let mut item = TenderItem::of(&id, 1);
        (item.scheme, item.class) = (Some("CPV".to_owned()), Some("45000000-7".to_owned()));
        data.tender_items.push(item);
        data.tenders.push(Tender { id, tenderers: Some(3), ..Tender::new("t") });
    }
    let run = data.run(ID).await;
    assert_eq!((run.summary.fired, run.summary.clear), (1, 59));
    assert_eq!(value(&run.findings[0], "market"), "CPV 33");
    // The codes of a catalogue of articles are no classes.
    data.tender_items.iter_mut().for_each(|item| item.scheme = Some("CATMAT".to_owned()));
    let run = data.run(ID).await;
    assert_eq!((run.summary.fired, run.summary.clear), (0, 60));
}
