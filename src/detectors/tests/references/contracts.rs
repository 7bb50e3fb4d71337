//! Of contracts judged one by one, or few together.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Months, NaiveDate, TimeDelta};

use super::super::differential::{
    Answers, Book, Change, Reference, alone, amendments, company, current, has as any, is_rescinded, key,
};
use super::super::{Contract, Data, cents, day};
use crate::detectors::functions::calendar::{Calendar, is_working_day};
use crate::detectors::functions::{AmendmentKind, is_emergency, is_public_body, legal_basis_kind, legal_regime};
use crate::detectors::limits::{Comparison, LegalLimits};
use crate::model::{check_tax_id, fold};

pub(in super::super) const REFERENCES: [(&str, Reference); 8] = [
    ("value_risk", value_risk),
    ("value_jump", value_jump),
    ("amendment_count", amendment_count),
    ("direct_award_growth", growth),
    ("just_below_threshold", below),
    ("emergency_overrun", emergency),
    ("late_publication", late),
    ("duplicates", duplicates),
];

fn value_risk(data: &Data) -> Answers {
    let mut book = Book::default();
    for contract in current(data) {
        match contract.current.filter(|value| *value != 0).or(contract.initial) {
            None | Some(..=0) => book.note("no_value"),
            Some(..10_000_000) => book.note("low_value"),
            Some(..100_000_000) => book.note("medium_value"),
            Some(value) => {
                book.fire(if value < 500_000_000 { "high" } else { "critical" }, vec![contract.id.clone()], None);
            }
        }
    }
    book.0
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
        } else if now < initial && is_rescinded(contract) {
            book.note("rescinded");
        } else if contract.source.starts_with("pncp") && !mine.iter().any(Change::is_amendment) {
            book.note("amendments_not_published");
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
        let of_value: Vec<_> = mine.iter().filter(|one| is_value(&one.kinds)).collect();
        let silent: Vec<_> = mine
            .iter()
            .filter(|one| {
                !is_value(&one.kinds)
                    && (one.kinds.contains(&AmendmentKind::Other) || one.kinds.contains(&AmendmentKind::Undisclosed))
            })
            .collect();
        let first = of_value.iter().filter_map(|one| days(one.on)).min();
        let is_early = |days: i64| (0..=90).contains(&days);
        let unchanged = contract.initial.is_some() && contract.initial == contract.current;
        let both_ways = any(&mine, AmendmentKind::Addition) && any(&mine, AmendmentKind::Reduction);
        let fired = of_value.len() >= 3 || first.is_some_and(is_early);
        let verdict = if !mine.iter().any(Change::is_amendment) {
            match (contract.initial, contract.current) {
                (Some(initial), Some(now)) if initial != now => "no_amendment_published",
                _ => "clear",
            }
        } else if !alone(data, contract) {
            "ambiguous_amendments"
        } else if fired && unchanged && !both_ways {
            "value_unchanged"
        } else if fired {
            book.fire(if of_value.len() >= 3 { "medium" } else { "low" }, vec![contract.id.clone()], None);
            continue;
        } else if !of_value.is_empty() && first.is_none() {
            "no_date"
        } else if !silent.is_empty() && {
            let first = silent.iter().filter_map(|one| days(one.on)).min();
            of_value.len() + silent.len() >= 3 || first.is_none_or(is_early)
        } {
            "amendment_type_unknown"
        } else {
            "clear"
        };
        book.note(verdict);
    }
    book.0
}

/// A small purchase, its law and class if on account of value, and whether no ground is known.
type Small<'a> = (&'a Contract, Option<(String, String)>, bool);

fn small(data: &Data) -> Vec<Small<'_>> {
    let dispensas = current(data).into_iter().filter(|one| {
        let (kind, ..) = check_tax_id(&one.supplier);
        one.modality == "dispensa_licitacao"
            && !is_public_body(Some(kind.as_str()), Some(&one.supplier_name))
            && !is_rescinded(one)
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
        } else if !mine.iter().any(Change::is_amendment) {
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
    type Member<'a> = (&'a Contract, (i128, Comparison));
    let mut groups: BTreeMap<(String, String, String), Vec<Member<'_>>> = BTreeMap::new();
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
            let (first, second) = (a.signed.unwrap(), b.signed.unwrap());
            let in_time = first.year() == second.year() || (first - second).num_days().abs() < 180;
            a.id != b.id && company(a).is_some() && company(a) == company(b) && in_time
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
        let covid = |on: NaiveDate| (day("2020-02-06")..=day("2021-12-31")).contains(&on);
        if law == "emergency" || (basis == "unknown" && law == "unknown" && contract.signed.is_some_and(covid)) {
            book.note("special_regime");
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
                    stretch.push(member);
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
            "unknown" | "other" | "emergency" => "regime_unknown",
            "14133" if !pncp => "pncp_date_not_published",
            "8666" if pncp => "gazette_date_not_published",
            "14133"
                if contract.modality == "not_informed"
                    && published <= deadline
                    && published > office_day(signed, 10) =>
            {
                "modality_not_informed"
            }
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
    type Group = (String, Option<String>, Option<i128>);
    let mut groups: BTreeMap<Group, Vec<&Contract>> = BTreeMap::new();
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
