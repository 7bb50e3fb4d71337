use super::tenders::{Bid, Tender, TenderItem};
use super::{Data, Judged, judge_all, value};

const ID: &str = "disqualification_pattern";

fn lot(id: &str, bids: Vec<Bid>) -> Data {
    Data { tenders: vec![Tender { id: id.to_owned(), ..Tender::new("t") }], bids, ..Data::default() }
}

fn out(bidder: &str, cents: i128) -> Bid {
    Bid::of("t", bidder, cents).status("disqualified")
}

/// What was answered for the lot: buyers and bidders of few tenders aside.
fn of_lot(one: &Judged) -> String {
    let rest = one.verdicts.iter().filter(|(name, _)| *name != "too_few_tenders");
    rest.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn patterns_of_a_lot() {
    let valid = |bidder: &str, cents: i128| Bid::of("t", bidder, cents);
    let rated = |criterion: &str, bids: Vec<Bid>| {
        let mut data = lot("t", bids);
        data.tenders[0].criterion = Some(criterion.to_owned());
        data
    };
    let judged = judge_all(
        ID,
        vec![
            lot("t", vec![valid("a", 100).won(), out("b", 120)]),
            lot("t", vec![valid("a", 100).won(), out("b", 90)]),
            lot("t", vec![valid("a", 100).won(), valid("c", 110), out("b", 90)]),
            lot("t", vec![valid("a", 100).won(), valid("c", 110), out("b", 100)]),
            lot("t", vec![valid("a", 100).won(), valid("c", 110), out("b", 120)]),
            rated("ratedCriteria", vec![valid("a", 100).won(), valid("c", 110), out("b", 90)]),
            rated("Técnica e preço", vec![valid("a", 100).won(), valid("c", 110), out("b", 90)]),
            rated("Maior lance", vec![valid("a", 100).won(), valid("c", 110), out("b", 90)]),
            rated("Menor preço", vec![valid("a", 100).won(), valid("c", 110), out("b", 90)]),
            // A bid that is pending may have been the rival.
            lot("t", vec![valid("a", 100).won(), out("b", 120), valid("c", 130).status("pending")]),
            lot("t", vec![valid("a", 100).won(), valid("c", 110)]),
        ],
    )
    .await;
    let verdicts: Vec<String> = judged.iter().map(of_lot).collect();
    let (fired, clear) = ("fired 1", "clear 1");
    assert_eq!(verdicts, [fired, fired, fired, clear, clear, clear, clear, clear, fired, clear, clear]);
    let patterns: Vec<_> = judged.iter().filter_map(|one| Some(value(one.findings.first()?, "pattern"))).collect();
    assert_eq!(patterns, ["all_but_winner", "both", "lowest", "lowest"]);
    assert_eq!(value(&judged[2].findings[0], "lowest_bid"), "0.90");
    assert_eq!(judged[2].findings[0].evidence.total_rows, 4);
}

#[tokio::test]
async fn what_cannot_be_judged() {
    let of = |change: fn(&mut Data)| {
        let mut data = lot("t", vec![Bid::of("t", "a", 100).won(), out("b", 90)]);
        change(&mut data);
        data
    };
    let judged = judge_all(
        ID,
        vec![
            of(|data| data.tenders[0].situation = Some("Cancelada".to_owned())),
            of(|data| data.bids[1].status = None),
            of(|data| data.bids[1].bidder = String::new()),
            of(|data| {
                for lot in ["1", "2"] {
                    data.tender_items.push(TenderItem { lot: Some(lot.to_owned()), ..TenderItem::of("t", lot.len()) });
                }
            }),
            of(|data| data.bids.truncate(1)),
            of(|data| data.bids[0].won = None),
        ],
    )
    .await;
    let verdicts: Vec<String> = judged.iter().map(of_lot).collect();
    assert_eq!(
        verdicts,
        [
            "cancelled 1",
            "status_not_published 1",
            "bidder_unknown 1",
            "lots_not_stated 1",
            "single_bidder 1",
            "winner_unknown 1"
        ]
    );
}

/// Buyers of five tenders each with ten bids, so many of them thrown out.
fn buyers(thrown_out: &[usize]) -> Data {
    let mut data = Data::default();
    for (buyer, thrown_out) in thrown_out.iter().enumerate() {
        for tender in 0..5 {
            let id = format!("b{buyer:02}-{tender}");
            data.tenders.push(Tender { id: id.clone(), buyer: format!("{buyer:02}"), ..Tender::new("t") });
            for bid in 0..2 {
                let status = if tender * 2 + bid < *thrown_out { "disqualified" } else { "valid" };
                // Never the lowest, never all but one: a third bidder is valid.
                let bidder = format!("f{buyer}-{tender}-{bid}");
                data.bids.push(Bid::of(&id, &bidder, 200 + bid as i128).status(status));
            }
            data.bids.push(Bid::of(&id, &format!("w{buyer}-{tender}"), 100).won());
            data.bids.push(Bid::of(&id, &format!("v{buyer}-{tender}"), 150));
        }
    }
    data
}

#[tokio::test]
async fn a_buyer_that_throws_out_more_than_others() {
    // Quartiles 1/20 and 2/20: above 3.5/20 is far.
    let group = |last: usize, total: usize| {
        let mut all: Vec<usize> = (0..total - 1).map(|place| 1 + place % 2).collect();
        all.push(last);
        buyers(&all)
    };
    let same = buyers(&[1; 30]);
    let judged = judge_all(ID, vec![group(4, 30), group(3, 30), group(9, 29), same]).await;
    let buyer = |one: &Judged| one.findings.iter().filter(|finding| value(finding, "pattern") == "buyer").count();
    assert_eq!(judged.iter().map(buyer).collect::<Vec<_>>(), [1, 0, 0, 0]);
    assert_eq!(judged[2].verdicts["peer_group_too_small"], 29);
    assert_eq!(judged[3].verdicts["peer_group_without_spread"], 30);
    let finding = &judged[0].findings[0];
    assert_eq!((value(finding, "disqualified"), value(finding, "bids")), ("4".to_owned(), "20".to_owned()));
    assert_eq!(value(finding, "peers"), "30");
}
