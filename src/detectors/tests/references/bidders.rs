//! Of who took part, and of whose bids were thrown out.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::super::Data;
use super::super::differential::{Answers, Book};
use super::super::tenders::{Bid, Tender, TenderItem};
use super::tenders::{
    Lot, agree_on_every_answer, amount, fire, firms, in_two_lots, is_cancelled, is_competitive, lots, made, market,
    quantile, situation, subjects,
};

#[tokio::test]
async fn numbers_of_bidders_agree_with_the_obvious_ones() {
    let sets: Vec<Data> = (0..3).map(|seed| participants(&mut StdRng::seed_from_u64(seed))).collect();
    agree_on_every_answer(&sets, &[("few_bidders_for_market", few_bidders)]).await;
}

#[tokio::test]
async fn disqualifications_agree_with_the_obvious_ones() {
    let sets: Vec<Data> = (0..3).map(|seed| thrown_out(&mut StdRng::seed_from_u64(seed))).collect();
    agree_on_every_answer(&sets, &[("disqualification_pattern", disqualification)]).await;
}

/// Tenders of several markets, some of which are small, or of few firms.
fn participants(rng: &mut StdRng) -> Data {
    let mut data = Data::default();
    for place in 0..500 {
        let id = format!("t{place:03}");
        let mut tender = Tender::new(&id);
        tender.source = (*["ocds:one", "ocds:one", "ocds:few", "ocds:alike"].choose(rng).unwrap()).to_owned();
        tender.method = *[Some("open"), Some("open"), Some("open"), Some("limited"), None].choose(rng).unwrap();
        tender.modality = ["concorrencia", "concorrencia", "not_informed"].choose(rng).unwrap();
        tender.situation = situation(rng);
        tender.category = rng.random_bool(0.6).then(|| ["goods", "works"].choose(rng).unwrap().to_string());
        tender.object =
            (*["Aquisição de material", "Execução de obra", "Conforme edital"].choose(rng).unwrap()).to_owned();
        tender.result = rng.random_bool(0.5).then(|| super::super::day("2024-04-01"));
        tender.value = rng.random_bool(0.5).then_some(1_000_000);
        if tender.source == "ocds:few" {
            tender.category = Some("goods".to_owned());
        } else if rng.random_bool(0.4) {
            let class = ["33100000", "45200000", "45300000-1", "99000000"].choose(rng).unwrap().to_string();
            let scheme = (*["CPV", "CPV", "UNSPSC", "CATMAT"].choose(rng).unwrap()).to_owned();
            for number in 0..rng.random_range(1..3) {
                // Another class of the same tender makes it a market of neither.
                let class = if rng.random_bool(0.1) { "15000000".to_owned() } else { class.clone() };
                data.tender_items.push(TenderItem {
                    scheme: Some(scheme.clone()),
                    class: Some(class),
                    ..TenderItem::of(&id, number)
                });
            }
        }
        let usual = match tender.source.as_str() {
            "ocds:few" => 1..3_i64,
            "ocds:alike" => 6..7,
            _ => 4..10,
        };
        let count = if rng.random_bool(0.1) { rng.random_range(1..5) } else { rng.random_range(usual) };
        tender.tenderers = rng.random_bool(0.6).then_some(count);
        let in_lots = rng.random_bool(0.3);
        if rng.random_bool(0.6) {
            for lot in 0..if in_lots { rng.random_range(1..4) } else { 1 } {
                for firm in 0..count + i64::from(rng.random_bool(0.1)) {
                    let mut bid = Bid::of(&id, &format!("f{firm}"), 1_000);
                    bid.id = format!("{id}-{lot}-{firm}");
                    bid.won = rng.random_bool(0.9).then_some(firm == 0);
                    match rng.random_range(0..3) {
                        0 if in_lots => bid.lot = Some(lot.to_string()),
                        1 if in_lots => bid.item = Some(lot.to_string()),
                        _ => {}
                    }
                    if rng.random_bool(0.1) {
                        bid.status = Some((*["withdrawn", "invited", "disqualified"].choose(rng).unwrap()).to_owned());
                    }
                    if rng.random_bool(0.02) {
                        bid.bidder = String::new();
                    }
                    data.bids.push(bid);
                }
            }
        }
        data.tenders.push(tender);
    }
    data
}

fn few_bidders(data: &Data) -> Answers {
    let mut book = Book::default();
    let mut markets: BTreeMap<(&str, String), Vec<(&Tender, f64)>> = BTreeMap::new();
    for tender in subjects(data) {
        let bids = made(data, tender);
        let named = firms(&bids).len();
        let all_named = bids.iter().all(|bid| !bid.bidder.is_empty());
        let won = bids.iter().any(|bid| bid.won == Some(true));
        let stated = tender.tenderers.map(|stated| stated as usize);
        let count = stated.or((!bids.is_empty() && all_named).then_some(named)).unwrap_or(0);
        let verdict = if !is_competitive(tender) {
            "method_unknown"
        } else if is_cancelled(tender) {
            "cancelled"
        } else if tender.result.is_none() && tender.value.is_none() && !won {
            "not_decided"
        } else if count == 0 {
            "bidders_not_published"
        } else if stated.is_some_and(|stated| stated < named) {
            "counts_differ"
        } else if let Some(market) = market(data, tender) {
            // Where bids say what they are for, and whose they are, those of one lot count.
            let mut by_lot: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
            for bid in bids.iter().filter(|bid| bid.lot.is_some() || bid.item.is_some()) {
                by_lot.entry((&bid.lot, &bid.item)).or_default().insert(&bid.bidder);
            }
            let sum: usize = by_lot.values().map(BTreeSet::len).sum();
            let average = if all_named && !by_lot.is_empty() { sum as f64 / by_lot.len() as f64 } else { count as f64 };
            markets.entry((&tender.source, market)).or_default().push((tender, average));
            continue;
        } else {
            "market_unknown"
        };
        book.note(verdict);
    }
    for peers in markets.into_values() {
        let at = |p| quantile(peers.iter().map(|(_, count)| *count).collect(), p);
        let (q1, median, q3) = (at(0.25), at(0.5), at(0.75));
        for (tender, count) in &peers {
            if peers.len() < 30 {
                book.note("peer_group_too_small");
            } else if median < 3.0 {
                book.note("market_of_few");
            } else if *count < median / 2.0 || (q3 > q1 && *count <= q1 - 1.5 * (q3 - q1)) {
                fire(&mut book, tender, "low", None);
            } else {
                book.note("clear");
            }
        }
    }
    book.0
}

/// Many buyers and bidders of one source, some of which are hard; few of another, and one that throws out nobody.
fn thrown_out(rng: &mut StdRng) -> Data {
    let mut data = Data::default();
    for (source, buyers, share) in [("ocds:one", 45, 0.1), ("ocds:two", 6, 0.2), ("ocds:kind", 34, 0.0)] {
        for buyer in 0..buyers {
            let hard = source == "ocds:one" && buyer % 15 == 0;
            for number in 0..rng.random_range(3..9) {
                let id = format!("{}-{buyer:02}-{number}", &source[5..]);
                let mut tender = Tender::new(&id);
                tender.source = source.to_owned();
                tender.buyer = format!("{buyer:02}");
                tender.method = Some(if rng.random_bool(0.05) { "limited" } else { "open" });
                tender.situation = situation(rng);
                tender.criterion = [
                    None,
                    None,
                    Some("priceOnly"),
                    Some("Menor preço"),
                    Some("ratedCriteria"),
                    Some("Técnica e preço"),
                ]
                .choose(rng)
                .unwrap()
                .map(str::to_owned);
                if rng.random_bool(0.15) {
                    data.tender_items.extend(in_two_lots(&id));
                }
                let in_lots = rng.random_bool(0.3);
                for lot in 0..if in_lots { 2 } else { 1 } {
                    let many = rng.random_range(1..6);
                    let winner = rng.random_range(0..many);
                    for place in 0..many {
                        let firm = rng.random_range(0..60);
                        let mut bid = Bid::of(&id, &format!("{}{firm}", &source[5..6]), rng.random_range(1_000..1_200));
                        bid.id = format!("{id}-{lot}-{place}");
                        bid.lot = in_lots.then(|| lot.to_string());
                        bid.amount = rng.random_bool(0.97).then_some(bid.amount.unwrap());
                        let out = if hard || firm == 7 { 0.7 } else { share };
                        if rng.random_bool(out) && (place != winner || rng.random_bool(0.1)) {
                            bid.status = Some("disqualified".to_owned());
                        } else if rng.random_bool(0.06) {
                            bid.status = Some((*["pending", "withdrawn"].choose(rng).unwrap()).to_owned());
                        }
                        if rng.random_bool(0.01) {
                            bid.status = None;
                        }
                        bid.won = rng.random_bool(0.97).then_some(place == winner || rng.random_bool(0.02));
                        bid.currency = Some(if rng.random_bool(0.99) { "BRL" } else { "USD" }.to_owned());
                        if rng.random_bool(0.01) {
                            bid.bidder = String::new();
                        }
                        data.bids.push(bid);
                    }
                }
                data.tenders.push(tender);
            }
        }
    }
    data
}

fn is_out(bid: &Bid) -> bool {
    bid.status.as_deref() == Some("disqualified")
}

/// Whether all but the winner were thrown out, and whether the lowest bid was, and another won.
fn patterns(lot: &Lot<'_>) -> (bool, bool) {
    let valid = lot.valid();
    let winners = firms(&valid.iter().filter(|bid| bid.won == Some(true)).copied().collect::<Vec<_>>());
    let valid_firms = firms(&valid);
    let others: BTreeSet<String> = firms(&lot.bids).difference(&winners).cloned().collect();
    let all_out = others.iter().all(|firm| lot.bids.iter().filter(|bid| bid.bidder == *firm).all(|bid| is_out(bid)));
    let all_but_winner = winners.len() == 1 && valid_firms == winners && !others.is_empty() && all_out;
    let priced: Vec<&Bid> = lot.bids.iter().filter(|bid| amount(bid).is_some()).copied().collect();
    let currencies: BTreeSet<_> = priced.iter().map(|bid| &bid.currency).collect();
    let by_price = !["ratedCriteria", "Técnica e preço"].contains(&lot.tender.criterion.as_deref().unwrap_or(""));
    // Who has a valid bid as well was not thrown out.
    let out = priced.iter().filter(|bid| is_out(bid) && !valid_firms.contains(&bid.bidder)).map(|bid| bid.amount).min();
    let stood = priced.iter().filter(|bid| !is_out(bid)).map(|bid| bid.amount).min();
    let valued = valid.iter().any(|bid| amount(bid).is_some());
    let lowest = by_price && currencies.len() == 1 && valued && out.zip(stood).is_some_and(|(out, stood)| out < stood);
    (all_but_winner, lowest)
}

fn disqualification(data: &Data) -> Answers {
    let mut book = Book::default();
    let mut entities: BTreeMap<(&str, bool, String), Vec<&Bid>> = BTreeMap::new();
    for lot in lots(data) {
        let count = firms(&lot.bids).len();
        let unjudged = if is_cancelled(lot.tender) {
            Some("cancelled")
        } else if lot.bids.iter().any(|bid| bid.status.is_none()) {
            Some("status_not_published")
        } else if lot.bids.iter().any(|bid| bid.bidder.is_empty()) {
            Some("bidder_unknown")
        } else if lot.unstated {
            Some("lots_not_stated")
        } else {
            None
        };
        if let Some(reason) = unjudged {
            book.note(reason);
            continue;
        }
        for bid in &lot.bids {
            entities.entry((&lot.tender.source, true, lot.tender.buyer.clone())).or_default().push(bid);
            entities.entry((&lot.tender.source, false, bid.bidder.clone())).or_default().push(bid);
        }
        if count < 2 {
            book.note("single_bidder");
        } else if !lot.valid().iter().any(|bid| bid.won == Some(true)) {
            book.note("winner_unknown");
        } else if patterns(&lot) == (false, false) {
            book.note("clear");
        } else {
            fire(&mut book, lot.tender, "medium", None);
        }
    }
    let tenders = |bids: &[&Bid]| bids.iter().map(|bid| bid.tender.clone()).collect::<BTreeSet<_>>();
    let share = |bids: &[&Bid]| bids.iter().filter(|bid| is_out(bid)).count() as f64 / bids.len() as f64;
    for ((source, is_buyer, _), bids) in &entities {
        let peers: Vec<f64> = entities
            .iter()
            .filter(|((other, kind, _), bids)| other == source && kind == is_buyer && tenders(bids).len() >= 5)
            .map(|(_, bids)| share(bids))
            .collect();
        if tenders(bids).len() < 5 {
            book.note("too_few_tenders");
        } else if peers.len() < 30 {
            book.note("peer_group_too_small");
        } else {
            let (q1, q3) = (quantile(peers.clone(), 0.25), quantile(peers, 0.75));
            if q3 <= q1 {
                book.note("peer_group_without_spread");
            } else if share(bids) > q3 + 1.5 * (q3 - q1) {
                let out: Vec<&Bid> = bids.iter().filter(|bid| is_out(bid)).copied().collect();
                book.fire("medium", tenders(&out).into_iter().collect(), None);
            } else {
                book.note("clear");
            }
        }
    }
    book.0
}
