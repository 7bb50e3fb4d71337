//! Of contracts judged among peers or over time, and random contracts for them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Months, NaiveDate, TimeDelta};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::super::differential::{Answers, Book, Reference, alone, current, key, main_item};
use super::super::{Contract, Data, Item, day};
use crate::detectors::functions::quantile8;

pub(in super::super) const REFERENCES: [(&str, Reference); 6] = [
    ("non_competitive_share", direct_share),
    ("market_concentration", market),
    ("item_price_outlier", price),
    ("year_end_spike", spike),
    ("benford", benford),
    ("heterogeneous_supplier", classes),
];

/// Forty units over fourteen months, with items that can be compared and some that stand out.
pub(in super::super) fn crowd(rng: &mut StdRng) -> Data {
    let mut data = Data::default();
    for unit in 0..40 {
        let wild = unit >= 36;
        let direct = if wild { 0.95 } else { rng.random_range(0.15..0.3) };
        // The first unit has a long series, half of it with values that begin alike.
        let many = if unit < 2 { 620 } else { rng.random_range(15..60) };
        let rush = rng.random_bool(0.2).then(|| rng.random_range(0..13u32));
        for at in 0..many {
            let mut contract = Contract::new(&format!("u{unit:02}-{at:03}"));
            contract.number = format!("{at}");
            contract.buyer = format!("b{unit:02}");
            contract.modality = if rng.random_bool(if unit < 2 { 0.02 } else { direct }) {
                ["dispensa_licitacao", "inexigibilidade"].choose(rng).unwrap()
            } else if rng.random_bool(0.05) {
                "not_informed"
            } else {
                "pregao"
            };
            let month = match rush {
                Some(month) if rng.random_bool(0.6) => month,
                _ => rng.random_range(0..14),
            };
            let first = day("2023-01-01") + Months::new(month);
            contract.signed = rng.random_bool(0.97).then(|| first + TimeDelta::days(rng.random_range(0..28)));
            contract.file = first.format("%Y%m_Compras.csv").to_string();
            let article = rng.random_range(0..6);
            // One of the two lines of business is mostly that of one supplier.
            let supplier =
                if rng.random_bool(if article % 2 == 0 { 0.8 } else { 0.1 }) { 1 } else { rng.random_range(2..60) };
            let base = format!("{supplier:08}0001");
            let digits = crate::model::cnpj_check_digits(&base).unwrap().map(char::from);
            contract.supplier =
                if rng.random_bool(0.03) { String::new() } else { format!("{base}{}{}", digits[0], digits[1]) };
            contract.tender = rng.random_bool(0.3).then(|| format!("t{}", rng.random_range(0..40)));
            let spread =
                10f64.powf(if unit < 2 { rng.random_range(4.0..7.0) } else { rng.random_range(5.0..5.6) }) as i128;
            let lopsided = [5, 6, 7, 8][at % 4] * 10i128.pow(4 + at as u32 % 3) + at as i128;
            contract.initial = rng.random_bool(0.97).then_some(if unit == 1 { lopsided } else { spread });
            let usual = 1_000 + 500 * article;
            let times = *[100, 95, 104, 110, 90, 160, 400, 20_000].choose(rng).unwrap();
            let times = if rng.random_bool(0.85) { rng.random_range(95..105) } else { times };
            data.items.push(Item {
                id: format!("{}-1", contract.id),
                description: format!("ARTIGO {}", ["UM", "DOIS"][article as usize % 2]),
                details: match article {
                    0 => "conforme edital".to_owned(),
                    _ => format!("frasco de {article}0 ml, cor azul, bico fino"),
                },
                // Some suppliers sell of everything.
                code: {
                    let classes = if supplier < 4 { 30 } else { 2 + supplier % 4 };
                    format!("{:02}100000", 10 + rng.random_range(0..classes))
                },
                quantity: Some(rng.random_range(0..5) * 10_000),
                price: Some(usual * times / 100),
                ..Item::of(&contract, "")
            });
            data.contracts.push(contract);
        }
    }
    data
}

fn direct_share(data: &Data) -> Answers {
    let mut book = Book::default();
    let mut units: BTreeMap<&str, Vec<&Contract>> = BTreeMap::new();
    current(data).into_iter().for_each(|one| units.entry(&one.buyer).or_default().push(one));
    let direct = |one: &&&Contract| ["dispensa_licitacao", "inexigibilidade"].contains(&one.modality);
    let sum = |of: Vec<&&Contract>| of.iter().map(|one| one.initial.unwrap()).sum::<i128>() as f64;
    let mut shares = Vec::new();
    for members in units.values() {
        let valued: Vec<&Contract> =
            members.iter().filter(|one| one.initial.is_some_and(|value| value > 0)).copied().collect();
        let known: Vec<&&Contract> = valued.iter().filter(|one| one.modality != "not_informed").collect();
        if known.len() < 20 {
            book.note("too_few_contracts");
            continue;
        }
        let won = sum(valued.iter().filter(direct).collect());
        shares.push((won / sum(known), won / sum(valued.iter().collect()), valued));
    }
    if shares.len() < 20 {
        shares.iter().for_each(|_| book.note("too_few_buyers"));
        return book.0;
    }
    let mut sorted: Vec<f64> = shares.iter().map(|(share, ..)| *share).collect();
    sorted.sort_by(f64::total_cmp);
    let (q1, q3) = (quantile8(&sorted, 0.25).unwrap(), quantile8(&sorted, 0.75).unwrap());
    let fence = q3 + 1.5 * (q3 - q1);
    for (share, of_all, valued) in shares {
        if fence >= 1.0 {
            book.note("fence_above_the_whole");
        } else if share <= fence || share < 0.6 {
            book.note("clear");
        } else if of_all <= fence {
            book.note("modality_decisive");
        } else {
            let mut found: Vec<&&Contract> = valued.iter().filter(direct).collect();
            found.sort_by_key(|one| (-one.initial.unwrap(), one.id.clone()));
            book.fire("medium", found.iter().map(|one| one.id.clone()).collect(), None);
        }
    }
    book.0
}

fn month(on: NaiveDate) -> i32 {
    on.year() * 12 + on.month0() as i32
}

fn covered(data: &Data) -> BTreeSet<i32> {
    let first =
        |file: &str| NaiveDate::parse_from_str(&format!("{}01", file.split_once('_').unwrap().0), "%Y%m%d").unwrap();
    data.contracts.iter().map(|one| month(first(&one.file))).collect()
}

fn market(data: &Data) -> Answers {
    let mut book = Book::default();
    let covered = covered(data);
    let mut markets: BTreeMap<(String, i32), Vec<&Contract>> = BTreeMap::new();
    for contract in current(data) {
        if let (Some(signed), Some(1..)) = (contract.signed, contract.initial)
            && let Some(line) = main_item(data, contract).filter(|_| alone(data, contract))
        {
            markets.entry((line, signed.year())).or_default().push(contract);
        }
    }
    for ((_, year), members) in markets {
        let total: i128 = members.iter().map(|one| one.initial.unwrap()).sum();
        let mut by_supplier: BTreeMap<String, Vec<&Contract>> = BTreeMap::new();
        members
            .iter()
            .filter_map(|one| Some((key(one)?, *one)))
            .for_each(|(key, one)| by_supplier.entry(key).or_default().push(one));
        let sum = |of: &[&Contract]| of.iter().map(|one| one.initial.unwrap()).sum::<i128>();
        let hhi: f64 = by_supplier.values().map(|won| (100.0 * sum(won) as f64 / total as f64).powi(2)).sum();
        if !(year * 12..year * 12 + 12).all(|month| covered.contains(&month)) {
            book.note("year_not_covered");
        } else if members.len() < 30 {
            book.note("too_few_contracts");
        } else if by_supplier.len() < 5 {
            book.note("too_few_suppliers");
        } else if hhi >= 1_800.0 {
            let mut largest =
                by_supplier.into_iter().max_by_key(|(key, won)| (sum(won), std::cmp::Reverse(key.clone()))).unwrap().1;
            largest.sort_by_key(|one| (-one.initial.unwrap(), one.id.clone()));
            book.fire(
                if hhi >= 2_500.0 { "medium" } else { "low" },
                largest.iter().map(|one| one.id.clone()).collect(),
                None,
            );
        } else {
            book.note("clear");
        }
    }
    book.0
}

fn robust(values: &mut [f64]) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let median = quantile8(values, 0.5).unwrap();
    let mut distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
    distances.sort_by(f64::total_cmp);
    (median, quantile8(&distances, 0.5).unwrap())
}

fn price(data: &Data) -> Answers {
    let mut book = Book::default();
    let all = current(data);
    type Priced<'a> = (&'a Item, &'a Contract, i32);
    let mut articles: BTreeMap<(&str, &str), Vec<Priced<'_>>> = BTreeMap::new();
    for item in &data.items {
        let contract = all.iter().find(|one| one.buyer == item.buyer && one.number == item.contract_number).unwrap();
        let verdict = if item.price.is_none_or(|price| price <= 0) || item.quantity.is_none_or(|quantity| quantity <= 0)
        {
            "no_price"
        } else if contract.signed.is_none() {
            "no_signature_date"
        } else if item.details == "conforme edital" {
            "description_too_general"
        } else if item.quantity < Some(20_000) {
            "single_unit"
        } else {
            articles.entry((&item.description, &item.details)).or_default().push((
                item,
                contract,
                month(contract.signed.unwrap()),
            ));
            continue;
        };
        book.note(verdict);
    }
    for members in articles.into_values() {
        for (item, contract, at) in &members {
            let peers: Vec<_> = members.iter().filter(|(.., other)| (other - at).abs() <= 12).collect();
            let buyers: BTreeSet<&str> = peers.iter().map(|(_, one, _)| one.buyer.as_str()).collect();
            if peers.len() < 10 || buyers.len() < 5 {
                book.note("too_few_peers");
                continue;
            }
            let log = |item: &Item| (item.price.unwrap() as f64 / 100.0).log10();
            let mut logs: Vec<f64> = peers.iter().map(|(item, ..)| log(item)).collect();
            let (median, mad) = robust(&mut logs);
            let ratio = 10f64.powf(log(item) - median);
            if ratio > 100.0 {
                book.note("unit_error_possible");
            } else if ratio >= 1.5
                && log(item) > quantile8(&logs, 0.9).unwrap()
                && (mad == 0.0 || 0.6745 * (log(item) - median) / mad >= 3.5)
            {
                let severity = if ratio >= 4.0 {
                    "high"
                } else if ratio >= 2.0 {
                    "medium"
                } else {
                    "low"
                };
                let stake = (item.price.unwrap() as f64 - 100.0 * 10f64.powf(median)) * item.quantity.unwrap() as f64
                    / 10_000.0;
                book.fire(severity, vec![contract.id.clone()], Some(stake.round() as i128));
            } else {
                book.note("clear");
            }
        }
    }
    book.0
}

fn spike(data: &Data) -> Answers {
    let mut book = Book::default();
    let covered = covered(data);
    let months: Vec<i32> = covered.iter().copied().filter(|month| covered.contains(&(month + 1))).collect();
    let all = current(data);
    let signed = |one: &Contract| one.signed.map(month);
    let count = |of: &dyn Fn(&Contract) -> bool, at: i32| {
        all.iter().filter(|one| of(one) && signed(one) == Some(at)).count() as f64
    };
    let everybody: Vec<f64> = months.iter().map(|at| count(&|_| true, *at)).collect();
    let mut busy: Vec<f64> = everybody.iter().copied().filter(|count| *count > 0.0).collect();
    let (usual, _) = robust(&mut busy);
    let factors: Vec<f64> = everybody.iter().map(|count| (count / usual).max(1.0)).collect();
    for buyer in all.iter().map(|one| one.buyer.as_str()).collect::<BTreeSet<_>>() {
        let whole = months.len();
        // From its first contract on.
        let began = all.iter().filter(|one| one.buyer == buyer).filter_map(|one| signed(one)).min();
        let own = |at: &usize| began.is_some_and(|began| months[*at] >= began);
        let places: Vec<usize> = (0..months.len()).filter(own).collect();
        let months: Vec<i32> = places.iter().map(|at| months[*at]).collect();
        let factors: Vec<f64> = places.iter().map(|at| factors[*at]).collect();
        let counts: Vec<f64> = months.iter().map(|at| count(&|one| one.buyer == buyer, *at)).collect();
        if whole < 12 {
            book.note("history_not_covered");
            continue;
        }
        if counts.iter().sum::<f64>() < 24.0 {
            book.note("too_few_contracts");
            continue;
        }
        let (median, _) =
            robust(&mut counts.iter().zip(&factors).map(|(count, factor)| count / factor).collect::<Vec<_>>());
        let distances: Vec<f64> = counts
            .iter()
            .zip(&factors)
            .map(|(count, factor)| 2.0 * (count + 0.375).sqrt() - 2.0 * (median * factor + 0.375).sqrt())
            .collect();
        let (_, mad) = robust(&mut distances.clone());
        let scale = (mad / 0.6745).max(1.0);
        let found = (0..months.len()).filter(|at| {
            distances[*at] / scale > 3.0 && counts[*at] >= 10.0 && counts[*at] >= 3.0 * median * factors[*at]
        });
        match found.max_by(|a, b| distances[*a].total_cmp(&distances[*b]).then(a.cmp(b))) {
            None => book.note("clear"),
            Some(at) => {
                let mut of_month: Vec<_> =
                    all.iter().filter(|one| one.buyer == buyer && signed(one) == Some(months[at])).collect();
                of_month.sort_by_key(|one| (one.initial.is_none(), one.initial.map(|value| -value), one.id.clone()));
                let severity = if months[at] % 12 == 11 { "medium" } else { "low" };
                book.fire(severity, of_month.iter().map(|one| one.id.clone()).collect(), None);
            }
        }
    }
    book.0
}

fn benford(data: &Data) -> Answers {
    let mut book = Book::default();
    let all = current(data);
    for buyer in all.iter().map(|one| one.buyer.as_str()).collect::<BTreeSet<_>>() {
        let capped = ["dispensa_licitacao", "convite", "tomada_de_precos", "not_informed"];
        let mut mine: Vec<(i128, &Contract)> = all
            .iter()
            .filter(|one| one.buyer == buyer && !capped.contains(&one.modality))
            .filter_map(|one| Some((one.initial.filter(|value| *value > 0)?, *one)))
            .collect();
        mine.sort_by_key(|(value, one)| (-value, one.id.clone()));
        if mine.len() < 500 {
            book.note("too_few_contracts");
            continue;
        }
        let mut logs: Vec<f64> = mine.iter().map(|(value, _)| (*value as f64 / 100.0).log10()).collect();
        logs.sort_by(f64::total_cmp);
        if quantile8(&logs, 0.95).unwrap() - quantile8(&logs, 0.05).unwrap() < 2.0 {
            book.note("values_too_narrow");
            continue;
        }
        let n = mine.len() as f64;
        let (mut deviation, mut chi) = (0.0, 0.0);
        for digit in 1..=9 {
            let first = |value: &i128| value.to_string().starts_with(&digit.to_string());
            let found = mine.iter().filter(|(value, _)| first(value)).count() as f64;
            let share = (1.0 + 1.0 / f64::from(digit)).log10();
            deviation += (found / n - share).abs() / 9.0;
            chi += (found - n * share).powi(2) / (n * share);
        }
        // 26.12 is where chi-square with 8 degrees of freedom has 0.001 left.
        if deviation > 0.015 && chi > 26.124_481_558_376_14 {
            book.fire("low", mine.iter().map(|(_, one)| one.id.clone()).collect(), None);
        } else {
            book.note("clear");
        }
    }
    book.0
}

fn classes(data: &Data) -> Answers {
    let mut book = Book::default();
    let mut suppliers: BTreeMap<String, Vec<&Contract>> = BTreeMap::new();
    current(data)
        .into_iter()
        .filter_map(|one| Some((key(one)?, one)))
        .for_each(|(key, one)| suppliers.entry(key).or_default().push(one));
    let mut counted = Vec::new();
    for members in suppliers.into_values() {
        let mut processes = BTreeSet::new();
        let mut classes = BTreeSet::new();
        for one in &members {
            for item in data.items.iter().filter(|item| item.buyer == one.buyer && item.contract_number == one.number) {
                classes.insert(item.code[..2].to_owned());
                processes.insert(
                    one.tender.as_ref().map_or_else(|| one.id.clone(), |tender| format!("{}/{tender}", one.buyer)),
                );
            }
        }
        if classes.is_empty() {
            book.note("no_item_class");
        } else if processes.len() < 20 {
            book.note("too_few_processes");
        } else {
            counted.push((classes.len() as f64, members));
        }
    }
    let mut sorted: Vec<f64> = counted.iter().map(|(classes, _)| *classes).collect();
    sorted.sort_by(f64::total_cmp);
    let (Some(q1), Some(q3)) = (quantile8(&sorted, 0.25), quantile8(&sorted, 0.75)) else { return book.0 };
    for (classes, members) in &counted {
        if counted.len() < 30 {
            book.note("peer_group_too_small");
        } else if q3 == q1 {
            book.note("peer_group_without_spread");
        } else if *classes > q3 + 1.5 * (q3 - q1) {
            let mut ids: Vec<String> = members.iter().map(|one| one.id.clone()).collect();
            ids.sort();
            book.fire("low", ids, None);
        } else {
            book.note("clear");
        }
    }
    book.0
}
