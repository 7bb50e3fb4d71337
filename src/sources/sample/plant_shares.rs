//! Planted cases of `supplier_share_of_buyer`: buyers of their own, in which one supplier holds a
//! large share, and buyers in which one seems to.

use chrono::{NaiveDate, TimeDelta};

use super::buyer::Buyer;
use super::record::{Cents, Expected, Kind, LAST_MONTH, SHARE, Supplier, TAX_ID, day, label_together};
use super::values::{
    GOODS_NOT_INFORMED, GOODS_PREGAO, GroupIndex, SERVICES_NOT_INFORMED, SERVICES_PREGAO, SERVICES_REGISTRO, Values,
};
use super::vocabulary::{self, SECRET};

/// Kinds of fired cases.
pub(super) const FIRED: u64 = 5;
/// Kinds of decoys.
pub(super) const DECOYS: u64 = 6;

/// Contracts of the buyer of a fired case.
pub(super) const fn fired_contracts(case: u64) -> u64 {
    match case % FIRED {
        0 | 1 => 13 + case / FIRED % 9,
        2 => 13,
        3 => 4 + 10 + 2,
        _ => 12 + 10 + 3 + 14,
    }
}

/// Contracts of the buyer of a decoy.
pub(super) const fn decoy_contracts(case: u64) -> u64 {
    match case % DECOYS {
        0 => 2 + 10,
        1 => 3 + 10,
        2 => 3 + 8,
        3 => 4 + 5,
        4 => 4 + 10 + 2,
        _ => 10 + 3 + 14,
    }
}

/// Groups over which rows with values of their own are dealt, so that none bends its group.
const SPREAD: [GroupIndex; 5] =
    [SERVICES_PREGAO, GOODS_NOT_INFORMED, GOODS_PREGAO, SERVICES_NOT_INFORMED, SERVICES_REGISTRO];

/// Adds a contract of that value.
fn add(buyer: &mut Buyer, values: &mut Values, cents: Cents, supplier: Option<&Supplier>) -> usize {
    let group = SPREAD[buyer.contracts.len() % SPREAD.len()];
    let mut contract = buyer.placed(values, group, cents);
    contract.supplier = Some(supplier.cloned().unwrap_or_else(|| buyer.next_supplier()));
    buyer.contracts.push(contract);
    buyer.contracts.len() - 1
}

/// Adds `held` contracts of one supplier with value `each`, and `others` of one supplier each; the
/// contracts of the one supplier come first.
fn hold(buyer: &mut Buyer, values: &mut Values, held: (usize, Cents), others: (usize, Cents)) {
    let supplier = buyer.next_supplier();
    for place in 0..held.0 {
        let at = add(buyer, values, held.1, Some(&supplier));
        // Each buys something else, so that contracts of one value are no duplicates.
        let contract = &mut buyer.contracts[at];
        let line = match contract.kind {
            Kind::Services => vocabulary::SERVICES[place % vocabulary::SERVICES.len()],
            _ => vocabulary::GOODS[place % vocabulary::GOODS.len()],
        };
        contract.buys(line, &mut buyer.random);
    }
    for _ in 0..others.0 {
        add(buyer, values, others.1, None);
    }
}

/// Adds contracts under secrecy.
fn hide(buyer: &mut Buyer, count: usize, each: Cents) {
    for place in 0..count {
        let mut contract = buyer.contract(SPREAD[place % SPREAD.len()], each);
        // A day that some other contract has, so that no window holds this one alone.
        if let Some(signed) = buyer.contracts.first().and_then(|first| first.signed) {
            contract.dated(signed, 365, &mut buyer.random);
        }
        contract.kind = Kind::Unknown;
        contract.object = SECRET.to_owned();
        contract.main_item = Some(SECRET.to_owned());
        contract.supplier = Some(Supplier::secret());
        let group = format!("tax-id-secret-{}-{place}", buyer.code);
        contract.label(TAX_ID, Expected::NotEvaluable, group, "supplier_secret");
        buyer.contracts.push(contract);
    }
}

/// Gives the contracts from one on days between two days, in order.
fn date(buyer: &mut Buyer, first: usize, from: NaiveDate, to: NaiveDate) {
    let steps = (buyer.contracts.len() as i64 - first as i64 - 1).max(1);
    for (place, contract) in (0..).zip(&mut buyer.contracts[first..]) {
        let signed = from + TimeDelta::days((to - from).num_days() * place / steps);
        contract.moved(signed, &mut buyer.random);
    }
}

/// Signs one contract in the last month, whose year the files cover, whatever the size of the sample.
fn sign_in_last_month(buyer: &mut Buyer, at: usize) {
    let signed = LAST_MONTH + TimeDelta::days(buyer.random.between(0, 25));
    buyer.contracts[at].moved(signed, &mut buyer.random);
}

/// A middle of three contracts by one supplier that hold 60 % of what the buyer signed in 2023; with
/// January 2024 it is 16 %. With `history` the buyer has ten contracts or more in the year before,
/// published in the first month that there is a file of, so that 2023 is judged.
fn past(buyer: &mut Buyer, values: &mut Values, history: bool) -> std::ops::Range<usize> {
    let mut count = 0;
    if history {
        hold(buyer, values, (0, 0), (12, 10_000_000));
        date(buyer, 0, day(2022, 12, 5), day(2022, 12, 28));
        count = buyer.contracts.len();
    }
    hold(buyer, values, (0, 0), (10, 6_000_000));
    date(buyer, count, day(2023, 3, 1), day(2023, 4, 10));
    count = buyer.contracts.len();
    hold(buyer, values, (3, 30_000_000), (0, 0));
    date(buyer, count, day(2023, 10, 20), day(2023, 12, 15));
    let middle = count..buyer.contracts.len();
    hold(buyer, values, (0, 0), (14, 30_000_000));
    date(buyer, middle.end, day(2024, 1, 5), day(2024, 1, 25));
    middle
}

/// A buyer whose values are drawn, in which one supplier gets the largest of them up to a share of
/// about `percent`. Returns how many contracts it has; they come first.
fn drawn(buyer: &mut Buyer, values: &mut Values, contracts: u64, percent: Cents) -> usize {
    let mut cents: Vec<Cents> = Vec::new();
    for place in 0..contracts {
        cents.push(values.next(if place % 2 == 0 { SERVICES_PREGAO } else { GOODS_PREGAO }));
    }
    cents.sort_unstable_by_key(|value| std::cmp::Reverse(*value));
    // No contract is a large share by itself, lest another supplier should hold one.
    let total = |cents: &[Cents]| cents.iter().sum::<Cents>();
    while let Some(largest) = cents.first_mut().filter(|largest| **largest > 0)
        && *largest * 100 > 20 * cents.iter().sum::<Cents>()
    {
        cents[0] /= 2;
        cents.sort_unstable_by_key(|value| std::cmp::Reverse(*value));
    }
    let total = total(&cents);
    let (mut held, mut others): (Vec<Cents>, Vec<Cents>) = (Vec::new(), Vec::new());
    let mut sum = 0;
    for value in cents {
        if (sum + value) * 100 <= percent * total {
            sum += value;
            held.push(value);
        } else {
            others.push(value);
        }
    }
    // Should the values not add up well, the smallest that are left do: well beyond 30 % in any case.
    while sum * 100 < 33 * total
        && let Some(value) = others.pop()
    {
        sum += value;
        held.push(value);
    }
    let supplier = buyer.next_supplier();
    for (place, value) in held.iter().chain(&others).enumerate() {
        let group = if place % 2 == 0 { SERVICES_PREGAO } else { GOODS_PREGAO };
        let mut contract = buyer.contract(group, *value);
        contract.supplier = Some(if place < held.len() { supplier.clone() } else { buyer.next_supplier() });
        buyer.contracts.push(contract);
    }
    held.len()
}

/// Makes the buyer of a case that must fire.
pub(super) fn fired(buyer: &mut Buyer, values: &mut Values, case: u64) {
    // A thousandth of the buyer's total.
    let unit = 100 * buyer.random.between(1_400, 2_500);
    let labelled = match case % FIRED {
        0 => {
            let percent = buyer.random.between(37, 46);
            0..drawn(buyer, values, fired_contracts(case), percent)
        }
        1 => {
            let percent = buyer.random.between(56, 78);
            0..drawn(buyer, values, fired_contracts(case), percent)
        }
        2 => {
            // Exactly 30 %.
            hold(buyer, values, (3, 100 * unit), (10, 70 * unit));
            0..3
        }
        3 => {
            // 60 %, and 54 % with the secret contracts: they decide nothing.
            hold(buyer, values, (4, 150 * unit), (10, 40 * unit));
            hide(buyer, 2, 60 * unit);
            0..4
        }
        _ => past(buyer, values, true),
    };
    if case % FIRED != 4 {
        sign_in_last_month(buyer, labelled.end);
    }
    let total = if case % FIRED == 4 { 150_000_000 } else { buyer.identified_total() };
    let held: Cents = buyer.contracts[labelled.clone()].iter().map(|contract| contract.initial).sum();
    let severity = if held * 2 >= total { "severity=high" } else { "severity=medium" };
    let group = format!("share-fired-{case}");
    label_together(&mut buyer.contracts[labelled], SHARE, Expected::Fired, &group, severity);
}

/// Makes the buyer of a case that must not fire.
pub(super) fn decoy(buyer: &mut Buyer, values: &mut Values, case: u64) {
    let unit = 100 * buyer.random.between(1_400, 2_500);
    let unclear = Expected::NotEvaluable;
    let (labelled, expected, note) = match case % DECOYS {
        0 => {
            hold(buyer, values, (2, 145 * unit), (10, 71 * unit));
            (0..2, Expected::Clear, "29_percent")
        }
        1 => {
            hold(buyer, values, (3, 100 * unit), (10, 70 * unit));
            buyer.contracts[2].value(100 * unit - 1);
            buyer.contracts[3].value(70 * unit + 1);
            (0..3, Expected::Clear, "one_cent_below_30_percent")
        }
        2 => {
            hold(buyer, values, (3, 20_000_000), (8, 5_000_000));
            buyer.contracts[10].value(4_999_999);
            (0..3, unclear, "buyer_below_minimum")
        }
        3 => {
            hold(buyer, values, (4, 20_000_000), (5, 10_000_000));
            (0..4, unclear, "buyer_below_minimum")
        }
        4 => {
            hold(buyer, values, (4, 80 * unit), (10, 68 * unit));
            hide(buyer, 2, 60 * unit);
            (0..4, unclear, "secret_suppliers_decisive")
        }
        _ => (past(buyer, values, false), Expected::Clear, "diluted_since"),
    };
    if note != "diluted_since" {
        sign_in_last_month(buyer, labelled.end);
    }
    label_together(&mut buyer.contracts[labelled], SHARE, expected, &format!("share-decoy-{case}"), note);
}
