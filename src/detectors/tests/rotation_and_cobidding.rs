use super::tenders::{Bid, Tender};
use super::{Data, Judged, day, judge_all, value};
use crate::detectors::collusion::groups::pair_probability;
use crate::model::Severity;

const ID: &str = "rotation_and_cobidding";

/// Tenders with these bidders, a letter each, the first of which wins; a day apart.
fn market(tenders: &[&str]) -> Data {
    let mut data = Data::default();
    for (place, bidders) in tenders.iter().enumerate() {
        let id = format!("t{place:02}");
        let result = Some(day("2024-01-01") + chrono::Days::new(place as u64));
        data.tenders.push(Tender { id: id.clone(), result, ..Tender::new("t") });
        for (at, bidder) in bidders.chars().enumerate() {
            let bid = Bid::of(&id, &bidder.to_string(), 100 + at as i128);
            data.bids.push(if at == 0 { bid.won() } else { bid });
        }
    }
    data
}

fn patterns(one: &Judged) -> Vec<String> {
    one.findings.iter().map(|finding| format!("{} {}", value(finding, "pattern"), value(finding, "firms"))).collect()
}

#[tokio::test]
async fn always_the_same_against_the_same() {
    // Of three bidders, and four rivals, six wins by chance are less likely than one in a hundred; five are not,
    // nor are five of two bidders.
    assert!(4.0 * pair_probability(&[3; 6], 6) < 0.01 && 4.0 * pair_probability(&[3; 5], 5) > 0.01);
    assert!(pair_probability(&[2; 5], 5) > 0.01);
    let judged = judge_all(
        ID,
        vec![
            market(&["abx", "abx", "aby", "aby", "abz", "abz"]),
            market(&["abx", "abx", "aby", "aby"]),
            market(&["ab"; 5]),
            market(&["abx", "abx", "aby", "aby", "abz", "abz", "bax"]),
            // Nine of ten won by the one, none by the other; eight of ten are too few.
            market(&["abw", "abw", "abx", "abx", "aby", "aby", "abz", "abz", "abv", "vab"]),
            market(&["abw", "abw", "abx", "abx", "aby", "aby", "abz", "abz", "uab", "vab"]),
            market(&["abx", "abx", "aby", "aby", "abz"]),
        ],
    )
    .await;
    let ab = "pair EMPRESA A; EMPRESA B".to_owned();
    let wanted = [vec![ab.clone()], vec![], vec![], vec![], vec![ab], vec![], vec![]];
    for (at, (one, wanted)) in judged.iter().zip(wanted).enumerate() {
        assert_eq!(patterns(one), wanted, "{at}");
    }
    assert_eq!(judged[1].verdicts["too_few_tenders"], 1);
    assert_eq!(judged[2].verdicts["chance_possible"], 1);
    assert_eq!(judged[6].verdicts["chance_possible"], 1);
    assert_eq!(judged[3].verdicts["clear"], 1);
    let finding = &judged[4].findings[0];
    assert_eq!((value(finding, "wins"), value(finding, "tenders")), ("9".to_owned(), "10".to_owned()));
    assert_eq!((finding.severity, finding.evidence.total_rows), (Severity::Medium, 10));
}

#[tokio::test]
async fn once_in_a_thousand_is_high() {
    let run = market(&["abx"; 10]).run(ID).await;
    assert_eq!(run.findings.iter().map(|finding| finding.severity).collect::<Vec<_>>(), [Severity::High; 2]);
}

#[tokio::test]
async fn winners_in_turns() {
    let turns: Vec<&str> = ["ax", "by", "cz"].repeat(6);
    // The same wins, in runs.
    let mut runs = turns.clone();
    runs.sort_unstable();
    let six: Vec<&str> = ["ax", "by", "cz"].repeat(2);
    let two: Vec<&str> = ["ax", "by"].repeat(9);
    let mut undated = market(&turns);
    undated.tenders[3].result = None;
    undated.tenders[3].end = None;
    let judged =
        judge_all(ID, vec![market(&turns), market(&runs), market(&six), market(&two), market(&six[..5]), undated])
            .await;
    assert_eq!(patterns(&judged[0]), ["rotation EMPRESA A; EMPRESA B; EMPRESA C"]);
    let finding = &judged[0].findings[0];
    assert_eq!((value(finding, "repeats"), value(finding, "entropy")), ("0".to_owned(), "1".to_owned()));
    assert!(value(finding, "timeline").starts_with("EMPRESA A > EMPRESA B > EMPRESA C > EMPRESA A"));
    assert!(judged[1..].iter().all(|one| !patterns(one).iter().any(|pattern| pattern.starts_with("rotation"))));
    assert_eq!(judged[1].verdicts["clear"], 1);
    // Six wins alone never suffice.
    assert_eq!(judged[2].verdicts["clear"], 1);
    assert_eq!(judged[3].verdicts["too_few_wins"], 1);
    assert_eq!(judged[4].verdicts["too_few_wins"], 1);
    assert_eq!(judged[5].verdicts["order_unknown"], 1);
}

#[tokio::test]
async fn a_market_of_many_winners_is_no_group() {
    let letters: Vec<String> = ('a'..='v').map(|letter| format!("{letter}1")).collect();
    let of = |count: usize| market(&letters[..count].iter().map(String::as_str).collect::<Vec<_>>());
    let judged = judge_all(ID, vec![of(20), of(21)]).await;
    assert!(!judged[0].verdicts.contains_key("market_too_wide"));
    assert_eq!(judged[1].verdicts["market_too_wide"], 1);
}

#[tokio::test]
async fn markets_and_states_are_apart() {
    let mut data = market(&["abx", "abx", "aby", "aby", "abz", "abz"]);
    data.tenders[5].state = Some("MG".to_owned());
    let mut kinds = market(&["abx", "abx", "aby", "aby", "abz", "abz"]);
    kinds.tenders[5].category = Some("works".to_owned());
    let judged = judge_all(ID, vec![data, kinds]).await;
    assert!(judged.iter().all(|one| one.findings.is_empty()));
}
