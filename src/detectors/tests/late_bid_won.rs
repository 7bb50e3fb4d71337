use super::tenders::{Bid, Tender, at, tender};
use super::{Data, judge_all, value, verdicts_of};

const ID: &str = "late_bid_won";

fn timed(deadline: &str, bid: &str) -> Data {
    let winner = Bid { time: Some(at(bid)), ..Bid::of("t", "f", 100).won() };
    let loser = Bid { time: Some(at("2030-01-01T00:00:00Z")), ..Bid::of("t", "g", 120) };
    tender(Tender { end: Some(at(deadline)), ..Tender::new("t") }, vec![winner, loser])
}

#[tokio::test]
async fn instants_are_compared() {
    let judged = judge_all(
        ID,
        vec![
            timed("2024-03-21T12:00:00Z", "2024-03-21T12:00:00Z"),
            timed("2024-03-21T12:00:00Z", "2024-03-21T12:00:01Z"),
            // Later as a text, two hours earlier as an instant.
            timed("2024-03-15T00:00:00+00:00", "2024-03-15T01:00:00+03:00"),
            timed("2024-03-15T08:00:00-03:00", "2024-03-15T10:30:00+00:00"),
            timed("2024-03-15T08:00:00-03:00", "2024-03-15T11:30:00+00:00"),
            // A day without a time lasts to its end.
            timed("2024-03-15T00:00:00Z", "2024-03-15T23:59:59Z"),
            timed("2024-03-15T00:00:00Z", "2024-03-16T00:00:01Z"),
        ],
    )
    .await;
    assert_eq!(verdicts_of(&judged), ["clear", "fired", "clear", "clear", "fired", "clear", "fired"]);
    let finding = &judged[4].findings[0];
    assert_eq!(value(finding, "minutes"), "30");
    assert_eq!(value(finding, "deadline"), "2024-03-15T11:00:00Z");
    assert_eq!(value(finding, "bid_time"), "2024-03-15T11:30:00Z");
    let rows: Vec<_> = finding.evidence.rows.iter().map(|row| row.table.as_str()).collect();
    assert_eq!(rows, ["tenders", "bids"]);
}

#[tokio::test]
async fn what_cannot_be_judged() {
    let late = || timed("2024-03-21T12:00:00Z", "2024-03-21T13:00:00Z");
    let changed = |change: fn(&mut Data)| {
        let mut data = late();
        change(&mut data);
        data
    };
    let cases = vec![
        changed(|data| data.tenders[0].situation = Some("cancelled".to_owned())),
        changed(|data| data.tenders[0].modality = "pregao"),
        changed(|data| data.tenders[0].modality_name = "Leilão eletrônico".to_owned()),
        changed(|data| data.tenders[0].end = None),
        changed(|data| data.bids.iter_mut().for_each(|bid| bid.won = None)),
        changed(|data| data.bids.iter_mut().for_each(|bid| bid.won = Some(false))),
        changed(|data| data.bids[0].status = Some("disqualified".to_owned())),
        changed(|data| data.bids[0].time = None),
        late(),
    ];
    assert_eq!(
        verdicts_of(&judge_all(ID, cases).await),
        [
            "cancelled",
            "auction",
            "auction",
            "no_deadline",
            "winner_unknown",
            "winner_unknown",
            "winner_unknown",
            "no_bid_time",
            "fired"
        ]
    );
}

#[tokio::test]
async fn a_source_whose_clocks_differ_accuses_nobody() {
    let source = |late: usize, total: usize| {
        let mut all = Data::default();
        for place in 0..total {
            let id = format!("t{place:02}");
            all.tenders.push(Tender { id: id.clone(), ..Tender::new("t") });
            let time = if place < late { "2024-03-21T15:00:00Z" } else { "2024-03-21T11:00:00Z" };
            all.bids.push(Bid { time: Some(at(time)), ..Bid::of(&id, "f", 100).won() });
        }
        all
    };
    let judged = judge_all(ID, vec![source(4, 20), source(5, 20), source(5, 19)]).await;
    assert_eq!(judged[0].verdicts, [("clear".to_owned(), 16), ("fired".to_owned(), 4)].into());
    assert_eq!(judged[1].verdicts, [("clocks_differ".to_owned(), 20)].into());
    assert_eq!(judged[2].verdicts, [("clear".to_owned(), 14), ("fired".to_owned(), 5)].into());
}
