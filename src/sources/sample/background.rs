//! What a background contract says, once its value and its supplier are fixed.
//!
//! Nothing here may fire:
//! - `amendment_cap`: no increase is above 20 %, against a cap of 25 %;
//! - `splitting_sum`: a buyer has at most one value-based dispensa per line of business, whatever the
//!   year and the ceiling, and a group of one has no sum;
//! - `supplier_share_of_buyer`: see [`Buyer::settle`];
//! - `contract_value_outlier`: see [`super::values`];
//! - `invalid_tax_id`: the pool has valid ids only;
//! - `just_below_threshold`: no value-based dispensa reaches 70 % of its ceiling;
//! - `direct_award_growth`: no dispensa grows;
//! - `emergency_overrun`: no object speaks of one;
//! - `late_publication`: every contract is published within 20 days;
//! - `duplicates`: values within a buyer differ;
//! - `item_price_outlier`: the descriptions are too general;
//! - the detectors of peers and of time: hardly ever, in a large sample.
//!
//! `high_value_direct_award` fires on the few inexigibilidades of R$ 1,000,000 or more that the band
//! of their group reaches; they are labelled here.

use chrono::NaiveDate;

use super::buyer::Buyer;
use super::record::{Cents, Contract, DIRECT_AWARD, Expected, Kind, day};
use super::vocabulary::{self, Line};
use crate::model::Modality;
use crate::model::Random;

/// Ceilings of value-based dispensas, in cents, and the bases that name them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ceiling {
    pub(super) cents: Cents,
    pub(super) basis: &'static str,
}

/// Basis of Lei 14.133/2021 for works, engineering and vehicle maintenance.
pub(super) const WORKS_BASIS: &str = "Fundamento Legal: LEI 14.133/2021, ART. 75, INCISO I";
/// Basis of Lei 14.133/2021 for goods and other services.
pub(super) const GOODS_BASIS: &str = "Fundamento Legal: LEI 14.133/2021, ART. 75, INCISO II";
/// Basis of Lei 8.666/1993 for goods and other services.
pub(super) const OLD_GOODS_BASIS: &str = "Fundamento Legal: LEI 8.666/1993, ART. 24, INCISO II";
/// Ceiling of [`OLD_GOODS_BASIS`] (Decreto 9.412/2018), up to which it may be used.
pub(super) const OLD_GOODS_CEILING: Cents = 1_760_000;
const OLD_WORKS: Ceiling = Ceiling { cents: 3_300_000, basis: "Fundamento Legal: LEI 8.666/1993, ART. 24, INCISO I" };
/// Last day of signature under Lei 8.666/1993 in the sample; the law went out of use after 2023-12-30.
pub(super) const OLD_LAW_LAST_DAY: NaiveDate = day(2023, 12, 15);

/// Ceiling of Lei 14.133/2021 art. 75 at a date: Decreto 11.317/2022 for 2023, 11.871/2023 for 2024.
/// Values stay below it.
pub(super) fn ceiling(works: bool, date: NaiveDate) -> Ceiling {
    let cents = match (works, date < day(2024, 1, 1)) {
        (false, true) => 5_720_833,
        (false, false) => 5_990_602,
        (true, true) => 11_441_665,
        (true, false) => 11_981_202,
    };
    Ceiling { cents, basis: if works { WORKS_BASIS } else { GOODS_BASIS } }
}

/// Bases of a dispensa that rest on no value.
const OTHER_DISPENSA: [&str; 5] = [
    "Fundamento Legal: LEI 14.133/2021, ART. 75, INCISO IX",
    "Fundamento Legal: LEI 14.133/2021, ART. 75, INCISO XV",
    "Fundamento Legal: LEI 14.133/2021, ART. 75, INCISO IV, ALÍNEA E",
    "Fundamento Legal: LEI 14.133/2021, ART. 75, INCISO XIV",
    "Fundamento Legal: LEI 14.133/2021, ART. 75, INCISO III, ALÍNEA A",
];

/// Fills in the free contracts of a buyer.
pub(super) fn finish(buyer: &mut Buyer) {
    let mut taken = Lines::default();
    let mut awards = 0;
    for contract in buyer.contracts.iter_mut().filter(|contract| contract.free) {
        let random = &mut buyer.random;
        match contract.modality {
            Modality::DispensaLicitacao => dispensa(contract, &mut taken, random),
            Modality::Inexigibilidade => {
                contract.legal_basis = random.pick(&[
                    "",
                    "",
                    "Fundamento Legal: LEI 14.133/2021, ART. 74, INCISO I",
                    "Fundamento Legal: LEI 14.133/2021, ART. 74, INCISO III, ALÍNEA F",
                ]);
            }
            Modality::Pregao
            | Modality::PregaoRegistroPreco
            | Modality::Concorrencia
            | Modality::TomadaDePrecos
            | Modality::Convite
            | Modality::NotInformed => amend(contract, random),
        }
        if contract.modality.is_direct_award() && contract.current >= 100_000_000 {
            awards += 1;
            let group = format!("award-{}-{awards}", buyer.code);
            contract.label(DIRECT_AWARD, Expected::Fired, group, "severity=medium");
        }
        if random.chance(10) {
            contract.end = None;
        }
    }
}

/// Lines of business that a buyer's value-based dispensas have taken.
#[derive(Debug, Default)]
struct Lines {
    taken: [usize; 3],
}

impl Lines {
    /// The next line of a kind; `None` once all are taken.
    fn next(&mut self, kind: Kind) -> Option<Line> {
        let lines: &[Line] = match kind {
            Kind::Goods => &vocabulary::GOODS,
            Kind::Services => &vocabulary::SERVICES,
            Kind::Works => &vocabulary::WORKS,
            Kind::Unknown => &[],
        };
        let next = self.taken.get_mut(kind.index())?;
        *next += 1;
        lines.get(*next - 1).copied()
    }
}

/// The basis of a dispensa: for small ones often the value, else another, or none published.
fn dispensa(contract: &mut Contract, taken: &mut Lines, random: &mut Random) {
    let signed = contract.signed.unwrap_or(contract.published);
    let works = contract.kind == Kind::Works;
    let mut ceiling = ceiling(works, signed);
    if signed <= OLD_LAW_LAST_DAY && random.chance(100) {
        ceiling = if works { OLD_WORKS } else { Ceiling { cents: OLD_GOODS_CEILING, basis: OLD_GOODS_BASIS } };
    }
    if contract.initial * 10 < ceiling.cents * 7
        && random.chance(550)
        && let Some(line) = taken.next(contract.kind)
    {
        contract.buys(line, random);
        contract.legal_basis = ceiling.basis;
    } else if random.chance(500) {
        contract.legal_basis = random.pick(&OTHER_DISPENSA);
    }
}

/// Amendments of the background: most change no value, none adds more than 20 %.
///
/// Direct awards get none, so that none grows past R$ 1,000,000 unnoticed.
fn amend(contract: &mut Contract, random: &mut Random) {
    if random.chance(150) && contract.modality != Modality::NotInformed {
        contract.legal_basis = "Fundamento Legal: LEI 14.133/2021, ART. 28, INCISO I";
    }
    let percent = match random.below(1000) {
        0..40 => {
            contract.amendments.push("Objetivo: PRORROGAÇÃO DO PRAZO DE VIGÊNCIA POR MAIS 12 MESES.");
            0
        }
        40..60 => {
            contract.amendments.push("Objetivo: ACRÉSCIMO QUANTITATIVO DE ITENS DO OBJETO CONTRATADO.");
            random.between(1, 20)
        }
        60..70 => {
            contract.amendments.push("Objetivo: REAJUSTE DOS PREÇOS PELO ÍNDICE PREVISTO NO INSTRUMENTO.");
            random.between(2, 8)
        }
        70..75 => {
            contract.amendments.push("Objetivo: SUPRESSÃO DE ITENS DO OBJETO CONTRATADO.");
            -random.between(1, 25)
        }
        75..80 => {
            contract.amendments.push("Objetivo: ALTERAÇÃO DO ENDEREÇO DA CONTRATADA.");
            0
        }
        _ => 0,
    };
    // Division towards zero: never a fraction of a cent above the percentage.
    contract.current = contract.initial + contract.initial * percent / 100;
}
