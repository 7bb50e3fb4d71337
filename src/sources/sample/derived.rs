//! Labels that follow from a contract alone, whatever it was made for: `value_jump`,
//! `amendment_count` and `value_risk`, by their plain definitions.

use chrono::TimeDelta;

use super::record::{AMENDMENT_COUNT, Cents, Contract, Expected, VALUE_JUMP, VALUE_RISK};
use super::vocabulary::SECRET;

/// Labels the contracts of a buyer.
pub(super) fn label(buyer: &str, contracts: &mut [Contract]) {
    for contract in contracts {
        let group = |detector: &str| format!("{detector}-{buyer}-{}", contract.number);
        let found = [
            (VALUE_JUMP, jump(contract).map(|note| (group("jump"), note))),
            (AMENDMENT_COUNT, amendments(contract).map(|note| (group("count"), note))),
            (VALUE_RISK, risk(contract.current).map(|note| (group("risk"), note))),
        ];
        for (detector, label) in found {
            if let Some((group, note)) = label {
                contract.label(detector, Expected::Fired, group, note);
            }
        }
    }
}

fn says(contract: &Contract, words: &[&str]) -> bool {
    contract.amendments.iter().any(|text| words.iter().any(|word| text.contains(word)))
}

fn jump(contract: &Contract) -> Option<&'static str> {
    let (initial, current) = (contract.initial, contract.current);
    let distance = (current - initial).abs();
    let judged = initial > 0 && current > 0 && current < 100 * initial && initial < 100 * current;
    let explained = contract.twin.is_some() || says(contract, &[SECRET, "PRORROGAÇÃO", "REAJUSTE", "REPACTUAÇÃO"]);
    if !judged || explained || distance * 10 <= initial {
        return None;
    }
    Some(if distance * 2 > initial { "severity=medium" } else { "severity=low" })
}

fn amendments(contract: &Contract) -> Option<&'static str> {
    let of_value = |text: &str| text.contains("ACRÉSCIMO") || text.contains("SUPRESSÃO");
    let count = contract.amendments.iter().filter(|text| of_value(text)).count();
    let signed = contract.signed.filter(|_| contract.twin.is_none() && count > 0)?;
    let days = contract.amendments.iter().zip(&contract.amendment_days).filter(|(text, _)| of_value(text));
    let first = days.map(|(_, days)| contract.published + TimeDelta::days(*days) - signed).min()?;
    if count >= 3 { Some("severity=medium") } else { (first.num_days() <= 90).then_some("severity=low") }
}

fn risk(current: Cents) -> Option<&'static str> {
    match current {
        500_000_000.. => Some("severity=critical"),
        100_000_000.. => Some("severity=high"),
        _ => None,
    }
}
