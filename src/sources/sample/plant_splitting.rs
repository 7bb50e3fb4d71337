//! Planted cases of `splitting_sum`: value-based dispensas of one line of business that together reach
//! the ceiling of their year, and dispensas that look as if they did.
//!
//! Each case has a line that no other contract of the buyer buys, so that cases never add up.

use chrono::{NaiveDate, TimeDelta};

use super::background::{GOODS_BASIS, OLD_GOODS_BASIS, OLD_GOODS_CEILING, OLD_LAW_LAST_DAY, WORKS_BASIS, ceiling};
use super::buyer::Buyer;
use super::record::{Cents, Contract, Expected, FIRST_DAY, Kind, LAST_DAY, SPLITTING, day, label_together};
use super::supplier::municipality;
use super::values::{GOODS_DISPENSA, GroupIndex, SERVICES_DISPENSA, Values, WORKS_DISPENSA};
use super::vocabulary::Line;

/// Kinds of fired cases.
pub(super) const FIRED: u64 = 7;
/// Kinds of decoys.
pub(super) const DECOYS: u64 = 12;

/// Most contracts of one case.
pub(super) const MOST: u64 = 5;

/// What the members of a case have in common.
#[derive(Debug)]
struct Plan {
    group: GroupIndex,
    basis: &'static str,
    values: Vec<Cents>,
    /// First and last signature.
    days: [NaiveDate; 2],
    one_supplier: bool,
    one_tender: bool,
}

/// Splits a sum into parts of nearly equal size, none more than a fifth off.
fn parts(buyer: &mut Buyer, sum: Cents, count: i64) -> Vec<Cents> {
    let mut parts: Vec<Cents> = Vec::new();
    let mut rest = sum;
    for left in (2..=count).rev() {
        let even = rest / left;
        // The error of one part is borne by those after it: kept small enough for the last.
        let reach = even / (5 * (count - 1));
        let part = even + buyer.random.between(-reach, reach);
        parts.push(part);
        rest -= part;
    }
    parts.push(rest);
    parts
}

/// Members by that plan: signed in order between the two days, over by the end of the year.
fn members(buyer: &mut Buyer, values: &mut Values, plan: &Plan, line: Line) -> Vec<Contract> {
    let supplier = buyer.next_supplier();
    let tender = buyer.next_tender();
    let [from, to] = plan.days;
    let steps = (plan.values.len() as i64 - 1).max(1);
    let mut members: Vec<Contract> = Vec::new();
    for (place, cents) in (0..).zip(&plan.values) {
        let mut member = buyer.placed(values, plan.group, *cents);
        member.legal_basis = plan.basis;
        member.buys(line, &mut buyer.random);
        let signed = from + TimeDelta::days((to - from).num_days() * place / steps);
        let days = buyer.random.between(5, (year_end(signed) - signed).num_days().min(120));
        member.dated(signed, days, &mut buyer.random);
        member.supplier = Some(if plan.one_supplier { supplier.clone() } else { buyer.next_supplier() });
        if plan.one_tender {
            member.tender = tender;
        }
        members.push(member);
    }
    if let Some(last) = members.last_mut()
        && let Some(item) = &mut last.main_item
    {
        // The same line in another hand.
        *item = format!(" {} ", item.to_lowercase().replace(' ', "  "));
    }
    members
}

fn year_end(date: NaiveDate) -> NaiveDate {
    if date < day(2024, 1, 1) { day(2023, 12, 31) } else { day(2024, 12, 31) }
}

/// Two days of 2023: less than 30 apart, or more than 60.
fn days_of_2023(buyer: &mut Buyer, close: bool, last: NaiveDate) -> [NaiveDate; 2] {
    let apart = if close { buyer.random.between(0, 20) } else { buyer.random.between(62, 200) };
    let latest = (last - FIRST_DAY).num_days() - apart;
    let first = FIRST_DAY + TimeDelta::days(buyer.random.between(0, latest));
    [first, first + TimeDelta::days(apart)]
}

fn days_of_january_2024(buyer: &mut Buyer) -> [NaiveDate; 2] {
    [day(2024, 1, 2), LAST_DAY - TimeDelta::days(buyer.random.between(0, 10))]
}

/// Plants dispensas that must fire together.
pub(super) fn fired(buyer: &mut Buyer, values: &mut Values, case: u64) {
    let year_2023 = day(2023, 12, 20);
    let goods = ceiling(false, FIRST_DAY).cents;
    let (plan, severity) = match case % FIRED {
        0 => {
            // Exactly at the ceiling, which is to stay unreached.
            let values = parts(buyer, goods, 2);
            let days = days_of_2023(buyer, true, year_2023);
            let group = GOODS_DISPENSA;
            (Plan { group, basis: GOODS_BASIS, values, days, one_supplier: true, one_tender: false }, "severity=high")
        }
        1 => {
            let sum = goods * buyer.random.between(110, 170) / 100;
            let values = parts(buyer, sum, 3);
            let days = days_of_2023(buyer, false, year_2023);
            let group = SERVICES_DISPENSA;
            let plan = Plan { group, basis: GOODS_BASIS, values, days, one_supplier: false, one_tender: false };
            (plan, "severity=medium")
        }
        2 => {
            let sum = ceiling(true, FIRST_DAY).cents * buyer.random.between(105, 150) / 100;
            let values = parts(buyer, sum, 2);
            let days = days_of_2023(buyer, false, year_2023);
            let group = WORKS_DISPENSA;
            (Plan { group, basis: WORKS_BASIS, values, days, one_supplier: true, one_tender: false }, "severity=high")
        }
        3 => {
            let sum = ceiling(false, LAST_DAY).cents * buyer.random.between(105, 170) / 100;
            let values = parts(buyer, sum, 3);
            let days = days_of_january_2024(buyer);
            let group = GOODS_DISPENSA;
            (Plan { group, basis: GOODS_BASIS, values, days, one_supplier: false, one_tender: false }, "severity=high")
        }
        4 => {
            let sum = goods * buyer.random.between(120, 220) / 100;
            let values = parts(buyer, sum, 5);
            let days = days_of_2023(buyer, false, year_2023);
            let group = GOODS_DISPENSA;
            (Plan { group, basis: GOODS_BASIS, values, days, one_supplier: false, one_tender: true }, "severity=high")
        }
        5 => {
            // The old law: each up to the ceiling, the sum beyond it.
            let values = vec![OLD_GOODS_CEILING, buyer.random.between(500_000, 1_500_000)];
            let days = days_of_2023(buyer, false, OLD_LAW_LAST_DAY);
            let (group, basis) = (GOODS_DISPENSA, OLD_GOODS_BASIS);
            (Plan { group, basis, values, days, one_supplier: false, one_tender: false }, "severity=medium")
        }
        _ => {
            let values = parts(buyer, ceiling(true, LAST_DAY).cents, 2);
            let days = days_of_january_2024(buyer);
            let group = WORKS_DISPENSA;
            (Plan { group, basis: WORKS_BASIS, values, days, one_supplier: false, one_tender: false }, "severity=high")
        }
    };
    let line = buyer.next_planted_line(super::values::GROUPS[plan.group].kind);
    let mut members = members(buyer, values, &plan, line);
    label_together(&mut members, SPLITTING, Expected::Fired, &format!("splitting-fired-{case}"), severity);
    buyer.contracts.append(&mut members);
}

/// Plants dispensas that must not fire.
pub(super) fn decoy(buyer: &mut Buyer, values: &mut Values, case: u64) {
    let goods = ceiling(false, FIRST_DAY).cents;
    let basis = match case % DECOYS {
        1 => "Fundamento Legal: LEI 14.133/2021, ART. 75, INCISO IX",
        2 => "",
        4 => WORKS_BASIS,
        7 => OLD_GOODS_BASIS,
        _ => GOODS_BASIS,
    };
    let parts = match case % DECOYS {
        0 => parts(buyer, goods - 1, 2),
        // Counted among maintenance of vehicles, for which contracts up to R$ 9,153.33 (art. 75 §7) are not summed.
        4 => vec![10_900_000, 790_000],
        7 => parts(buyer, OLD_GOODS_CEILING, 2),
        9 | 10 => vec![buyer.random.between(2_000_000, 4_000_000)],
        // Either in January 2024 or before: below the ceiling alone, above it together.
        _ => parts(buyer, goods * 3 / 2, 2),
    };
    let days = days_of_2023(buyer, case.is_multiple_of(2), OLD_LAW_LAST_DAY);
    let group = if case % 3 == 1 { SERVICES_DISPENSA } else { GOODS_DISPENSA };
    let kind = if group == GOODS_DISPENSA { Kind::Goods } else { Kind::Services };
    let line = buyer.next_planted_line(kind);
    let plan = Plan { group, basis, values: parts, days, one_supplier: true, one_tender: false };
    let mut members = members(buyer, values, &plan, line);
    let unclear = Expected::NotEvaluable;
    let (expected, note) = match (case % DECOYS, members.as_mut_slice()) {
        (2, _) => (unclear, "legal_basis_not_published"),
        (3, [.., last]) => {
            last.buys(buyer.next_planted_line(kind), &mut buyer.random);
            (Expected::Clear, "different_lines")
        }
        (4, members) => {
            for member in members {
                member.object = "Objeto: MANUTENÇÃO DE VEÍCULOS AUTOMOTORES.".to_owned();
                member.main_item = Some("MANUTENÇÃO DE VEÍCULOS AUTOMOTORES".to_owned());
            }
            (Expected::Clear, "vehicle_maintenance")
        }
        (5, [.., last]) => {
            // Beyond the year, or without an end.
            last.end = (case / DECOYS).is_multiple_of(2).then(|| day(2024, 6, 30));
            (unclear, "term_beyond_year")
        }
        (6, [first, last]) => {
            first.dated(day(2023, 12, 18), 10, &mut buyer.random);
            last.dated(day(2024, 1, 8), 60, &mut buyer.random);
            (Expected::Clear, "different_years")
        }
        (8, members) => {
            for member in members {
                member.supplier = Some(municipality(case));
            }
            (Expected::Clear, "public_supplier")
        }
        (9, [only]) => {
            only.main_item = None;
            (unclear, "line_of_business_unknown")
        }
        (10, [only]) => {
            only.signed = None;
            (unclear, "no_signature_date")
        }
        (11, [first, ..]) => {
            first.legal_basis = WORKS_BASIS;
            (Expected::Clear, "different_ceilings")
        }
        (1, _) => (Expected::Clear, "other_basis"),
        (7, _) => (Expected::Clear, "at_ceiling_of_old_law"),
        _ => (Expected::Clear, "one_cent_below"),
    };
    let group = format!("splitting-decoy-{case}");
    if case % DECOYS == 2 {
        // Judged one by one.
        for (place, member) in members.iter_mut().enumerate() {
            member.label(SPLITTING, expected, format!("{group}-{place}"), note);
        }
    } else {
        label_together(&mut members, SPLITTING, expected, &group, note);
    }
    buyer.contracts.append(&mut members);
}
