//! Planted cases of `high_value_direct_award` and of `contract_value_outlier`, in buyers of fewer than
//! ten contracts, whose shares are not judged; one kind of outlier is a large share as well, and says so.

use super::background::OLD_LAW_LAST_DAY;
use super::buyer::Buyer;
use super::record::{
    AMENDMENT_CAP, Cents, Contract, DIRECT_AWARD, Expected, Kind, LAST_MONTH, OUTLIER, SHARE, day, label_together,
};
use super::values::{
    self, GOODS_DISPENSA, GOODS_INEXIGIBILIDADE, GOODS_NOT_INFORMED, GOODS_PREGAO, GOODS_REGISTRO, GroupIndex,
    SERVICES_DISPENSA, SERVICES_INEXIGIBILIDADE, SERVICES_PREGAO, SERVICES_REGISTRO, Values,
};
use super::vocabulary::SECRET;
use crate::model::Modality;

/// Kinds of direct awards that must fire.
pub(super) const AWARDS: u64 = 7;
/// Kinds of direct awards that must not.
pub(super) const AWARD_DECOYS: u64 = 3;
/// Kinds of outliers.
pub(super) const OUTLIERS: u64 = 3;
/// Kinds of values that are no outliers or cannot be judged.
pub(super) const OUTLIER_DECOYS: u64 = 4;

const MILLION: Cents = 100_000_000;
/// Basis of an emergency.
pub(super) const EMERGENCY_BASIS: &str = "Fundamento Legal: LEI 14.133/2021, ART. 75, INCISO VIII";
/// As [`EMERGENCY_BASIS`], of the old law.
pub(super) const OLD_EMERGENCY_BASIS: &str = "Fundamento Legal: LEI 8.666/1993, ART. 24, INCISO IV";

/// Contracts of the buyer of a direct award, the award among them.
pub(super) const fn award_contracts(case: u64) -> u64 {
    1 + case % 3
}

fn emergency(contract: &mut Contract, basis: &'static str, object: &str) {
    contract.legal_basis = basis;
    contract.object = format!("Objeto: {object}.");
    contract.main_item = Some("LIMPEZA E CONSERVAÇÃO".to_owned());
}

/// In force for so many days from the signature, which lies before the old law went out of use.
fn last(contract: &mut Contract, buyer: &mut Buyer, days: i64) {
    let signed = contract.signed.unwrap_or(contract.published).min(OLD_LAW_LAST_DAY);
    contract.dated(signed, days, &mut buyer.random);
}

/// Plants a direct award that must fire.
pub(super) fn award(buyer: &mut Buyer, values: &mut Values, case: u64) {
    // Dispensas stay close to the million: their band ends just below it, and they are to be no outliers.
    let moderate = buyer.random.between(MILLION, 16 * MILLION / 10);
    let object = "CONTRATAÇÃO EMERGENCIAL DE SERVIÇOS DE LIMPEZA E CONSERVAÇÃO";
    let (mut contract, severity) = match case % AWARDS {
        0 => {
            let mut contract = buyer.contract(SERVICES_DISPENSA, moderate);
            emergency(&mut contract, EMERGENCY_BASIS, object);
            let days = buyer.random.between(30, 60);
            last(&mut contract, buyer, days);
            (contract, "severity=critical")
        }
        1 => {
            let cents = buyer.random.between(MILLION, 3 * MILLION);
            (buyer.contract(SERVICES_INEXIGIBILIDADE, cents), "severity=medium")
        }
        2 => {
            // The object says it, no basis is published.
            let mut contract = buyer.contract(SERVICES_DISPENSA, moderate);
            emergency(&mut contract, "", "PRESTAÇÃO DE SERVIÇOS DE LIMPEZA EM CARÁTER DE EMERGÊNCIA");
            let days = buyer.random.between(90, 180);
            last(&mut contract, buyer, days);
            (contract, "severity=high")
        }
        3 => {
            // The word alone makes no emergency.
            let mut contract = buyer.contract(GOODS_DISPENSA, moderate);
            contract.object = "Objeto: AQUISIÇÃO DE LUMINÁRIAS PARA ILUMINAÇÃO DE EMERGÊNCIA.".to_owned();
            contract.main_item = Some("LUMINÁRIA".to_owned());
            contract.legal_basis = "Fundamento Legal: LEI 14.133/2021, ART. 75, INCISO IX";
            last(&mut contract, buyer, 45);
            (contract, "severity=medium")
        }
        4 => {
            // Grown past the million, by less than the cap of amendments.
            let mut contract = buyer.contract(SERVICES_INEXIGIBILIDADE, 90_000_000);
            values.place(SERVICES_INEXIGIBILIDADE, 90_000_000);
            contract.current = 110_000_000;
            contract.amendments.push("Objetivo: REAJUSTE DOS PREÇOS PELO ÍNDICE PREVISTO NO INSTRUMENTO.");
            contract.label(AMENDMENT_CAP, Expected::Clear, format!("amendment-award-{case}"), "near_cap");
            (contract, "severity=medium")
        }
        5 => (buyer.contract(GOODS_INEXIGIBILIDADE, MILLION), "severity=medium"),
        _ => {
            let mut contract = buyer.contract(SERVICES_DISPENSA, moderate);
            emergency(&mut contract, OLD_EMERGENCY_BASIS, object);
            last(&mut contract, buyer, 60);
            (contract, "severity=critical")
        }
    };
    contract.label(DIRECT_AWARD, Expected::Fired, format!("award-fired-{case}"), severity);
    buyer.contracts.push(contract);
    buyer.fill(values, award_contracts(case) - 1);
}

/// Plants a direct award that must not fire.
pub(super) fn award_decoy(buyer: &mut Buyer, values: &mut Values, case: u64) {
    let (mut contract, note) = match case % AWARD_DECOYS {
        0 => (buyer.placed(values, SERVICES_INEXIGIBILIDADE, MILLION - 1), "one_cent_below"),
        1 => {
            let mut contract = buyer.placed(values, SERVICES_INEXIGIBILIDADE, MILLION * 11 / 10);
            contract.current = MILLION - 1;
            contract.amendments.push("Objetivo: SUPRESSÃO DE ITENS DO OBJETO CONTRATADO.");
            (contract, "reduced_below")
        }
        _ => {
            let cents = buyer.random.between(20_000_000, 40_000_000);
            let mut contract = buyer.placed(values, SERVICES_DISPENSA, cents);
            emergency(&mut contract, EMERGENCY_BASIS, "CONTRATAÇÃO EMERGENCIAL DE SERVIÇOS DE LIMPEZA");
            last(&mut contract, buyer, 90);
            (contract, "small_emergency")
        }
    };
    contract.label(DIRECT_AWARD, Expected::Clear, format!("award-decoy-{case}"), note);
    buyer.contracts.push(contract);
    buyer.fill(values, award_contracts(case) - 1);
}

/// Contracts of the buyer of an outlier, the outlier among them.
pub(super) const fn outlier_contracts(case: u64) -> u64 {
    if case % OUTLIERS == 2 { 11 } else { 1 + case % 4 }
}

/// Groups that get outliers, largest first.
pub(super) const OUTLIER_GROUPS: [GroupIndex; 4] = [GOODS_REGISTRO, GOODS_PREGAO, SERVICES_PREGAO, SERVICES_REGISTRO];

/// Fewest peers with which the definition judges a value.
const JUDGED: u64 = 30;
/// Fewest peers with which the fences are known well: twice as many.
pub(super) const AMPLE: u64 = 60;

/// Plants a value far above those of its group, which has so many contracts without it.
pub(super) fn outlier(buyer: &mut Buyer, values: &mut Values, case: u64, group: GroupIndex, peers: u64) {
    // The fences lie at 1.5 and at 2.25 of the band; each value keeps a margin to either. Few peers
    // leave their quartiles uncertain, and the value goes beyond any doubt.
    let (x, severity) = match case % OUTLIERS {
        _ if peers < AMPLE => (3.4 + 0.2 * buyer.random.unit(), "severity=high"),
        0 => (1.75 + 0.2 * buyer.random.unit(), "severity=medium"),
        _ => (2.6 + 0.3 * buyer.random.unit(), "severity=high"),
    };
    let mut contract = buyer.contract(group, values::at(group, x));
    // Without items it is of no line of business, whose market it would make look concentrated.
    contract.main_item = None;
    // It counts among its peers.
    let (expected, note) = if peers + 1 >= JUDGED {
        (Expected::Fired, severity)
    } else {
        (Expected::NotEvaluable, "peer_group_too_small")
    };
    contract.label(OUTLIER, expected, format!("outlier-fired-{case}"), note);
    if case % OUTLIERS == 2 {
        // Ten more contracts of at most R$ 2,000,000 against more than R$ 30,000,000: most of the
        // buyer's total. The ten are spread as in any buyer, and far below a quarter of it.
        let supplier = buyer.next_supplier();
        contract.supplier = Some(supplier);
        // The year that ends in the last month is covered, whatever the size of the sample.
        contract.moved(LAST_MONTH, &mut buyer.random);
        label_together([&mut contract], SHARE, Expected::Fired, &format!("share-outlier-{case}"), "severity=high");
    }
    buyer.contracts.push(contract);
    buyer.fill(values, outlier_contracts(case) - 1);
}

/// Plants a value that is large but must not fire. Always a buyer of one contract.
pub(super) fn outlier_decoy(buyer: &mut Buyer, case: u64) {
    // The group that stays too small gets five rows in all, however large the sample.
    let kind = match case % OUTLIER_DECOYS {
        0 if case / OUTLIER_DECOYS >= 5 => 3,
        kind => kind,
    };
    let unclear = Expected::NotEvaluable;
    let (contract, expected, note) = match kind {
        0 => {
            let mut contract = buyer.contract(SERVICES_PREGAO, values::at(SERVICES_PREGAO, 2.0));
            contract.modality = Modality::Convite;
            contract.dated(day(2023, 9, 15), 365, &mut buyer.random);
            (contract, unclear, "peer_group_too_small")
        }
        1 => {
            let cents = values::at(GOODS_NOT_INFORMED, 2.0);
            (buyer.contract(GOODS_NOT_INFORMED, cents), unclear, "modality_not_informed")
        }
        2 => {
            let mut contract = buyer.contract(GOODS_REGISTRO, values::at(GOODS_REGISTRO, 2.0));
            contract.kind = Kind::Unknown;
            contract.object = SECRET.to_owned();
            contract.main_item = Some(SECRET.to_owned());
            (contract, unclear, "category_unknown")
        }
        _ => (buyer.contract(GOODS_PREGAO, values::at(GOODS_PREGAO, 1.1)), Expected::Clear, "below_fence"),
    };
    let mut contract = contract;
    contract.label(OUTLIER, expected, format!("outlier-decoy-{case}"), note);
    buyer.contracts.push(contract);
}
