//! Planted cases of what is judged among peers or over time: `just_below_threshold`,
//! `non_competitive_share`, `market_concentration`, `item_price_outlier`, `year_end_spike` and
//! `benford`. All but the first need a sample that has the peers: see [`super::plan`].

use chrono::{Months, TimeDelta};

use super::background::{GOODS_BASIS, ceiling};
use super::buyer::Buyer;
use super::record::{
    Article, BELOW_THRESHOLD, BENFORD, Cents, Contract, Expected, FIRST_DAY, ITEM_PRICE, Kind, Label, MARKET,
    NON_COMPETITIVE, SPIKE, Supplier, day, label_together,
};
use super::supplier::with_letters;
use super::values::{GOODS_DISPENSA, GOODS_PREGAO, GOODS_REGISTRO, SERVICES_DISPENSA, SERVICES_PREGAO, Values};

/// Kinds of fired small purchases just below the ceiling.
pub(super) const FIRED: u64 = 3;
/// Kinds of such that must not fire.
pub(super) const DECOYS: u64 = 3;

/// Contracts of the buyer of a case.
pub(super) const fn below_contracts(case: u64) -> u64 {
    if case.is_multiple_of(FIRED) { 2 } else { 5 }
}

/// Contracts of the buyer of a decoy.
pub(super) const DECOY_CONTRACTS: u64 = 2;

/// A small purchase of 2023 at so many per mille of its ceiling, of a line that the buyer buys nothing else of.
fn small(buyer: &mut Buyer, values: &mut Values, per_mille: Cents, supplier: Option<&Supplier>) -> Contract {
    let cents = ceiling(false, FIRST_DAY).cents * per_mille / 1_000;
    let mut contract = buyer.placed(values, GOODS_DISPENSA, cents);
    let line = buyer.next_planted_line(Kind::Goods);
    contract.buys(line, &mut buyer.random);
    contract.legal_basis = GOODS_BASIS;
    let signed = FIRST_DAY + TimeDelta::days(buyer.random.between(0, 300));
    contract.dated(signed, 30, &mut buyer.random);
    contract.supplier = Some(supplier.cloned().unwrap_or_else(|| buyer.next_supplier()));
    contract
}

/// Makes the buyer of small purchases that must fire together.
pub(super) fn below(buyer: &mut Buyer, values: &mut Values, case: u64) {
    let supplier = buyer.next_supplier();
    let (of_one, all, severity) = match case % FIRED {
        0 => (2, 2, "severity=medium"),
        1 => (0, 5, "severity=medium"),
        _ => (2, 5, "severity=high"),
    };
    for place in 0..all {
        let per_mille = buyer.random.between(905, 998);
        let contract = small(buyer, values, per_mille, (place < of_one).then_some(&supplier));
        buyer.contracts.push(contract);
    }
    let group = format!("below-fired-{case}");
    label_together(&mut buyer.contracts, BELOW_THRESHOLD, Expected::Fired, &group, severity);
}

/// Makes the buyer of small purchases that must not fire.
pub(super) fn below_decoy(buyer: &mut Buyer, values: &mut Values, case: u64) {
    let supplier = buyer.next_supplier();
    let (parts, one, note) = match case % DECOYS {
        0 => ([950, 899], true, "one_below_the_band"),
        1 => ([950, 960], false, "different_suppliers"),
        _ => ([880, 890], true, "both_below_the_band"),
    };
    for per_mille in parts {
        let contract = small(buyer, values, per_mille, one.then_some(&supplier));
        buyer.contracts.push(contract);
    }
    let group = format!("below-decoy-{case}");
    label_together(&mut buyer.contracts, BELOW_THRESHOLD, Expected::Clear, &group, note);
}

/// Contracts of a buyer that tenders hardly anything.
pub(super) const DIRECT_CONTRACTS: u64 = 26;

/// Makes a buyer with 24 direct awards and two tenders.
pub(super) fn direct(buyer: &mut Buyer, values: &mut Values, case: u64) {
    for place in 0..DIRECT_CONTRACTS {
        let cents = buyer.random.between(5_000_000, 20_000_000);
        let group = if place < 2 {
            GOODS_PREGAO
        } else if place % 2 == 0 {
            GOODS_DISPENSA
        } else {
            SERVICES_DISPENSA
        };
        let mut contract = buyer.placed(values, group, cents);
        if place >= 2 {
            contract.legal_basis = "Fundamento Legal: LEI 14.133/2021, ART. 75, INCISO IX";
        }
        buyer.contracts.push(contract);
    }
    let group = format!("direct-fired-{case}");
    label_together(buyer.contracts.iter_mut().skip(2), NON_COMPETITIVE, Expected::Fired, &group, "severity=medium");
}

/// Buyers of one market, and contracts of each.
pub(super) const MARKET_BUYERS: u64 = 4;
/// As [`MARKET_BUYERS`].
pub(super) const MARKET_CONTRACTS: u64 = 9;

/// Makes one of the buyers of a market in which one supplier has most of the value.
pub(super) fn market(buyer: &mut Buyer, values: &mut Values, case: u64, part: u64) {
    let leader = with_letters(5_000_000 + case);
    for place in 0..MARKET_CONTRACTS {
        let led = place < 3;
        let cents =
            if led { buyer.random.between(50_000_000, 80_000_000) } else { buyer.random.between(5_000_000, 9_000_000) };
        let mut contract = buyer.placed(values, SERVICES_PREGAO, cents);
        contract.main_item = Some(format!("PRODUTO SINTÉTICO {case}"));
        let signed = FIRST_DAY + TimeDelta::days(buyer.random.between(0, 330));
        contract.moved(signed, &mut buyer.random);
        contract.supplier = Some(if led { leader.clone() } else { buyer.next_supplier() });
        if led {
            contract.labels.push(Label {
                detector: MARKET,
                expected: Expected::Fired,
                group: format!("market-fired-{case}"),
                note: "severity=medium",
                first: part == 0 && place == 0,
            });
        }
        buyer.contracts.push(contract);
    }
}

/// Articles of which prices can be compared, in a sample of so many contracts.
pub(super) const fn articles(rows: u64) -> u64 {
    1 + rows / 20_000
}

/// Contracts of an article at its usual price for each one that is dear: a tenth of them is never above the ninth decile.
pub(super) const USUAL_PER_DEAR: u64 = 12;

/// Adds a contract of an article, at its usual price or at so many times it.
pub(super) fn article(buyer: &mut Buyer, values: &mut Values, which: u64, times: Option<(i64, u64)>) {
    let usual = 2_000 + 100 * which as i64;
    let unit = usual * buyer.random.between(900, 1_100) / 1_000 * times.map_or(1, |(times, _)| times);
    let quantity = 4_000_000 / unit;
    let mut contract = buyer.placed(values, GOODS_PREGAO, quantity * unit);
    contract.main_item = Some("TINTA PARA CARIMBO".to_owned());
    contract.article = Some(Article {
        details: format!("FRASCO PLÁSTICO COM 40 ML, COR AZUL, BICO APLICADOR, MODELO {which}"),
        quantity,
        unit,
    });
    if let Some((times, case)) = times {
        let severity = if times >= 5 { "severity=high" } else { "severity=medium" };
        contract.label(ITEM_PRICE, Expected::Fired, format!("price-fired-{case}"), severity);
    }
    buyer.contracts.push(contract);
}

/// Contracts of the buyer of a spike.
pub(super) const SPIKE_CONTRACTS: u64 = 52;

/// Makes a buyer that signs two contracts in every month, and thirty more in one.
pub(super) fn spike(buyer: &mut Buyer, values: &mut Values, case: u64) {
    buyer.fill(values, SPIKE_CONTRACTS);
    let busy = 2 + (case % 7) as u32;
    for (place, contract) in (0..).zip(&mut buyer.contracts) {
        let month = if place < 22 { place % 11 } else { busy };
        let signed = FIRST_DAY + Months::new(month) + TimeDelta::days(buyer.random.between(0, 25));
        contract.moved(signed, &mut buyer.random);
    }
    let first = FIRST_DAY + Months::new(busy);
    let of_month = |contract: &&mut Contract| {
        contract.signed.is_some_and(|signed| signed >= first && signed < first + Months::new(1))
    };
    let group = format!("spike-fired-{case}");
    label_together(buyer.contracts.iter_mut().filter(of_month), SPIKE, Expected::Fired, &group, "severity=low");
}

/// Contracts of a buyer with a long series.
pub(super) const BENFORD_CONTRACTS: u64 = 520;

/// Makes a buyer whose values begin with 5 to 8 only.
pub(super) fn lopsided(buyer: &mut Buyer, values: &mut Values, case: u64) {
    for place in 0..BENFORD_CONTRACTS {
        let cents = if place % 2 == 0 {
            buyer.random.between(50_000, 89_999)
        } else {
            buyer.random.between(5_000_000, 8_999_999)
        };
        let mut contract = buyer.placed(values, GOODS_REGISTRO, cents);
        // Level over the year that is covered.
        let signed = day(2023, 2, 1) + TimeDelta::days(place as i64 * 330 / BENFORD_CONTRACTS as i64);
        contract.moved(signed, &mut buyer.random);
        buyer.contracts.push(contract);
    }
    let group = format!("benford-fired-{case}");
    label_together(&mut buyer.contracts, BENFORD, Expected::Fired, &group, "severity=low");
}
