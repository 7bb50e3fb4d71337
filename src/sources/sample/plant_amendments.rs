//! Planted cases of `amendment_cap`: contracts that grew beyond a quarter of their initial value, and
//! contracts that look as if they had.
//!
//! All are of competitive modalities, so that no growth makes a direct award large.

use super::buyer::Buyer;
use super::record::{AMENDMENT_CAP, Cents, Contract, Expected, OUTLIER};
use super::values::{
    GOODS_NOT_INFORMED, GOODS_PREGAO, GOODS_REGISTRO, GroupIndex, SERVICES_NOT_INFORMED, SERVICES_PREGAO,
    SERVICES_REGISTRO, Values, WORKS_CONCORRENCIA, WORKS_TOMADA,
};
use super::vocabulary::SECRET;

const ADDITION: &str = "Objetivo: ACRÉSCIMO QUANTITATIVO DE ITENS DO OBJETO CONTRATADO.";
const SECOND_ADDITION: &str = "Objetivo: SEGUNDO ACRÉSCIMO QUANTITATIVO AO OBJETO CONTRATADO.";
const ADDITION_AND_REDUCTION: &str = "Objetivo: ACRÉSCIMO DE ITENS E SUPRESSÃO DE OUTROS ITENS DO OBJETO CONTRATADO.";
const REDUCTION: &str = "Objetivo: SUPRESSÃO DE ITENS DO OBJETO CONTRATADO.";
const RENEWAL: &str = "Objetivo: PRORROGAÇÃO DO PRAZO DE VIGÊNCIA POR MAIS 12 MESES.";
const RENEWAL_AND_ADDITION: &str = "Objetivo: PRORROGAÇÃO DO PRAZO DE VIGÊNCIA POR MAIS 6 MESES E ACRÉSCIMO DE ITENS.";
const REPACTUACAO: &str = "Objetivo: REPACTUAÇÃO DOS PREÇOS CONFORME CONVENÇÃO COLETIVA.";
const OTHER: &str = "Objetivo: ALTERAÇÃO DA RAZÃO SOCIAL DA CONTRATADA.";

/// Kinds of fired cases.
pub(super) const FIRED: u64 = 6;
/// Kinds of decoys.
pub(super) const DECOYS: u64 = 15;

const MILLION: Cents = 100_000_000;

fn reform(contract: &mut Contract) {
    contract.object = "Objeto: EXECUÇÃO DE OBRA DE REFORMA DO EDIFÍCIO SEDE.".to_owned();
    contract.main_item = Some("OBRA DE REFORMA DO EDIFÍCIO SEDE".to_owned());
}

/// Grows a contract by so many ten-thousandths, rounded down to the cent.
fn grow(contract: &mut Contract, basis_points: Cents) {
    contract.current = contract.initial + contract.initial * basis_points / 10_000;
}

/// A quarter of the initial value, which is made a multiple of four cents first.
fn exact_quarter(contract: &mut Contract) -> Cents {
    contract.value(contract.initial / 4 * 4);
    contract.initial / 4
}

/// Plants a contract that must fire.
pub(super) fn fired(buyer: &mut Buyer, values: &mut Values, case: u64) {
    let mut contract = match case % FIRED {
        0 => {
            let mut contract = buyer.drawn(values, SERVICES_PREGAO);
            grow(&mut contract, buyer.random.between(2_700, 4_900));
            contract.amendments.push(ADDITION);
            contract
        }
        1 => {
            // Beyond twice the cap, and by more than a million.
            let cents = buyer.random.between(MILLION, 16 * MILLION / 10);
            let mut contract = buyer.placed(values, WORKS_CONCORRENCIA, cents);
            grow(&mut contract, buyer.random.between(10_100, 12_000));
            contract.amendments.push(ADDITION);
            contract
        }
        2 => {
            let mut contract = buyer.drawn(values, GOODS_PREGAO);
            grow(&mut contract, buyer.random.between(3_000, 6_000));
            contract.amendments.extend([ADDITION, SECOND_ADDITION]);
            contract
        }
        3 => {
            let mut contract = buyer.drawn(values, SERVICES_REGISTRO);
            grow(&mut contract, buyer.random.between(3_500, 4_500));
            contract.amendments.push(ADDITION_AND_REDUCTION);
            contract
        }
        4 => {
            // A reform may grow by half; this one grew by more.
            let mut contract = buyer.drawn(values, WORKS_TOMADA);
            reform(&mut contract);
            grow(&mut contract, buyer.random.between(5_500, 9_500));
            contract.amendments.push(ADDITION);
            contract
        }
        _ => {
            // One cent beyond what rounding explains.
            let mut contract = buyer.drawn(values, SERVICES_PREGAO);
            contract.current = exact_quarter(&mut contract) * 5;
            contract.current += 101.max(contract.initial / 10_000 + 1);
            contract.amendments.push(ADDITION);
            contract
        }
    };
    let increase = contract.current - contract.initial;
    let reform = contract.object.contains("REFORMA");
    let twice_the_cap = if reform { contract.initial } else { contract.initial / 2 };
    let severity = if increase > twice_the_cap && increase > MILLION { "severity=critical" } else { "severity=high" };
    contract.label(AMENDMENT_CAP, Expected::Fired, format!("amendment-fired-{case}"), severity);
    buyer.contracts.push(contract);
}

/// Plants a contract that must not fire.
pub(super) fn decoy(buyer: &mut Buyer, values: &mut Values, case: u64) {
    let group = format!("amendment-decoy-{case}");
    let draw = |buyer: &mut Buyer, values: &mut Values, group: GroupIndex, basis_points: Cents, text| {
        let mut contract = buyer.drawn(values, group);
        grow(&mut contract, basis_points);
        contract.amendments.extend(text);
        contract
    };
    let unclear = Expected::NotEvaluable;
    let (mut contract, expected, reason) = match case % DECOYS {
        0 => {
            let mut contract = draw(buyer, values, SERVICES_PREGAO, 0, Some(ADDITION));
            contract.current = exact_quarter(&mut contract) * 5;
            (contract, Expected::Clear, "near_cap")
        }
        1 => {
            let mut contract = draw(buyer, values, GOODS_PREGAO, 0, Some(ADDITION));
            contract.current = exact_quarter(&mut contract) * 5 + 1;
            (contract, unclear, "within_rounding")
        }
        2 => (draw(buyer, values, SERVICES_REGISTRO, 10_000, Some(RENEWAL)), unclear, "renewal_mixed"),
        3 => (draw(buyer, values, SERVICES_PREGAO, 3_100, Some(REPACTUACAO)), unclear, "price_adjustment_mixed"),
        4 => (draw(buyer, values, GOODS_REGISTRO, 4_000, None), unclear, "no_amendment_published"),
        5 => (draw(buyer, values, GOODS_PREGAO, 3_300, Some(SECRET)), unclear, "amendment_undisclosed"),
        6 => {
            let mut contract = draw(buyer, values, WORKS_TOMADA, 4_000, Some(ADDITION));
            reform(&mut contract);
            (contract, unclear, "reform_cap_may_apply")
        }
        7 => (draw(buyer, values, GOODS_REGISTRO, 2_900, Some(OTHER)), unclear, "amendment_type_unknown"),
        8 => {
            let mut contract = draw(buyer, values, SERVICES_PREGAO, 1_000, Some(ADDITION));
            contract.amendments.push(REDUCTION);
            (contract, unclear, "reductions_may_hide_additions")
        }
        9 => {
            let mut contract = draw(buyer, values, SERVICES_NOT_INFORMED, 4_400, Some(ADDITION));
            contract.legal_basis = "Fundamento Legal: LEI N¿ 13.303/2016, ART. 28 C/C ART. 32, INCISO IV";
            (contract, unclear, "regime_not_covered")
        }
        10 => {
            let mut contract = buyer.contract(GOODS_REGISTRO, 0);
            contract.label(OUTLIER, unclear, group.clone(), "no_value");
            (contract, unclear, "no_initial_value")
        }
        11 => {
            // Two contracts of one number: whose amendment it is cannot be said.
            let mut contract = draw(buyer, values, GOODS_NOT_INFORMED, 4_000, Some(ADDITION));
            let mut twin = buyer.drawn(values, GOODS_NOT_INFORMED);
            let mark = buyer.next_twin();
            let end = contract.end;
            twin.signed = contract.signed;
            (twin.published, twin.start, twin.end) = (contract.published, contract.start, end);
            (contract.twin, twin.twin) = (Some(mark), Some(mark));
            (contract.supplier, twin.supplier) = (Some(buyer.next_supplier()), Some(buyer.next_supplier()));
            buyer.contracts.push(twin);
            (contract, unclear, "ambiguous_amendments")
        }
        12 => {
            let mut contract = draw(buyer, values, SERVICES_REGISTRO, 0, Some(ADDITION));
            contract.current = exact_quarter(&mut contract) * 5 + 100;
            (contract, unclear, "within_rounding")
        }
        13 => (draw(buyer, values, SERVICES_PREGAO, 7_500, Some(RENEWAL_AND_ADDITION)), unclear, "renewal_mixed"),
        _ => {
            let mut contract = draw(buyer, values, WORKS_CONCORRENCIA, 5_000, Some(ADDITION));
            reform(&mut contract);
            (contract, unclear, "reform_cap_may_apply")
        }
    };
    contract.label(AMENDMENT_CAP, expected, group, reason);
    buyer.contracts.push(contract);
}
