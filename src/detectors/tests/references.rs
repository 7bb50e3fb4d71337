//! Slow and obvious detectors, and random data with peers: see `differential`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Months, NaiveDate, TimeDelta};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::differential::{Answers, Book, Reference, alone, current, key, main_item};
use super::{Contract, Data, Item, cents, day};
use crate::detectors::functions::calendar::{Calendar, is_working_day};
use crate::detectors::functions::{
    AmendmentKind, amendment_kinds, is_emergency, is_public_body, legal_basis_kind, legal_regime, quantile8,
};
use crate::detectors::limits::{Comparison, LegalLimits};
use crate::model::{check_tax_id, fold};

/// Judged one by one, or few together.
pub(super) const OF_CONTRACTS: [(&str, Reference); 8] = [
    ("value_risk", value_risk),
    ("value_jump", value_jump),
    ("amendment_count", amendment_count),
    ("direct_award_growth", growth),
    ("just_below_threshold", below),
    ("emergency_overrun", emergency),
    ("late_publication", late),
    ("duplicates", duplicates),
];

/// Judged among peers or over time.
pub(super) const AMONG_PEERS: [(&str, Reference); 6] = [
    ("non_competitive_share", direct_share),
    ("market_concentration", market),
    ("item_price_outlier", price),
    ("year_end_spike", spike),
    ("benford", benford),
    ("heterogeneous_supplier", classes),
];

fn value_risk(data: &Data) -> Answers {
    let mut book = Book::default();
    for contract in current(data) {
        match contract.current.or(contract.initial) {
            None | Some(..0) => book.note("no_value"),
            Some(..10_000_000) => book.note("low_value"),
            Some(..100_000_000) => book.note("medium_value"),
            Some(value) => {
                book.fire(if value < 500_000_000 { "high" } else { "critical" }, vec![contract.id.clone()], None);
            }
        }
    }
    book.0
}

/// Day and kinds of each amendment of a contract's number.
fn amendments(data: &Data, contract: &Contract) -> Vec<(Option<NaiveDate>, Vec<AmendmentKind>)> {
    let mine =
        data.amendments.iter().filter(|one| one.buyer == contract.buyer && one.contract_number == contract.number);
    mine.map(|one| (one.published, amendment_kinds(&fold(&one.object)))).collect()
}

fn any(amendments: &[(Option<NaiveDate>, Vec<AmendmentKind>)], kind: AmendmentKind) -> bool {
    amendments.iter().any(|(_, kinds)| kinds.contains(&kind))
}

fn value_jump(data: &Data) -> Answers {
    let mut book = Book::default();
    for contract in current(data) {
        let mine = amendments(data, contract);
        let (Some(initial), Some(now)) = (contract.initial.filter(|x| *x > 0), contract.current.filter(|x| *x > 0))
        else {
            book.note("no_value");
            continue;
        };
        let distance = (now - initial).abs();
        if distance * 10 <= initial {
            book.note("clear");
        } else if now >= 100 * initial || initial >= 100 * now {
            book.note("slip_possible");
        } else if !mine.is_empty() && !alone(data, contract) {
            book.note("ambiguous_amendments");
        } else if any(&mine, AmendmentKind::Undisclosed) {
            book.note("amendment_undisclosed");
        } else if any(&mine, AmendmentKind::Term) {
            book.note("renewal_mixed");
        } else if any(&mine, AmendmentKind::Price) {
            book.note("price_adjustment_mixed");
        } else {
            let severity = if distance * 2 > initial { "medium" } else { "low" };
            book.fire(severity, vec![contract.id.clone()], Some(distance));
        }
    }
    book.0
}

fn amendment_count(data: &Data) -> Answers {
    let mut book = Book::default();
    for contract in current(data) {
        let mine = amendments(data, contract);
        let days = |on: Option<NaiveDate>| Some((on? - contract.signed?).num_days());
        let is_value = |kinds: &[AmendmentKind]| {
            kinds.contains(&AmendmentKind::Addition) || kinds.contains(&AmendmentKind::Reduction)
        };
        let value: Vec<_> = mine.iter().filter(|(_, kinds)| is_value(kinds)).collect();
        let silent: Vec<_> = mine
            .iter()
            .filter(|(_, kinds)| {
                !is_value(kinds)
                    && (kinds.contains(&AmendmentKind::Other) || kinds.contains(&AmendmentKind::Undisclosed))
            })
            .collect();
        let first = value.iter().filter_map(|(on, _)| days(*on)).min();
        let verdict = if mine.is_empty() {
            match (contract.initial, contract.current) {
                (Some(initial), Some(now)) if initial != now => "no_amendment_published",
                _ => "clear",
            }
        } else if !alone(data, contract) {
            "ambiguous_amendments"
        } else if value.len() >= 3 {
            book.fire("medium", vec![contract.id.clone()], None);
            continue;
        } else if first.is_some_and(|days| (0..=90).contains(&days)) {
            book.fire("low", vec![contract.id.clone()], None);
            continue;
        } else if !value.is_empty() && first.is_none() {
            "no_date"
        } else if !silent.is_empty() && {
            let first = silent.iter().filter_map(|(on, _)| days(*on)).min();
            value.len() + silent.len() >= 3 || first.is_none_or(|days| (0..=90).contains(&days))
        } {
            "amendment_type_unknown"
        } else {
            "clear"
        };
        book.note(verdict);
    }
    book.0
}

/// Small purchases, with their law and class if on account of value.
fn small(data: &Data) -> Vec<(&Contract, Option<(String, String)>, bool)> {
    let dispensas = current(data).into_iter().filter(|one| {
        let (kind, ..) = check_tax_id(&one.supplier);
        one.modality == "dispensa_licitacao" && !is_public_body(Some(kind.as_str()), Some(&one.supplier_name))
    });
    dispensas
        .map(|one| {
            let basis = legal_basis_kind(one.legal_basis.as_deref(), Some(&fold(&one.object))).as_str();
            let of_value = basis.split_once("_value_").map(|(law, class)| (law.to_owned(), class.to_owned()));
            (one, of_value, basis == "unknown")
        })
        .collect()
}

fn ceiling(contract: &Contract, law: &str, class: &str) -> Option<(i128, Comparison)> {
    let limit = LegalLimits::builtin().unwrap().on(&format!("dispensa_{class}"), law, contract.signed?)?;
    let factor = if contract.buyer_name.starts_with("CONSÓRCIO") { 2 } else { 1 };
    Some((cents(&limit.value) * factor, limit.comparison))
}

fn within(value: i128, (ceiling, comparison): (i128, Comparison)) -> bool {
    value < ceiling || (comparison == Comparison::UpTo && value == ceiling)
}

fn growth(data: &Data) -> Answers {
    let mut book = Book::default();
    for (contract, of_value, unknown) in small(data) {
        if unknown
            && let (Some(initial), Some(now)) = (contract.initial, contract.current)
            && let Some(works) = ceiling(contract, "14133", "works")
            && initial > 0
            && now > initial
            && initial < works.0
        {
            book.note("legal_basis_not_published");
        }
        let Some((law, class)) = of_value else { continue };
        let mine = amendments(data, contract);
        let (Some(initial), Some(now)) = (contract.initial.filter(|x| *x > 0), contract.current) else {
            book.note("no_value");
            continue;
        };
        if contract.signed.is_none() {
            book.note("no_signature_date");
            continue;
        }
        let Some(limit) = ceiling(contract, &law, &class) else {
            book.note("no_ceiling_at_date");
            continue;
        };
        let verdict = if !within(initial, limit) {
            "above_from_the_start"
        } else if within(now, limit) {
            "clear"
        } else if mine.is_empty() {
            "no_amendment_published"
        } else if !alone(data, contract) {
            "ambiguous_amendments"
        } else if any(&mine, AmendmentKind::Undisclosed) {
            "amendment_undisclosed"
        } else if any(&mine, AmendmentKind::Price) {
            "price_adjustment_mixed"
        } else if any(&mine, AmendmentKind::Term) {
            "renewal_mixed"
        } else if any(&mine, AmendmentKind::Other) || !any(&mine, AmendmentKind::Addition) {
            "amendment_type_unknown"
        } else {
            book.fire("high", vec![contract.id.clone()], Some(now - limit.0));
            continue;
        };
        book.note(verdict);
    }
    book.0
}

fn a_year_later(on: NaiveDate) -> NaiveDate {
    NaiveDate::from_ymd_opt(on.year() + 1, on.month(), on.day())
        .unwrap_or_else(|| NaiveDate::from_ymd_opt(on.year() + 1, 3, 1).unwrap())
}

fn below(data: &Data) -> Answers {
    let mut book = Book::default();
    let mut groups: BTreeMap<(String, String, String), Vec<(&Contract, (i128, Comparison))>> = BTreeMap::new();
    for (contract, of_value, unknown) in small(data) {
        let Some(value) = contract.initial.filter(|value| *value > 0) else { continue };
        if unknown {
            let all = ["8666", "14133"].into_iter().flat_map(|law| ["goods", "works"].map(|class| (law, class)));
            let near = |(law, class)| {
                ceiling(contract, law, class).is_some_and(|(limit, _)| value * 10 >= limit * 9 && value <= limit)
            };
            if all.into_iter().any(near) {
                book.note("legal_basis_not_published");
            }
        }
        let Some((law, class)) = of_value else { continue };
        match ceiling(contract, &law, &class) {
            Some(limit) => groups.entry((contract.buyer.clone(), law, class)).or_default().push((contract, limit)),
            None if contract.signed.is_none() => book.note("no_signature_date"),
            None => book.note("no_ceiling_at_date"),
        }
    }
    for mut members in groups.into_values() {
        members.sort_by_key(|(one, _)| (one.signed, one.id.clone()));
        let value = |one: &Contract| one.initial.unwrap();
        let near: Vec<&Contract> = members
            .iter()
            .filter(|(one, limit)| value(one) * 10 >= limit.0 * 9 && within(value(one), *limit))
            .map(|(one, _)| *one)
            .collect();
        let wide =
            members.iter().filter(|(one, limit)| value(one) * 10 >= limit.0 * 7 && within(value(one), *limit)).count();
        let close = |a: &Contract, b: &Contract| {
            let (first, last) = (a.signed.min(b.signed).unwrap(), a.signed.max(b.signed).unwrap());
            a.id != b.id && key(a).is_some() && key(a) == key(b) && last <= a_year_later(first)
        };
        let paired: Vec<String> =
            near.iter().filter(|one| near.iter().any(|other| close(one, other))).map(|one| one.id.clone()).collect();
        // Chance of so many of so many, each with one in three.
        let chance = |wide: usize, near: usize| -> f64 {
            let choose = |n: usize, k: usize| (0..k).fold(1.0, |sum, i| sum * (n - i) as f64 / (i + 1) as f64);
            (near..=wide)
                .map(|k| choose(wide, k) * (1.0f64 / 3.0).powi(k as i32) * (2.0f64 / 3.0).powi((wide - k) as i32))
                .sum()
        };
        let bunched = wide >= 5 && chance(wide, near.len()) < 0.01;
        if bunched || !paired.is_empty() {
            let ids = if bunched { near.iter().map(|one| one.id.clone()).collect() } else { paired.clone() };
            book.fire(if bunched && !paired.is_empty() { "high" } else { "medium" }, ids, None);
        } else {
            book.note("clear");
        }
    }
    book.0
}

fn emergency(data: &Data) -> Answers {
    let mut book = Book::default();
    type Event = (String, String, &'static str, String);
    let mut events: BTreeMap<Event, Vec<(NaiveDate, NaiveDate, &Contract, bool)>> = BTreeMap::new();
    for contract in current(data) {
        let object = fold(&contract.object);
        if contract.modality != "dispensa_licitacao" || !is_emergency(contract.legal_basis.as_deref(), Some(&object)) {
            continue;
        }
        let basis = legal_basis_kind(contract.legal_basis.as_deref(), Some(&object)).as_str();
        let law = legal_regime(contract.legal_basis.as_deref(), Some(&object)).as_str();
        if basis == "13303" || law == "13303" {
            book.note("regime_not_covered");
            continue;
        }
        if !["14133_emergency", "8666_emergency", "unknown"].contains(&basis) {
            book.note("other_ground");
            continue;
        }
        let term = contract.start.or(contract.signed).zip(contract.end).filter(|(start, end)| end >= start);
        let Some((start, end)) = term else {
            book.note("no_term");
            continue;
        };
        let regime = match basis {
            "14133_emergency" => "14133",
            "8666_emergency" => "8666",
            _ if contract.signed.is_some_and(|on| on < day("2021-04-01")) => "8666",
            _ => "unknown",
        };
        let supplier = key(contract);
        let event = match (&supplier, &contract.tender) {
            (None, _) => contract.id.clone(),
            (_, Some(tender)) => format!("{}/{tender}", contract.buyer),
            _ => object,
        };
        let supplier = supplier.unwrap_or_else(|| contract.id.clone());
        events.entry((contract.buyer.clone(), supplier, regime, event)).or_default().push((
            start,
            end,
            contract,
            basis != "unknown",
        ));
    }
    let too_long = |regime: &str, from: NaiveDate, to: NaiveDate| {
        if regime == "8666" { (to - from).num_days() > 180 } else { to > a_year_later(from) }
    };
    for ((_, _, regime, _), mut members) in events {
        members.sort_by_key(|(start, end, one, _)| (*start, *end, one.id.clone()));
        let mut stretches: Vec<Vec<(NaiveDate, NaiveDate, &Contract, bool)>> = Vec::new();
        for member in members {
            match stretches.last_mut() {
                Some(stretch) if (member.0 - stretch.iter().map(|one| one.1).max().unwrap()).num_days() <= 30 => {
                    stretch.push(member)
                }
                _ => stretches.push(vec![member]),
            }
        }
        for stretch in stretches {
            let (from, to) = (stretch[0].0, stretch.iter().map(|one| one.1).max().unwrap());
            if too_long(regime, from, to) {
                let high = stretch.iter().all(|one| one.3) && stretch.iter().any(|one| too_long(regime, one.0, one.1));
                book.fire(
                    if high { "high" } else { "medium" },
                    stretch.iter().map(|one| one.2.id.clone()).collect(),
                    None,
                );
            } else if regime == "unknown" && (to - from).num_days() > 180 {
                book.note("regime_unknown");
            } else {
                book.note("clear");
            }
        }
    }
    book.0
}

/// The office day number `count` after a day.
fn office_day(after: NaiveDate, count: usize) -> NaiveDate {
    after.iter_days().skip(1).filter(|day| is_working_day(*day, Calendar::Office)).nth(count - 1).unwrap()
}

fn late(data: &Data) -> Answers {
    let mut book = Book::default();
    for contract in current(data) {
        let law = legal_regime(contract.legal_basis.as_deref(), Some(&fold(&contract.object))).as_str();
        let pncp = contract.source.starts_with("pncp");
        let (Some(signed), Some(published)) = (contract.signed, contract.published) else {
            book.note("no_date");
            continue;
        };
        let direct = ["dispensa_licitacao", "inexigibilidade"].contains(&contract.modality);
        let deadline = if law == "8666" {
            office_day(signed.with_day(1).unwrap() + Months::new(1) - TimeDelta::days(1), 5) + TimeDelta::days(20)
        } else {
            office_day(signed, if direct { 10 } else { 20 })
        };
        let days = (published - signed).num_days();
        let verdict = match law {
            _ if published < signed => "published_before_signature",
            "13303" => "regime_not_covered",
            "unknown" | "other" => "regime_unknown",
            "14133" if !pncp => "pncp_date_not_published",
            "8666" if pncp => "gazette_date_not_published",
            "14133" if contract.modality == "not_informed" => "modality_not_informed",
            _ if published <= deadline => "clear",
            _ if days > 365 => "republication_possible",
            _ => {
                book.fire(if days > 90 { "medium" } else { "low" }, vec![contract.id.clone()], None);
                continue;
            }
        };
        book.note(verdict);
    }
    book.0
}

fn duplicates(data: &Data) -> Answers {
    let mut book = Book::default();
    let mut fit: Vec<&Contract> = Vec::new();
    for contract in current(data) {
        let object = fold(&contract.object);
        if key(contract).is_none() {
            book.note("supplier_secret");
        } else if contract.initial.is_none_or(|value| value <= 0) {
            book.note("no_value");
        } else if contract.signed.is_none() {
            book.note("no_signature_date");
        } else if object.split(' ').count() < 6 {
            book.note("object_too_short");
        } else {
            fit.push(contract);
        }
    }
    let shingles = |one: &Contract| -> BTreeSet<String> {
        let object = fold(&one.object);
        let words: Vec<&str> = object.split(' ').collect();
        words.windows(3).map(|three| three.join(" ")).collect()
    };
    let alike = |a: &Contract, b: &Contract| {
        let (one, other) = (shingles(a), shingles(b));
        let same = a.buyer == b.buyer && key(a) == key(b) && a.initial == b.initial && a.id != b.id;
        same && (a.signed.unwrap() - b.signed.unwrap()).num_days().abs() <= 30
            && one.intersection(&other).count() * 100 >= 85 * one.union(&other).count()
    };
    let mut groups: BTreeMap<(String, Option<String>, Option<i128>), Vec<&Contract>> = BTreeMap::new();
    for one in &fit {
        if fit.iter().any(|other| alike(one, other)) {
            groups.entry((one.buyer.clone(), key(one), one.initial)).or_default().push(one);
        } else {
            book.note("clear");
        }
    }
    for ((.., value), mut members) in groups {
        members.sort_by_key(|one| (one.signed, one.id.clone()));
        let twins = |a: &Contract, b: &Contract| a.id != b.id && a.signed == b.signed && shingles(a) == shingles(b);
        let identical = members.iter().any(|a| members.iter().any(|b| twins(a, b)));
        let stake = value.unwrap() * (members.len() as i128 - 1);
        book.fire(
            if identical { "medium" } else { "low" },
            members.iter().map(|one| one.id.clone()).collect(),
            Some(stake),
        );
    }
    book.0
}

/// Forty units over fourteen months, with items that can be compared and some that stand out.
pub(super) fn crowd(rng: &mut StdRng) -> Data {
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
    let mut articles: BTreeMap<(&str, &str), Vec<(&Item, &Contract, i32)>> = BTreeMap::new();
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
        let counts: Vec<f64> = months.iter().map(|at| count(&|one| one.buyer == buyer, *at)).collect();
        if months.len() < 12 {
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
