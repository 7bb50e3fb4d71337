use super::tenders::{Bid, Tender, TenderItem, bids};
use super::{Data, judge_all, value};
use crate::model::Severity;

const ID: &str = "price_gap";

/// Tenders won at 100.00, each with a second bid so many hundredths of a per cent above.
fn gaps(gaps: &[i128]) -> Data {
    let mut data = Data::default();
    for (place, gap) in gaps.iter().enumerate() {
        let id = format!("t{place:03}");
        data.bids.extend(bids(&id, &[10_000, 10_000 + gap]));
        data.tenders.push(Tender { id, ..Tender::new("t") });
    }
    data
}

/// Gaps of 10 % to 15.8 %, and what is put before them.
fn group(first: &[i128], total: usize) -> Data {
    let mut all = first.to_vec();
    for place in all.len()..total {
        all.push(1_000 + (place as i128 * 20) % 600);
    }
    gaps(&all)
}

#[tokio::test]
async fn too_close_and_too_far() {
    let cases = vec![
        group(&[100], 30),
        group(&[101], 30),
        group(&[0], 30),
        group(&[9_000], 30),
        group(&[100], 29),
        gaps(&[1_000; 30]),
    ];
    let judged = judge_all(ID, cases).await;
    let one = |fired: i64| [("fired".to_owned(), fired), ("clear".to_owned(), 30 - fired)].into();
    assert_eq!(judged[0].verdicts, one(1));
    assert_eq!(judged[1].verdicts, [("clear".to_owned(), 30)].into());
    assert_eq!(judged[2].verdicts, one(1));
    assert_eq!(judged[3].verdicts, one(1));
    assert_eq!(judged[4].verdicts, [("peer_group_too_small".to_owned(), 29)].into());
    assert_eq!(judged[5].verdicts, [("peer_group_without_spread".to_owned(), 30)].into());
    let (close, far) = (&judged[0].findings[0], &judged[3].findings[0]);
    assert_eq!((value(close, "side"), value(far, "side")), ("close".to_owned(), "far".to_owned()));
    assert_eq!((value(close, "ratio"), value(far, "ratio")), ("0.01".to_owned(), "0.9".to_owned()));
    assert_eq!(value(close, "runner_up_name"), "EMPRESA F1");
    assert_eq!(close.evidence.total_rows, 3);
    assert_eq!((close.severity, far.severity), (Severity::Medium, Severity::Medium));
}

#[tokio::test]
async fn close_bids_of_an_auction_are_low() {
    let mut data = group(&[50], 30);
    data.tenders.iter_mut().for_each(|tender| tender.modality = "pregao");
    let run = data.run(ID).await;
    assert_eq!(run.findings.iter().map(|finding| finding.severity).collect::<Vec<_>>(), [Severity::Low]);
}

#[tokio::test]
async fn the_fence_is_inclusive_and_of_logarithms() {
    // Quartiles of ln(1 + ratio): ln 1.10 and ln 1.20, so that the fence is 1.2 × (1.2 / 1.1)^1.5.
    let fence = 1.2_f64 * (1.2_f64 / 1.1).powf(1.5);
    let above = ((fence - 1.0) * 10_000.0).ceil() as i128;
    let with = |gap: i128| {
        let mut all = vec![1_000; 20];
        all.extend([2_000; 20]);
        all.push(gap);
        gaps(&all)
    };
    let judged = judge_all(ID, vec![with(above), with(above - 1)]).await;
    assert_eq!(judged[0].verdicts["fired"], 1);
    assert_eq!(judged[1].verdicts, [("clear".to_owned(), 41)].into());
}

#[tokio::test]
async fn what_cannot_be_judged() {
    let of = |change: fn(&mut Vec<Bid>)| {
        let mut data = gaps(&[1_000]);
        change(&mut data.bids);
        data
    };
    let mut dropped = gaps(&[1_000]);
    dropped.tenders[0].situation = Some("cancelled".to_owned());
    let mut lots = gaps(&[1_000]);
    for lot in ["1", "2"] {
        lots.tender_items.push(TenderItem { lot: Some(lot.to_owned()), ..TenderItem::of("t000", lot.len()) });
    }
    let cases = vec![
        (dropped, "cancelled"),
        (lots, "lots_not_stated"),
        (of(|bids| bids.iter_mut().for_each(|bid| bid.amount = None)), "no_amount"),
        (of(|bids| bids[1].amount = None), "no_amount"),
        (of(|bids| bids[1].status = None), "status_not_published"),
        (of(|bids| bids[1].bidder = String::new()), "bidder_unknown"),
        (of(|bids| bids[1].currency = Some("USD".to_owned())), "currencies_differ"),
        (of(|bids| bids[1].currency = None), "currencies_differ"),
        (of(|bids| bids[0].won = None), "winner_unknown"),
        (of(|bids| bids[0].status = Some("disqualified".to_owned())), "winner_unknown"),
        (of(|bids| bids[1].won = Some(true)), "several_winners"),
        (of(|bids| bids[1].status = Some("disqualified".to_owned())), "no_runner_up"),
        (of(|bids| bids[1].amount = Some(9_999)), "not_the_lowest_won"),
        (of(|_| {}), "peer_group_too_small"),
    ];
    let (cases, wanted): (Vec<Data>, Vec<&str>) = cases.into_iter().unzip();
    let judged = judge_all(ID, cases).await;
    assert_eq!(super::verdicts_of(&judged), wanted);
}
