use super::tenders::{Bid, Tender, at, tender};
use super::{Data, judge_all, value, verdicts_of};

const ID: &str = "late_bid_won";

fn timed(deadline: &str, bid: &str) -> Data {
    of_clocks((deadline, Some("zoned")), (bid, Some("zoned")))
}

/// A moment and what kind of moment was published.
type Clocked<'a> = (&'a str, Option<&'static str>);

fn of_clocks(deadline: Clocked<'_>, bid: Clocked<'_>) -> Data {
    let winner = Bid { time: Some(at(bid.0)), clock: bid.1, ..Bid::of("t", "f", 100).won() };
    let loser = Bid { time: Some(at("2030-01-01T00:00:00Z")), ..Bid::of("t", "g", 120) };
    tender(Tender { end: Some(at(deadline.0)), end_clock: deadline.1, ..Tender::new("t") }, vec![winner, loser])
}

#[tokio::test]
async fn instants_are_compared() {
    let judged = judge_all(
        ID,
        vec![
            timed("2024-03-21T12:00:00Z", "2024-03-21T12:00:00Z"),
            timed("2024-03-21T12:00:00Z", "2024-03-21T12:00:01Z"),
            // Later as a text, two hours earlier as an instant.
            timed("2024-03-15T00:30:00+00:00", "2024-03-15T01:30:00+03:00"),
            timed("2024-03-15T08:00:00-03:00", "2024-03-15T10:30:00+00:00"),
            timed("2024-03-15T08:00:00-03:00", "2024-03-15T11:30:00+00:00"),
        ],
    )
    .await;
    assert_eq!(verdicts_of(&judged), ["clear", "fired", "clear", "clear", "fired"]);
    let finding = &judged[4].findings[0];
    assert_eq!(value(finding, "minutes"), "30");
    assert_eq!(value(finding, "deadline"), "2024-03-15T11:00:00Z");
    assert_eq!(value(finding, "bid_time"), "2024-03-15T11:30:00Z");
    let rows: Vec<_> = finding.evidence.rows.iter().map(|row| row.table.as_str()).collect();
    assert_eq!(rows, ["tenders", "bids"]);
    assert!(finding.description_pt.contains("2024-03-15T11:00:00Z (instante com fuso)"), "{}", finding.description_pt);
}

#[tokio::test]
async fn a_bid_in_time_is_never_late() {
    let (zoned, local, day, zoned_day) = (Some("zoned"), Some("local"), Some("day"), Some("zoned_day"));
    let apart = "clocks_not_comparable";
    let cases = [
        // "10:00:00" without a zone, a bid of 09:59-03:00.
        (("2024-03-20T10:00:00Z", local), ("2024-03-20T12:59:00Z", zoned), apart),
        // Midnight at -03:00, a bid of 09:00-03:00 on that day.
        (("2024-03-20T03:00:00Z", zoned_day), ("2024-03-20T12:00:00Z", zoned), apart),
        // "2024-03-20", a bid of 22:00-03:00 on that day.
        (("2024-03-20T00:00:00Z", day), ("2024-03-21T01:00:00Z", zoned), apart),
        // "23:59:59Z", a bid of 23:59:59-03:00.
        (("2024-03-20T23:59:59Z", day), ("2024-03-21T02:59:59Z", zoned), apart),
        // Two moments of one clock.
        (("2024-03-20T10:00:00Z", local), ("2024-03-20T10:00:00Z", local), "clear"),
        (("2024-03-20T10:00:00Z", local), ("2024-03-20T10:00:01Z", local), "fired"),
        // A day at midnight of its zone: in time before it, late after its end.
        (("2024-03-20T03:00:00Z", zoned_day), ("2024-03-20T03:00:00Z", zoned), "clear"),
        (("2024-03-20T03:00:00Z", zoned_day), ("2024-03-20T03:00:01Z", zoned), apart),
        (("2024-03-20T03:00:00Z", zoned_day), ("2024-03-21T03:00:00Z", zoned), apart),
        (("2024-03-20T03:00:00Z", zoned_day), ("2024-03-21T03:00:01Z", zoned), "fired"),
        (("2024-03-20T03:00:00Z", zoned_day), ("2024-03-21T03:00:01Z", local), apart),
        // A day in no zone: late when it has ended in each.
        (("2024-03-20T00:00:00Z", day), ("2024-03-21T14:00:00Z", zoned), apart),
        (("2024-03-20T00:00:00Z", day), ("2024-03-21T14:00:01Z", zoned), "fired"),
        (("2024-03-20T23:59:59Z", day), ("2024-03-21T14:00:00Z", zoned), apart),
        (("2024-03-20T23:59:59Z", day), ("2024-03-21T14:00:01Z", zoned), "fired"),
        (("2024-03-20T00:00:00Z", day), ("2024-03-18T10:00:00Z", zoned), "clear"),
        (("2024-03-20T00:00:00Z", day), ("2024-03-18T10:00:01Z", zoned), apart),
        // Days and local moments are of one calendar.
        (("2024-03-20T00:00:00Z", day), ("2024-03-20T23:59:59Z", local), "clear"),
        (("2024-03-20T00:00:00Z", day), ("2024-03-21T00:00:00Z", local), apart),
        (("2024-03-20T00:00:00Z", day), ("2024-03-20T23:59:59Z", day), "clear"),
        (("2024-03-20T00:00:00Z", day), ("2024-03-21T23:59:59Z", day), apart),
        (("2024-03-20T00:00:00Z", day), ("2024-03-22T00:00:00Z", day), "fired"),
        // A bid of which only the day is known.
        (("2024-03-20T13:00:00Z", zoned), ("2024-03-20T00:00:00Z", day), apart),
        (("2024-03-20T13:00:00Z", zoned), ("2024-03-22T03:00:00Z", zoned_day), apart),
        (("2024-03-20T13:00:00Z", zoned), ("2024-03-22T03:00:01Z", zoned_day), "fired"),
        (("2024-03-20T13:00:00Z", zoned), ("2024-03-22T00:00:00Z", day), apart),
        // What an earlier version took in: nobody knows what it was.
        (("2024-03-20T13:00:00Z", None), ("2024-03-22T03:00:00Z", None), apart),
        (("2024-03-20T13:00:00Z", None), ("2024-03-22T03:00:01Z", None), "fired"),
        (("2024-03-20T13:00:00Z", None), ("2024-03-18T23:00:00Z", None), "clear"),
        (("2024-03-20T13:00:00Z", zoned), ("2024-03-20T14:00:00Z", None), apart),
    ];
    let judged = judge_all(ID, cases.iter().map(|(deadline, bid, _)| of_clocks(*deadline, *bid)).collect()).await;
    for ((deadline, bid, expected), judged) in cases.iter().zip(&judged) {
        assert_eq!(judged.verdict(), *expected, "{deadline:?} {bid:?}");
    }
    let shown = |case: usize| {
        let finding = &judged[case].findings[0];
        ["deadline", "bid_time", "reading", "minutes"].map(|name| value(finding, name))
    };
    assert_eq!(shown(5), ["2024-03-20T10:00:00", "2024-03-20T10:00:01", "local", "1"]);
    assert_eq!(shown(9), ["2024-03-21T03:00:00Z", "2024-03-21T03:00:01Z", "zoned_day", "1"]);
    assert_eq!(shown(12), ["2024-03-21T14:00:00Z", "2024-03-21T14:00:01Z", "apart", "1"]);
}

#[tokio::test]
async fn of_several_winning_bids_the_late_one_decides() {
    let with = |clock: Option<&'static str>, bid: &str| {
        let mut data = timed("2024-03-21T12:00:00Z", "2024-03-21T11:00:00Z");
        data.bids.push(Bid { time: Some(at(bid)), clock, ..Bid::of("t", "h", 90).won() });
        data
    };
    let cases = vec![
        with(Some("zoned"), "2024-03-21T12:00:01Z"),
        with(Some("local"), "2024-03-21T12:00:01Z"),
        with(None, "2024-03-25T12:00:01Z"),
        with(Some("zoned"), "2024-03-21T10:00:00Z"),
    ];
    let judged = judge_all(ID, cases).await;
    assert_eq!(verdicts_of(&judged), ["fired", "clocks_not_comparable", "fired", "clear"]);
    assert_eq!(value(&judged[2].findings[0], "bidder"), "EMPRESA H");
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
