//! Of firms that keep meeting.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};

use super::super::differential::{Answers, Book};
use super::super::tenders::{Bid, Tender, at};
use super::super::{Data, day};
use super::tenders::{
    Lot, agree_on_every_answer, amount, deadline, firms, in_two_lots, is_cancelled, lots, made, market, situation,
    subjects,
};
use crate::detectors::collusion::groups::{RotationRule, pair_probability, rotation};

#[tokio::test]
async fn dispersions_agree_with_the_obvious_ones() {
    let sets: Vec<Data> = (0..4).map(|seed| bids_of_sources(&mut StdRng::seed_from_u64(seed))).collect();
    agree_on_every_answer(&sets, &[("bid_dispersion_screen", dispersion)]).await;
}

#[tokio::test]
async fn meetings_agree_with_the_obvious_ones() {
    let sets: Vec<Data> = (0..3).map(|seed| markets(&mut StdRng::seed_from_u64(seed))).collect();
    agree_on_every_answer(&sets, &[("rotation_and_cobidding", meetings)]).await;
}

/// Firms that bid at random, and some that bid together: in a source of many tenders, of few, where nearly
/// everybody does it, and where everybody does.
fn bids_of_sources(rng: &mut StdRng) -> Data {
    let mut data = Data::default();
    for (source, many, together) in
        [("ocds:many", 160, 0.08), ("ocds:few", 25, 0.3), ("ocds:common", 90, 0.5), ("ocds:all", 50, 1.0)]
    {
        for number in 0..many {
            let id = format!("{}-{number:03}", &source[5..]);
            let mut tender = Tender::new(&id);
            tender.source = source.to_owned();
            tender.situation = situation(rng);
            tender.method = Some(if rng.random_bool(0.03) { "limited" } else { "open" });
            if rng.random_bool(0.06) {
                data.tender_items.extend(in_two_lots(&id));
            }
            let in_lots = rng.random_bool(0.15);
            for lot in 0..if in_lots { 2 } else { 1 } {
                let cover = rng.random_bool(together);
                let mut drawn: Vec<u32> = (2..14).collect();
                drawn.shuffle(rng);
                drawn.truncate(rng.random_range(2..6));
                // Firms 0 and 1 meet where bids are made up, and now and then elsewhere.
                if cover {
                    drawn = [0, 1].into_iter().chain(drawn).collect();
                } else if rng.random_bool(0.02) {
                    drawn.extend([0, 1]);
                }
                let winning = rng.random_range(10_000_000..20_000_000_i128);
                let multiples = rng.random_bool(0.3);
                for (place, firm) in drawn.iter().enumerate() {
                    let cents = match (cover, place) {
                        (true, _) if multiples => (winning as f64 * 1.04_f64.powi(place as i32)).round() as i128,
                        (true, 0) => winning,
                        // Close to each other, and away from the winner.
                        (true, _) => winning * 103 / 100 + rng.random_range(0..winning / 200),
                        (false, _) => winning + rng.random_range(0..winning / 3),
                    };
                    let mut bid = Bid::of(&id, &format!("{}{firm:02}", &source[5..6]), cents);
                    bid.id = format!("{id}-{lot}-{place}");
                    bid.lot = in_lots.then(|| lot.to_string());
                    if rng.random_bool(0.02) {
                        bid.status = Some((*["disqualified", "withdrawn", "pending"].choose(rng).unwrap()).to_owned());
                    }
                    bid.amount = rng.random_bool(0.995).then_some(cents);
                    bid.currency = Some(if rng.random_bool(0.995) { "BRL" } else { "USD" }.to_owned());
                    if rng.random_bool(0.005) {
                        bid.status = None;
                    }
                    if rng.random_bool(0.005) {
                        bid.bidder = String::new();
                    }
                    data.bids.push(bid);
                }
            }
            data.tenders.push(tender);
        }
    }
    data
}

/// The lowest valid bid of each firm.
fn offers<'a>(lot: &'a Lot<'_>) -> BTreeMap<&'a str, i128> {
    let mut offers = BTreeMap::new();
    for bid in lot.valid() {
        if let Some(cents) = amount(bid) {
            let lowest: &mut i128 = offers.entry(bid.bidder.as_str()).or_insert(cents);
            *lowest = cents.min(*lowest);
        }
    }
    offers
}

fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)).sqrt()
}

/// A low coefficient of variation with a winner apart, or fixed multiples.
fn is_unusual(offers: &BTreeMap<&str, i128>) -> bool {
    let mut bids: Vec<f64> = offers.values().map(|cents| *cents as f64).collect();
    bids.sort_by(f64::total_cmp);
    let mean = bids.iter().sum::<f64>() / bids.len() as f64;
    let losers = deviation(&bids[1..]);
    let close = deviation(&bids) / mean < 0.06;
    let apart = losers > 0.0 && (bids[1] - bids[0]) / losers > 1.0;
    let ratios: Vec<f64> = bids.windows(2).map(|two| two[1] / two[0]).collect();
    let multiples = ratios
        .iter()
        .all(|ratio| *ratio > 1.001 && ratios.iter().all(|other| ratio / other <= 1.001 && other / ratio <= 1.001));
    (close && apart) || multiples
}

/// Chance of at least so many of so many, at a rate.
fn tail(hits: usize, of: usize, rate: f64) -> f64 {
    let choose = |k: usize| (0..k).fold(1.0, |product, i| product * (of - i) as f64 / (i + 1) as f64);
    (hits..=of).map(|k| choose(k) * rate.powi(k as i32) * (1.0 - rate).powi((of - k) as i32)).sum()
}

fn dispersion(data: &Data) -> Answers {
    let mut book = Book::default();
    type Judged<'a> = (&'a Tender, BTreeMap<&'a str, i128>, bool);
    let all = lots(data);
    let mut judged: Vec<Judged<'_>> = Vec::new();
    for lot in &all {
        let offers = offers(lot);
        match lot.why() {
            Some(reason) => book.note(reason),
            None if offers.len() < 4 => book.note("too_few_bids"),
            None => {
                let unusual = is_unusual(&offers);
                judged.push((lot.tender, offers, unusual));
            }
        }
    }
    let of = |source: &str, which: &dyn Fn(&Judged<'_>) -> bool| -> BTreeSet<String> {
        judged.iter().filter(|one| one.0.source == source && which(one)).map(|one| one.0.id.clone()).collect()
    };
    for (tender, offers, unusual) in &judged {
        if !unusual {
            book.note("clear");
            continue;
        }
        // Of the pairs that do this often enough, the one that does so most often, in the fewest tenders.
        let mut kept: Vec<(usize, usize, &str, &str, BTreeSet<String>)> = Vec::new();
        for one in offers.keys() {
            for other in offers.keys().filter(|other| *other > one) {
                let both = |judged: &Judged<'_>| judged.1.contains_key(one) && judged.1.contains_key(other);
                let common = of(&tender.source, &both);
                let flagged = of(&tender.source, &|judged| judged.2 && both(judged));
                if flagged.len() < 3 || flagged.len() * 2 < common.len() {
                    continue;
                }
                let others = &of(&tender.source, &|_| true) - &common;
                let unusual = &of(&tender.source, &|judged| judged.2) - &common;
                let rate = unusual.len() as f64 / others.len() as f64;
                if others.len() < 30 || tail(flagged.len(), common.len(), rate) < 0.001 {
                    kept.push((flagged.len(), common.len(), one, other, flagged));
                }
            }
        }
        kept.sort_by_key(|(flagged, common, one, other, _)| (usize::MAX - flagged, *common, *one, *other));
        match kept.into_iter().next() {
            None => book.note("isolated"),
            Some((.., flagged)) => {
                let rest = flagged.into_iter().filter(|id| *id != tender.id);
                book.fire("medium", [tender.id.clone()].into_iter().chain(rest).collect(), None);
            }
        }
    }
    book.0
}

/// Markets of few firms and of many; in some the same firm keeps winning against the same, in some all take turns.
fn markets(rng: &mut StdRng) -> Data {
    let mut data = Data::default();
    for place in 0..26 {
        let source = ["ocds:one", "ocds:two"][place % 2];
        let state = [None, Some("SP"), Some("MG")][place % 3];
        let kind = ["goods", "works", "services"][place / 9];
        // Of the places that are left alike by this, tenders mix.
        let firms_of = [4, 6, 90][rng.random_range(0..3)];
        let way = rng.random_range(0..5);
        let many = if way == 4 { rng.random_range(1..8) } else { rng.random_range(10..34) };
        for number in 0..many {
            let id = format!("p{place:02}-{number:02}");
            let mut tender = Tender::new(&id);
            tender.source = source.to_owned();
            tender.state = state.map(str::to_owned);
            tender.category = rng.random_bool(0.98).then(|| kind.to_owned());
            tender.object = "Conforme edital".to_owned();
            tender.situation = situation(rng);
            tender.method = Some(if rng.random_bool(0.04) { "limited" } else { "open" });
            let result = day("2024-01-01") + Days::new(rng.random_range(0..300));
            tender.result = rng.random_bool(0.7).then_some(result);
            tender.end = (place % 7 != 3 || rng.random_bool(0.8)).then(|| at("2024-05-01T12:00:00Z"));
            let mut drawn: Vec<usize> = (0..firms_of).collect();
            drawn.shuffle(rng);
            drawn.truncate(rng.random_range(1..5));
            match way {
                // The first wins against the second, which never does.
                0 | 1 if rng.random_bool(0.7) => {
                    let winner = if rng.random_bool(0.96) { 0 } else { 2 };
                    drawn.retain(|firm| *firm > 2);
                    let pair = if winner == 0 { vec![0, 1] } else { vec![2, 0, 1] };
                    drawn = pair.into_iter().chain(drawn).collect();
                }
                2 => {
                    let turn = number % 4;
                    drawn.retain(|firm| *firm != turn);
                    drawn.insert(0, turn);
                    tender.result = Some(day("2024-01-01") + Days::new(number as u64));
                }
                _ => {}
            }
            for (at, firm) in drawn.iter().enumerate() {
                let mut bid = Bid::of(&id, &format!("{place:02}f{firm:02}"), 1_000 + at as i128);
                bid.won = Some(at == 0 || rng.random_bool(0.01));
                if rng.random_bool(0.03) {
                    bid.status = Some("withdrawn".to_owned());
                }
                if rng.random_bool(0.01) {
                    bid.bidder = String::new();
                }
                data.bids.push(bid);
            }
            data.tenders.push(tender);
        }
    }
    data
}

fn meetings(data: &Data) -> Answers {
    struct Process<'a> {
        tender: &'a Tender,
        bidders: BTreeSet<String>,
        winner: String,
        day: Option<NaiveDate>,
    }
    let mut places: BTreeMap<(&str, String, &Option<String>), Vec<Process<'_>>> = BTreeMap::new();
    for tender in subjects(data).filter(|tender| !is_cancelled(tender)) {
        let bids = made(data, tender);
        let bidders = firms(&bids);
        let winners = firms(&bids.iter().filter(|bid| bid.won == Some(true)).copied().collect::<Vec<_>>());
        let (Some(market), Some(winner)) = (market(data, tender), winners.first().cloned()) else { continue };
        if winners.len() != 1 || bidders.len() < 2 || bids.iter().any(|bid| bid.bidder.is_empty()) {
            continue;
        }
        let day = tender.result.or_else(|| deadline(tender));
        places.entry((&tender.source, market, &tender.state)).or_default().push(Process {
            tender,
            bidders,
            winner,
            day,
        });
    }
    let mut book = Book::default();
    let severity = |chance: f64| if chance <= 0.001 { "high" } else { "medium" };
    for processes in places.values_mut() {
        let winners: BTreeSet<String> = processes.iter().map(|one| one.winner.clone()).collect();
        for winner in &winners {
            let met: BTreeSet<String> = processes
                .iter()
                .filter(|one| one.winner == *winner)
                .flat_map(|one| one.bidders.iter().filter(|firm| *firm != winner).cloned())
                .collect();
            let (mut fired, mut by_chance, mut often) = (0, 0, 0);
            for rival in &met {
                let common: Vec<&Process<'_>> = processes
                    .iter()
                    .filter(|one| one.bidders.contains(winner) && one.bidders.contains(rival))
                    .collect();
                let wins = common.iter().filter(|one| one.winner == *winner).count();
                if wins >= 5 {
                    often += 1;
                }
                let never = common.iter().all(|one| one.winner != *rival);
                if common.len() < 5 || wins * 10 < common.len() * 9 || !never {
                    continue;
                }
                let mut ids: Vec<(String, u64)> =
                    common.iter().map(|one| (one.tender.id.clone(), one.bidders.len() as u64)).collect();
                ids.sort();
                let sizes: Vec<u64> = ids.iter().map(|(_, size)| *size).collect();
                let chance = pair_probability(&sizes, wins) * met.len() as f64;
                if chance < 0.01 {
                    fired += 1;
                    book.fire(severity(chance), ids.into_iter().map(|(id, _)| id).collect(), None);
                } else {
                    by_chance += 1;
                }
            }
            match (fired, by_chance, often) {
                (1.., ..) => {}
                (_, 1.., _) => book.note("chance_possible"),
                (_, _, 0) => book.note("too_few_tenders"),
                _ => book.note("clear"),
            }
        }
        processes.sort_by_key(|one| (one.day, one.tender.id.clone()));
        if winners.len() < 3 || processes.len() < 6 {
            book.note("too_few_wins");
        } else if winners.len() > 20 {
            book.note("market_too_wide");
        } else if processes.iter().any(|one| one.day.is_none()) {
            book.note("order_unknown");
        } else {
            // Numbers in order of first appearance.
            let mut numbers: BTreeMap<&String, u32> = BTreeMap::new();
            for one in processes.iter() {
                let next = numbers.len() as u32;
                numbers.entry(&one.winner).or_insert(next);
            }
            let order: Vec<u32> = processes.iter().map(|one| numbers[&one.winner]).collect();
            let found = rotation(&order, RotationRule::default()).unwrap();
            let share = |firm: u32| order.iter().filter(|one| **one == firm).count() as f64 / order.len() as f64;
            let entropy: f64 = numbers.values().map(|firm| -share(*firm) * share(*firm).ln()).sum();
            if entropy / (winners.len() as f64).ln() >= 0.9 && found.probability < 0.01 {
                let ids = processes.iter().map(|one| one.tender.id.clone()).collect();
                book.fire(severity(found.probability), ids, None);
            } else {
                book.note("clear");
            }
        }
    }
    book.0
}
