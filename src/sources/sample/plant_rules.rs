//! Planted cases of what a law says of one contract or two: `direct_award_growth`,
//! `emergency_overrun`, `late_publication` and `duplicates`, and contracts of many amendments, among those of a buyer.

use chrono::{NaiveDate, TimeDelta};

use super::background::{GOODS_BASIS, OLD_LAW_LAST_DAY, WORKS_BASIS, ceiling};
use super::buyer::Buyer;
use super::plant_values::{EMERGENCY_BASIS, OLD_EMERGENCY_BASIS};
use super::record::{
    AMENDMENT_CAP, AWARD_GROWTH, Contract, DUPLICATES, EMERGENCY, Expected, FIRST_DAY, Kind, LATE_PUBLICATION,
    label_together,
};
use super::values::{GOODS_DISPENSA, SERVICES_DISPENSA, SERVICES_PREGAO, Values, WORKS_DISPENSA};

/// Kinds of cases that must fire.
pub(super) const FIRED: u64 = 10;
/// Kinds of cases that must not.
pub(super) const DECOYS: u64 = 9;
/// Most contracts of one case.
pub(super) const MOST: u64 = 2;

const ADDITION: &str = "Objetivo: ACRÉSCIMO QUANTITATIVO DE ITENS DO OBJETO CONTRATADO.";
const REDUCTION: &str = "Objetivo: SUPRESSÃO DE ITENS DO OBJETO CONTRATADO.";
const RENEWAL: &str = "Objetivo: PRORROGAÇÃO DO PRAZO DE VIGÊNCIA POR MAIS 12 MESES.";
const OTHER_OLD_BASIS: &str = "Fundamento Legal: LEI 8.666/1993, ART. 24, INCISO XIII";
const OTHER_NEW_BASIS: &str = "Fundamento Legal: LEI 14.133/2021, ART. 75, INCISO IX";

/// A day of 2023 that is that many days before the old law went out of use, or earlier.
fn day_of_2023(buyer: &mut Buyer, before: i64) -> NaiveDate {
    FIRST_DAY + TimeDelta::days(buyer.random.between(0, (OLD_LAW_LAST_DAY - FIRST_DAY).num_days() - before))
}

/// A small purchase at 85 % of its ceiling, at so many percent of it now; its line is its own.
fn grown(buyer: &mut Buyer, values: &mut Values, works: bool, percent: i64, amendment: &'static str) -> Contract {
    let signed = day_of_2023(buyer, 0);
    let limit = ceiling(works, signed).cents;
    let (group, kind, basis) =
        if works { (WORKS_DISPENSA, Kind::Works, WORKS_BASIS) } else { (GOODS_DISPENSA, Kind::Goods, GOODS_BASIS) };
    let mut contract = buyer.placed(values, group, limit * 85 / 100);
    let line = buyer.next_planted_line(kind);
    contract.buys(line, &mut buyer.random);
    contract.dated(signed, 180, &mut buyer.random);
    contract.legal_basis = basis;
    contract.current = limit * percent / 100;
    contract.amendments.push(amendment);
    contract
}

/// An emergency of that basis and term, small enough to be no award of high value.
fn urgent(buyer: &mut Buyer, values: &mut Values, basis: &'static str, signed: NaiveDate, days: i64) -> Contract {
    let cents = buyer.random.between(20_000_000, 40_000_000);
    let mut contract = buyer.placed(values, SERVICES_DISPENSA, cents);
    contract.object = "Objeto: CONTRATAÇÃO EMERGENCIAL DE SERVIÇOS DE LIMPEZA E CONSERVAÇÃO.".to_owned();
    contract.main_item = Some("LIMPEZA E CONSERVAÇÃO".to_owned());
    contract.legal_basis = basis;
    contract.dated(signed, days, &mut buyer.random);
    contract.supplier = Some(buyer.next_supplier());
    contract
}

/// A dispensa of that basis, published so many days after its signature.
fn published(buyer: &mut Buyer, values: &mut Values, basis: &'static str, days: i64) -> Contract {
    let mut contract = buyer.drawn(values, SERVICES_DISPENSA);
    contract.legal_basis = basis;
    let signed = day_of_2023(buyer, 0);
    contract.dated(signed, 90, &mut buyer.random);
    contract.published = signed + TimeDelta::days(days.min((super::record::LAST_DAY - signed).num_days()));
    contract
}

/// Two contracts of one supplier and value, the second signed so many days after the first.
fn twice(buyer: &mut Buyer, values: &mut Values, days: i64) -> Vec<Contract> {
    let supplier = buyer.next_supplier();
    let cents = buyer.random.between(10_000_000, 50_000_000);
    let line = buyer.next_planted_line(Kind::Services);
    let signed = day_of_2023(buyer, days);
    let mut pair = Vec::new();
    for days in [0, days] {
        let mut contract = buyer.placed(values, SERVICES_PREGAO, cents);
        contract.object = Kind::Services.object(line.thing, ", CONFORME TERMO DE REFERÊNCIA");
        contract.main_item = Some(line.item.to_owned());
        contract.dated(signed + TimeDelta::days(days), 365, &mut buyer.random);
        contract.supplier = Some(supplier.clone());
        pair.push(contract);
    }
    pair
}

/// Plants a case that must fire.
pub(super) fn fired(buyer: &mut Buyer, values: &mut Values, case: u64) {
    let (mut contracts, detector, severity) = match case % FIRED {
        // Exactly at the ceiling, which is to stay unreached.
        0 => (vec![grown(buyer, values, false, 100, ADDITION)], AWARD_GROWTH, "severity=high"),
        1 => (vec![grown(buyer, values, true, 103, ADDITION)], AWARD_GROWTH, "severity=high"),
        2 => {
            let signed = day_of_2023(buyer, 0);
            (vec![urgent(buyer, values, EMERGENCY_BASIS, signed, 400)], EMERGENCY, "severity=high")
        }
        3 => {
            let signed = day_of_2023(buyer, 0);
            (vec![urgent(buyer, values, OLD_EMERGENCY_BASIS, signed, 181)], EMERGENCY, "severity=high")
        }
        4 => {
            // Two in a row of one process, each within its term.
            let signed = day_of_2023(buyer, 150);
            let first = urgent(buyer, values, OLD_EMERGENCY_BASIS, signed, 120);
            let mut next = urgent(buyer, values, OLD_EMERGENCY_BASIS, signed + TimeDelta::days(121), 120);
            (next.supplier, next.tender) = (first.supplier.clone(), first.tender);
            (vec![first, next], EMERGENCY, "severity=medium")
        }
        5 => {
            let days = buyer.random.between(70, 85);
            let mut contract = published(buyer, values, OTHER_OLD_BASIS, days);
            let signed = contract.signed.unwrap_or(FIRST_DAY).min(OLD_LAW_LAST_DAY - TimeDelta::days(60));
            contract.dated(signed, 90, &mut buyer.random);
            contract.published = signed + TimeDelta::days(days);
            (vec![contract], LATE_PUBLICATION, "severity=low")
        }
        6 => {
            let mut contract = published(buyer, values, OTHER_OLD_BASIS, 120);
            let signed = contract.signed.unwrap_or(FIRST_DAY).min(OLD_LAW_LAST_DAY - TimeDelta::days(90));
            contract.dated(signed, 90, &mut buyer.random);
            contract.published = signed + TimeDelta::days(120);
            (vec![contract], LATE_PUBLICATION, "severity=medium")
        }
        7 => (twice(buyer, values, 0), DUPLICATES, "severity=medium"),
        8 => {
            let days = buyer.random.between(1, 30);
            (twice(buyer, values, days), DUPLICATES, "severity=low")
        }
        _ => {
            // Three changes of value, which add up to little: its labels follow from that.
            let mut contract = buyer.drawn(values, SERVICES_PREGAO);
            contract.current = contract.initial * 105 / 100;
            contract.amendments.extend([ADDITION, REDUCTION, ADDITION]);
            contract.label(
                AMENDMENT_CAP,
                Expected::NotEvaluable,
                format!("rules-fired-{case}"),
                "reductions_may_hide_additions",
            );
            buyer.contracts.push(contract);
            return;
        }
    };
    label_together(&mut contracts, detector, Expected::Fired, &format!("rules-fired-{case}"), severity);
    buyer.contracts.append(&mut contracts);
}

/// Plants a case that must not fire.
pub(super) fn decoy(buyer: &mut Buyer, values: &mut Values, case: u64) {
    let unclear = Expected::NotEvaluable;
    let (mut contracts, detector, expected, note) = match case % DECOYS {
        0 => (vec![grown(buyer, values, false, 99, ADDITION)], AWARD_GROWTH, Expected::Clear, "below_ceiling"),
        1 => (vec![grown(buyer, values, false, 103, RENEWAL)], AWARD_GROWTH, unclear, "renewal_mixed"),
        2 => {
            let signed = day_of_2023(buyer, 0);
            (vec![urgent(buyer, values, EMERGENCY_BASIS, signed, 365)], EMERGENCY, Expected::Clear, "one_year")
        }
        3 => {
            let signed = day_of_2023(buyer, 0);
            (vec![urgent(buyer, values, OLD_EMERGENCY_BASIS, signed, 180)], EMERGENCY, Expected::Clear, "180_days")
        }
        4 => {
            let signed = day_of_2023(buyer, 0);
            (vec![urgent(buyer, values, "", signed, 200)], EMERGENCY, unclear, "regime_unknown")
        }
        5 => (vec![published(buyer, values, OTHER_OLD_BASIS, 25)], LATE_PUBLICATION, Expected::Clear, "in_time"),
        6 => {
            let contract = published(buyer, values, OTHER_NEW_BASIS, 120);
            (vec![contract], LATE_PUBLICATION, unclear, "pncp_date_not_published")
        }
        7 => (twice(buyer, values, 31), DUPLICATES, Expected::Clear, "31_days_apart"),
        _ => {
            let mut pair = twice(buyer, values, 0);
            if let Some(last) = pair.last_mut() {
                last.buys(buyer.next_planted_line(Kind::Services), &mut buyer.random);
            }
            (pair, DUPLICATES, Expected::Clear, "different_objects")
        }
    };
    label_together(&mut contracts, detector, expected, &format!("rules-decoy-{case}"), note);
    buyer.contracts.append(&mut contracts);
}
