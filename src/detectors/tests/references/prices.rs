//! Of the bids of a tender, what they are worth and when they came.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::super::differential::{Answers, Book, Reference};
use super::super::tenders::{Bid, Tender, TenderItem, at};
use super::super::{Data, day};
use super::tenders::{
    agree_on_every_answer, amount, fire, firms, in_two_lots, is_cancelled, is_competitive, kind, lots, made, quantile,
    situation, subjects,
};

#[tokio::test]
async fn answers_about_bids_agree_with_the_obvious_ones() {
    let sets: Vec<Data> = (0..3).map(|seed| random(&mut StdRng::seed_from_u64(seed))).collect();
    agree_on_every_answer(&sets, &REFERENCES).await;
}

const REFERENCES: [(&str, Reference); 5] = [
    ("single_bid", single_bid),
    ("near_estimate", near_estimate),
    ("late_bid_won", late_bid_won),
    ("identical_prices", identical_prices),
    ("price_gap", price_gap),
];

/// Tenders of several sources: one that repeats results as estimates, one whose clocks differ, one with a market of
/// single bidders, one of equal distances between prices, one that names hardly anybody but winners.
pub(in super::super) fn random(rng: &mut StdRng) -> Data {
    let mut data = Data::default();
    for place in 0..700 {
        let id = format!("t{place:03}");
        let mut tender = Tender::new(&id);
        let sources = ["one", "one", "one", "two", "copied", "clocks", "single", "equal", "equal", "winners"];
        tender.source = format!("ocds:{}", sources.choose(rng).unwrap());
        if rng.random_bool(0.02) {
            tender.source = "ocds:small".to_owned();
        }
        let is = |name: &str| tender.source.ends_with(name);
        let (copied, clocks, single, equal, winners) =
            (is("copied"), is("clocks"), is("single"), is("equal"), is("winners"));
        tender.method = *[Some("open"), Some("open"), Some("open"), Some("limited"), None].choose(rng).unwrap();
        tender.modality = ["concorrencia", "concorrencia", "not_informed", "pregao"].choose(rng).unwrap();
        tender.modality_name = tender.modality.to_owned();
        tender.situation = situation(rng);
        tender.category = rng.random_bool(0.95).then(|| ["goods", "works"].choose(rng).unwrap().to_string());
        if single {
            tender.category = Some("goods".to_owned());
        }
        tender.object = match rng.random_bool(0.05) {
            true => "Concessão onerosa de uso de espaço".to_owned(),
            false => "Conforme edital".to_owned(),
        };
        tender.currency = Some((*["BRL", "BRL", "USD"].choose(rng).unwrap()).to_owned());
        tender.estimate = rng.random_bool(0.9).then(|| rng.random_range(50_000..150_000));
        tender.value = tender.estimate.filter(|_| rng.random_bool(0.95)).map(|estimate| {
            let parts = [5_i128, 60, 70, 90, 98, 99, 100, 101, 150, 2_000];
            if copied && rng.random_bool(0.5) {
                return estimate;
            }
            estimate * parts.choose(rng).unwrap() / 100 + rng.random_range(0..2)
        });
        tender.result = rng.random_bool(0.9).then(|| day("2024-04-01"));
        tender.tenderers = rng.random_bool(if winners { 0.0 } else { 0.5 }).then(|| rng.random_range(0..5));
        if single && rng.random_bool(0.95) {
            tender.tenderers = Some(1);
        }
        let end = at("2024-03-21T12:00:00Z") + TimeDelta::hours(rng.random_range(0..13));
        tender.end = rng.random_bool(0.95).then_some(end);
        let clocks_of = [Some("zoned"), Some("zoned"), Some("local"), Some("day"), Some("zoned_day"), None];
        if rng.random_bool(0.4) {
            tender.end_clock = *clocks_of.choose(rng).unwrap();
        }
        if rng.random_bool(0.15) {
            data.tender_items.extend(
                in_two_lots(&id)
                    .into_iter()
                    .map(|item| TenderItem { winner: rng.random_bool(0.6).then(|| "f0".to_owned()), ..item }),
            );
        }
        let in_lots = rng.random_bool(0.2);
        for lot in 0..if in_lots { 2 } else { 1 } {
            let firms = if winners && rng.random_bool(0.9) || single { 1 } else { rng.random_range(0_usize..5) };
            for firm in 0..firms {
                let above = match firm {
                    0 => 0,
                    _ if equal => 500,
                    _ if rng.random_bool(0.02) => -100,
                    _ => 20 + rng.random_range(0..20) * rng.random_range(0..40),
                };
                let amount = 10_000 + above;
                let mut bid = Bid::of(&id, &format!("f{}", if rng.random_bool(0.95) { firm } else { 0 }), amount);
                bid.id = format!("{id}-{lot}-{firm}");
                bid.lot = in_lots.then(|| lot.to_string());
                bid.amount = rng.random_bool(0.98).then_some(if rng.random_bool(0.02) { 0 } else { amount });
                bid.won = rng.random_bool(0.97).then_some(firm == 0 || rng.random_bool(0.03));
                let status = if rng.random_bool(0.9) { "valid" } else { ["disqualified", "withdrawn"][firm % 2] };
                bid.status = rng.random_bool(0.99).then(|| status.to_owned());
                bid.currency =
                    rng.random_bool(0.99).then(|| if rng.random_bool(0.99) { "BRL" } else { "USD" }.to_owned());
                let late =
                    if rng.random_bool(if clocks { 0.5 } else { 0.05 }) { rng.random_range(0..2) } else { -5_000 };
                bid.time = rng.random_bool(0.97).then_some(end + TimeDelta::seconds(late));
                if tender.end_clock != Some("zoned") {
                    bid.clock = *[tender.end_clock, clocks_of.choose(rng).copied().unwrap()].choose(rng).unwrap();
                    let hours = *[-50, -38, -12, 0, 13, 24, 38, 50].choose(rng).unwrap();
                    bid.time = bid.time.map(|time| time + TimeDelta::hours(hours));
                }
                if rng.random_bool(0.02) {
                    bid.bidder = String::new();
                }
                data.bids.push(bid);
            }
        }
        data.tenders.push(tender);
    }
    data
}

fn single_bid(data: &Data) -> Answers {
    let mut book = Book::default();
    let mut judged: Vec<(&Tender, usize)> = Vec::new();
    for tender in subjects(data) {
        let bids = made(data, tender);
        let named = firms(&bids).len();
        let unnamed = bids.iter().any(|bid| bid.bidder.is_empty());
        let won = bids.iter().any(|bid| bid.won == Some(true));
        let count = match tender.tenderers {
            Some(stated) => Some(stated as usize),
            None => (!bids.is_empty() && !unnamed).then_some(named),
        };
        let verdict = if !is_competitive(tender) {
            "method_unknown"
        } else if is_cancelled(tender) {
            "cancelled"
        } else if tender.result.is_none() && tender.value.is_none() && !won {
            "not_decided"
        } else if count.unwrap_or(0) == 0 {
            "bidders_not_published"
        } else if tender.tenderers.is_some_and(|stated| (stated as usize) < named) {
            "counts_differ"
        } else {
            judged.push((tender, count.unwrap()));
            continue;
        };
        book.note(verdict);
    }
    for (tender, count) in &judged {
        if *count > 1 {
            book.note("clear");
            continue;
        }
        let single = |of: &[&(&Tender, usize)]| of.iter().filter(|(_, count)| *count == 1).count();
        let named: Vec<_> = judged
            .iter()
            .filter(|(other, _)| {
                other.tenderers.is_none()
                    && other.source == tender.source
                    && other.modality_name == tender.modality_name
            })
            .collect();
        if tender.tenderers.is_none() && (named.len() < 10 || single(&named) * 5 >= named.len() * 4) {
            book.note("only_winners_named");
            continue;
        }
        let market: Vec<_> = judged
            .iter()
            .filter(|(other, _)| kind(tender).is_some() && other.source == tender.source && kind(other) == kind(tender))
            .collect();
        if market.len() >= 30 && single(&market) * 5 >= market.len() * 4 {
            book.note("usual_in_market");
            continue;
        }
        let worth = |tender: &Tender| tender.value.or(tender.estimate).filter(|worth| *worth > 0);
        let peers: Vec<f64> = judged
            .iter()
            .filter(|(other, _)| other.source == tender.source && other.currency == tender.currency)
            .filter_map(|(other, _)| Some(worth(other)? as f64 / 100.0))
            .collect();
        let high = peers.len() >= 30
            && worth(tender).is_some_and(|worth| worth as f64 > (quantile(peers, 0.9) * 100.0).round());
        fire(&mut book, tender, if high { "high" } else { "medium" }, None);
    }
    book.0
}

fn near_estimate(data: &Data) -> Answers {
    let mut book = Book::default();
    let mut judged: Vec<(&Tender, i128, i128)> = Vec::new();
    for tender in subjects(data) {
        let verdict = match (tender.value, tender.estimate) {
            _ if is_cancelled(tender) => "cancelled",
            _ if tender.object.starts_with("Concessão") => "highest_bid_wins",
            (Some(value), Some(estimate)) if value > 0 && estimate > 0 => {
                if value >= 10 * estimate || estimate >= 10 * value {
                    "slip_possible"
                } else {
                    judged.push((tender, value, estimate));
                    continue;
                }
            }
            _ => "no_estimate",
        };
        book.note(verdict);
    }
    for (tender, value, estimate) in &judged {
        let source: Vec<_> = judged.iter().filter(|(other, ..)| other.source == tender.source).collect();
        let equal = source.iter().filter(|(_, value, estimate)| value == estimate).count();
        let bids = made(data, tender);
        let unnamed = bids.iter().any(|bid| bid.bidder.is_empty());
        let named = (!bids.is_empty() && !unnamed).then(|| firms(&bids).len() as i64);
        if source.len() >= 20 && equal * 5 > source.len() {
            book.note("estimate_repeats_result");
        } else if value > estimate {
            let stake = (tender.currency.as_deref() == Some("BRL")).then_some(value - estimate);
            fire(&mut book, tender, "medium", stake);
        } else if value * 100 >= estimate * 98 {
            match tender.tenderers.or(named) {
                None => book.note("bidders_not_published"),
                Some(count) if count < 2 => book.note("no_competitor"),
                Some(_) => fire(&mut book, tender, "low", None),
            }
        } else if value * 10 > estimate * 7 {
            book.note("clear");
        } else if data.tender_items.iter().any(|item| item.tender == tender.id && item.winner.is_none()) {
            book.note("partly_awarded");
        } else {
            fire(&mut book, tender, "low", None);
        }
    }
    book.0
}

/// Whether a bid is late, where that is sure whatever the zones are.
fn is_late(end: DateTime<Utc>, end_clock: Option<&str>, bid: &Bid) -> Option<bool> {
    let time = bid.time.unwrap();
    let midnight = |of: DateTime<Utc>| of.date_naive().and_hms_opt(0, 0, 0).unwrap().and_utc();
    let whole_day = |of: DateTime<Utc>, clock: Option<&str>| if clock == Some("day") { midnight(of) } else { of };
    let after = whole_day(time, bid.clock) - whole_day(end, end_clock);
    let sure = match (end_clock, bid.clock) {
        (Some("zoned"), Some("zoned")) | (Some("local"), Some("local")) => return Some(time > end),
        (Some("zoned_day"), Some("zoned")) => {
            return if time <= end { Some(false) } else { (time - end > TimeDelta::days(1)).then_some(true) };
        }
        (Some("day"), Some("local" | "day")) => time.date_naive() <= end.date_naive(),
        _ => after <= -TimeDelta::hours(38),
    };
    if sure { Some(false) } else { (after > TimeDelta::hours(38)).then_some(true) }
}

fn late_bid_won(data: &Data) -> Answers {
    let mut book = Book::default();
    let mut judged: Vec<(&Tender, bool)> = Vec::new();
    for tender in subjects(data) {
        let won: Vec<_> = made(data, tender)
            .into_iter()
            .filter(|bid| bid.won == Some(true) && bid.status.as_deref() != Some("disqualified"))
            .collect();
        let verdict = if is_cancelled(tender) {
            "cancelled"
        } else if tender.modality == "pregao" {
            "auction"
        } else if let Some(end) = tender.end {
            if won.is_empty() {
                book.note("winner_unknown");
                continue;
            }
            if won.iter().any(|bid| bid.time.is_none()) {
                book.note("no_bid_time");
                continue;
            }
            let answers: Vec<Option<bool>> = won.iter().map(|bid| is_late(end, tender.end_clock, bid)).collect();
            if answers.contains(&Some(true)) {
                judged.push((tender, true));
                continue;
            } else if !answers.contains(&None) {
                judged.push((tender, false));
                continue;
            }
            "clocks_not_comparable"
        } else {
            "no_deadline"
        };
        book.note(verdict);
    }
    for (tender, late) in &judged {
        let source: Vec<_> = judged.iter().filter(|(other, _)| other.source == tender.source).collect();
        if source.len() >= 20 && source.iter().filter(|(_, late)| *late).count() * 5 > source.len() {
            book.note("clocks_differ");
        } else if *late {
            fire(&mut book, tender, "high", None);
        } else {
            book.note("clear");
        }
    }
    book.0
}

fn identical_prices(data: &Data) -> Answers {
    let mut book = Book::default();
    for lot in lots(data) {
        let priced: Vec<&Bid> = lot.bids.iter().filter(|bid| amount(bid).is_some()).copied().collect();
        let known: Vec<&Bid> = priced.iter().filter(|bid| !bid.bidder.is_empty()).copied().collect();
        if is_cancelled(lot.tender) {
            book.note("cancelled");
        } else if priced.is_empty() {
            book.note("no_amount");
        } else if firms(&known).len() < 2 {
            book.note("single_bidder");
        } else if lot.unstated {
            book.note("lots_not_stated");
        } else {
            let mut prices: BTreeMap<(&Option<String>, i128), BTreeSet<&str>> = BTreeMap::new();
            for bid in &known {
                prices.entry((&bid.currency, bid.amount.unwrap())).or_default().insert(&bid.bidder);
            }
            let most = prices.iter().filter(|(_, firms)| firms.len() > 1).map(|(_, firms)| firms.len()).max();
            match most {
                None => book.note("clear"),
                Some(most) => {
                    let price = prices.iter().filter(|(_, firms)| firms.len() == most).map(|((_, price), _)| *price);
                    let ceiling = price.min() == lot.tender.estimate;
                    let low = lot.tender.modality == "pregao" || ceiling;
                    fire(&mut book, lot.tender, if low { "low" } else { "medium" }, None);
                }
            }
        }
    }
    book.0
}

fn price_gap(data: &Data) -> Answers {
    let mut book = Book::default();
    let mut judged: Vec<(&Tender, f64)> = Vec::new();
    for lot in lots(data) {
        let valid = lot.valid();
        let winners: BTreeSet<&str> =
            valid.iter().filter(|bid| bid.won == Some(true)).map(|bid| bid.bidder.as_str()).collect();
        let lowest = |won: bool| {
            let of = valid.iter().filter(|bid| winners.contains(bid.bidder.as_str()) == won);
            of.filter_map(|bid| amount(bid)).min()
        };
        let verdict = if let Some(reason) = lot.why() {
            reason
        } else if winners.is_empty() {
            "winner_unknown"
        } else if winners.len() > 1 {
            "several_winners"
        } else {
            match (lowest(true), lowest(false)) {
                (Some(first), Some(second)) if second >= first => {
                    judged.push((lot.tender, (second - first) as f64 / first as f64));
                    continue;
                }
                (_, None) => "no_runner_up",
                _ => "not_the_lowest_won",
            }
        };
        book.note(verdict);
    }
    for (tender, ratio) in &judged {
        let peers: Vec<f64> =
            judged.iter().filter(|(other, _)| other.source == tender.source).map(|(_, ratio)| *ratio).collect();
        let logs: Vec<f64> = peers.iter().map(|ratio| (1.0 + ratio).ln()).collect();
        if peers.len() < 30 {
            book.note("peer_group_too_small");
            continue;
        }
        let (q1, q3) = (quantile(logs.clone(), 0.25), quantile(logs, 0.75));
        if q3 <= q1 {
            book.note("peer_group_without_spread");
        } else if (1.0 + ratio).ln() >= q3 + 1.5 * (q3 - q1) {
            fire(&mut book, tender, "medium", None);
        } else if *ratio <= 0.01 && *ratio <= quantile(peers, 0.05) {
            fire(&mut book, tender, if tender.modality == "pregao" { "low" } else { "medium" }, None);
        } else {
            book.note("clear");
        }
    }
    book.0
}
