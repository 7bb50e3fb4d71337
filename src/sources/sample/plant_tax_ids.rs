//! Planted cases of `invalid_tax_id`: CNPJs with a wrong check digit, and ids that have none to judge.

use super::buyer::Buyer;
use super::record::{Expected, Kind, Label, Supplier, TAX_ID};
use super::supplier::{foreign, foreign_by_name, invalid, masked, unit, with_letters};
use super::values::{GOODS_PREGAO, GOODS_REGISTRO, SERVICES_NOT_INFORMED, SERVICES_PREGAO, SERVICES_REGISTRO, Values};
use super::vocabulary::SECRET;

/// Kinds of fired cases.
pub(super) const FIRED: u64 = 4;
/// Kinds of decoys.
pub(super) const DECOYS: u64 = 6;

/// Plants contracts of a supplier that must fire. The last kind is one more contract of the supplier
/// of the case before, mostly with another buyer: one finding, not two.
pub(super) fn fired(buyer: &mut Buyer, values: &mut Values, case: u64) {
    let again = case % FIRED == 3;
    let number = if again { case - 1 } else { case };
    let supplier = invalid(number, number % FIRED == 2, number % FIRED == 1);
    let contracts = if case % FIRED == 1 { 2 } else { 1 };
    for place in 0..contracts {
        let group = if place == 0 { GOODS_REGISTRO } else { SERVICES_PREGAO };
        let mut contract = buyer.drawn(values, group);
        contract.supplier = Some(supplier.clone());
        contract.labels.push(Label {
            detector: TAX_ID,
            expected: Expected::Fired,
            group: format!("tax-id-{}", supplier.id),
            note: "severity=medium",
            first: place == 0 && !again,
        });
        buyer.contracts.push(contract);
    }
}

/// Plants a contract whose supplier must not fire.
pub(super) fn decoy(buyer: &mut Buyer, values: &mut Values, case: u64) {
    let unclear = Expected::NotEvaluable;
    let (group, supplier, expected, note) = match case % DECOYS {
        0 => (GOODS_REGISTRO, masked(case), unclear, "masked"),
        1 => (GOODS_PREGAO, foreign(90_000_000 + case), unclear, "foreign"),
        2 => (SERVICES_PREGAO, Supplier::secret(), unclear, "supplier_secret"),
        3 => (SERVICES_REGISTRO, foreign_by_name(case), unclear, "foreign"),
        4 => (SERVICES_NOT_INFORMED, unit(case), unclear, "other_id"),
        _ => (GOODS_REGISTRO, with_letters(case), Expected::Clear, "letters_and_valid"),
    };
    let mut contract = buyer.drawn(values, group);
    if supplier.is_secret() {
        contract.kind = Kind::Unknown;
        contract.object = SECRET.to_owned();
        contract.main_item = Some(SECRET.to_owned());
    }
    contract.supplier = Some(supplier);
    contract.label(TAX_ID, expected, format!("tax-id-decoy-{case}"), note);
    buyer.contracts.push(contract);
}
