use super::tenders::{Tender, TenderItem, bids};
use super::{Data, judge_all, value, verdicts_of};

const ID: &str = "bid_dispersion_screen";

/// Close together, the lowest apart.
const COVER: [i128; 4] = [10_000, 10_600, 10_620, 10_640];
/// Each 3 % above the one before.
const MULTIPLES: [i128; 4] = [1_000_000, 1_030_000, 1_060_900, 1_092_727];
const EVEN: [i128; 4] = [10_000, 10_200, 10_600, 10_900];
const FREE: [i128; 4] = [10_000, 10_100, 14_000, 19_000];

fn series(amounts: &[&[i128]]) -> Data {
    let mut data = Data::default();
    for (place, amounts) in amounts.iter().enumerate() {
        let id = format!("t{place:02}");
        data.bids.extend(bids(&id, amounts));
        data.tenders.push(Tender { id, ..Tender::new("t") });
    }
    data
}

#[tokio::test]
async fn the_same_firms_three_times() {
    let judged = judge_all(
        ID,
        vec![
            series(&[&COVER, &COVER, &COVER]),
            series(&[&COVER, &COVER, &FREE]),
            series(&[&COVER, &COVER, &COVER, &FREE, &FREE, &FREE]),
            // Seven in common, three of them unusual: less than half.
            series(&[&COVER, &COVER, &COVER, &FREE, &FREE, &FREE, &FREE]),
            series(&[&MULTIPLES, &MULTIPLES, &MULTIPLES]),
            // The lowest is no further away than the others are from each other.
            series(&[&EVEN, &EVEN, &EVEN]),
            // The same, but each with its own firms.
            {
                let mut data = series(&[&COVER, &COVER, &COVER]);
                data.bids.iter_mut().for_each(|bid| bid.bidder = format!("{}{}", bid.bidder, bid.tender));
                data
            },
        ],
    )
    .await;
    let count = |fired: i64, isolated: i64, clear: i64| {
        let all = [("fired", fired), ("isolated", isolated), ("clear", clear)];
        all.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), n)).collect()
    };
    let wanted = [
        count(3, 0, 0),
        count(0, 2, 1),
        count(3, 0, 3),
        count(0, 3, 4),
        count(3, 0, 0),
        count(0, 0, 3),
        count(0, 3, 0),
    ];
    for (at, (one, wanted)) in judged.iter().zip(wanted).enumerate() {
        assert_eq!(one.verdicts, wanted, "{at}");
    }
    let all: Vec<_> = judged.iter().map(|one| one.findings.len()).collect();
    assert_eq!(all, [3, 0, 3, 0, 3, 0, 0]);
    let finding = &judged[2].findings[0];
    assert_eq!((value(finding, "flagged"), value(finding, "common")), ("3".to_owned(), "6".to_owned()));
    // The tender itself first, then the others of the pair, then its bids.
    let rows: Vec<_> = finding.evidence.rows.iter().map(|row| row.table.as_str()).collect();
    assert_eq!(rows, ["tenders", "tenders", "tenders", "bids", "bids", "bids", "bids"]);
    assert_eq!(value(&judged[4].findings[0], "fixed_multiples"), "yes");
}

#[tokio::test]
async fn what_others_do_as_often_is_chance() {
    // Four tenders of the same firms, and thirty (or 29) of others, so many of them unusual.
    let with = |unusual: usize, others: usize| {
        let mut all: Vec<&[i128]> = vec![&COVER; 4];
        all.extend((0..others).map(|place| if place < unusual { &COVER[..] } else { &FREE[..] }));
        let mut data = series(&all);
        for bid in data.bids.iter_mut().filter(|bid| bid.tender.as_str() >= "t04") {
            bid.bidder = format!("{}{}", bid.bidder, bid.tender);
        }
        data
    };
    // Four of four at a rate of 5 in 30 are less likely than once in a thousand (1 in 1,296), at 6 in 30 not (1 in 625).
    let judged = judge_all(ID, vec![with(5, 30), with(6, 30), with(6, 29)]).await;
    let fired: Vec<_> = judged.iter().map(|one| one.findings.len()).collect();
    assert_eq!(fired, [4, 0, 4]);
    assert_eq!(judged[1].verdicts["isolated"], 10);
}

#[tokio::test]
async fn boundaries_of_dispersion() {
    // Three times three bids are too few; four suffice.
    let few = series(&[&COVER[..3], &COVER[..3], &COVER[..3]]);
    let judged = judge_all(ID, vec![few]).await;
    assert_eq!(judged[0].verdicts, [("too_few_bids".to_owned(), 3)].into());
    // cv of 10,000, x, x + 20, x + 40 by hand: below and above 6 %.
    let cv = |x: f64| {
        let all = [10_000.0, x, x + 20.0, x + 40.0];
        let mean = all.iter().sum::<f64>() / 4.0;
        (all.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / 3.0).sqrt() / mean
    };
    let x = (10_000..20_000).find(|x| cv(f64::from(*x)) >= 0.06).unwrap();
    let of = |x: i128| [10_000, x, x + 20, x + 40];
    let (inside, outside) = (of(i128::from(x) - 1), of(i128::from(x)));
    let judged =
        judge_all(ID, vec![series(&[&inside, &inside, &inside]), series(&[&outside, &outside, &outside])]).await;
    assert_eq!(judged[0].verdicts, [("fired".to_owned(), 3)].into());
    assert_eq!(judged[1].verdicts, [("clear".to_owned(), 3)].into());
}

#[tokio::test]
async fn what_cannot_be_judged() {
    let of = |change: fn(&mut Data)| {
        let mut data = series(&[&COVER]);
        change(&mut data);
        data
    };
    let cases = vec![
        of(|data| data.tenders[0].situation = Some("cancelled".to_owned())),
        of(|data| data.bids.iter_mut().for_each(|bid| bid.amount = None)),
        of(|data| data.bids[3].amount = None),
        of(|data| data.bids[3].status = None),
        of(|data| data.bids[3].bidder = String::new()),
        of(|data| data.bids[3].currency = Some("USD".to_owned())),
        of(|data| {
            for lot in ["1", "2"] {
                data.tender_items.push(TenderItem { lot: Some(lot.to_owned()), ..TenderItem::of("t00", lot.len()) });
            }
        }),
        of(|data| data.bids[3].status = Some("disqualified".to_owned())),
    ];
    assert_eq!(
        verdicts_of(&judge_all(ID, cases).await),
        [
            "cancelled",
            "no_amount",
            "no_amount",
            "status_not_published",
            "bidder_unknown",
            "currencies_differ",
            "lots_not_stated",
            "too_few_bids"
        ]
    );
}
