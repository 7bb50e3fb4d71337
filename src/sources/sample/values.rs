//! Groups of contracts (what is bought, and how) and the values within each.
//!
//! Why no background contract is an outlier: within a group the logarithms of the values are spread
//! evenly over a band [a, b]. Then Q1 = a + (b-a)/4, Q3 = a + 3(b-a)/4, and the fence at k = 1.5 lies
//! at Q3 + 1.5 (Q3-Q1) = b + (b-a)/2: half a band above the largest value.
//!
//! "Evenly" is meant: values follow a golden-ratio sequence, n points of which leave the quartiles of
//! a uniform distribution by no more than about 2/n. Planted rows with values of their own would bend
//! the distribution; each therefore takes the place of a background row with a value of the same
//! eighth of the band (see [`Values::place`]). What remains is small against the half band.

use super::record::{Cents, Kind};
use crate::model::Modality;
use crate::model::Random;

/// Contracts that are compared with each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) kind: Kind,
    pub(super) modality: Modality,
    /// Per mille of the background.
    share: u32,
    /// The band, in reais.
    low: f64,
    high: f64,
}

const fn group(kind: Kind, modality: Modality, share: u32, low: f64, high: f64) -> Group {
    Group { kind, modality, share, low, high }
}

/// Place of a group in [`GROUPS`].
pub(super) type GroupIndex = usize;

/// The groups of the background. The smallest has 5 in 1,000: above 60 of 20,000 rows even after the
/// planted rows are taken off.
pub(super) const GROUPS: [Group; 17] = [
    group(Kind::Goods, Modality::Pregao, 130, 20e3, 500e3),
    group(Kind::Services, Modality::Pregao, 120, 40e3, 900e3),
    group(Kind::Goods, Modality::PregaoRegistroPreco, 225, 8e3, 300e3),
    group(Kind::Services, Modality::PregaoRegistroPreco, 90, 25e3, 600e3),
    group(Kind::Goods, Modality::NotInformed, 80, 15e3, 400e3),
    group(Kind::Services, Modality::NotInformed, 70, 30e3, 800e3),
    group(Kind::Works, Modality::NotInformed, 10, 100e3, 1.5e6),
    group(Kind::Goods, Modality::DispensaLicitacao, 90, 2e3, 900e3),
    group(Kind::Services, Modality::DispensaLicitacao, 80, 3e3, 900e3),
    group(Kind::Works, Modality::DispensaLicitacao, 20, 10e3, 950e3),
    group(Kind::Goods, Modality::Inexigibilidade, 10, 8e3, 900e3),
    group(Kind::Services, Modality::Inexigibilidade, 35, 8e3, 1.3e6),
    group(Kind::Works, Modality::TomadaDePrecos, 10, 150e3, 1.8e6),
    group(Kind::Services, Modality::TomadaDePrecos, 5, 100e3, 1.2e6),
    group(Kind::Works, Modality::Concorrencia, 15, 150e3, 2e6),
    group(Kind::Services, Modality::Concorrencia, 5, 100e3, 1.5e6),
    group(Kind::Works, Modality::Convite, 5, 40e3, 330e3),
];

pub(super) const GOODS_PREGAO: GroupIndex = 0;
pub(super) const SERVICES_PREGAO: GroupIndex = 1;
pub(super) const GOODS_REGISTRO: GroupIndex = 2;
pub(super) const SERVICES_REGISTRO: GroupIndex = 3;
pub(super) const GOODS_NOT_INFORMED: GroupIndex = 4;
pub(super) const SERVICES_NOT_INFORMED: GroupIndex = 5;
pub(super) const GOODS_DISPENSA: GroupIndex = 7;
pub(super) const SERVICES_DISPENSA: GroupIndex = 8;
pub(super) const WORKS_DISPENSA: GroupIndex = 9;
pub(super) const GOODS_INEXIGIBILIDADE: GroupIndex = 10;
pub(super) const SERVICES_INEXIGIBILIDADE: GroupIndex = 11;
pub(super) const WORKS_TOMADA: GroupIndex = 12;
pub(super) const WORKS_CONCORRENCIA: GroupIndex = 14;

const fn sum_of_shares() -> u32 {
    let mut sum = 0;
    let mut at = 0;
    while at < GROUPS.len() {
        sum += GROUPS[at].share;
        at += 1;
    }
    sum
}
const _: () = assert!(sum_of_shares() == 1000);

/// 1 over the golden ratio: the multiples of it, less their whole parts, fill [0, 1) most evenly.
const STEP: f64 = 0.618_033_988_749_894_9;
/// Parts of a band within which a planted row stands for a background row.
const BINS: usize = 8;

/// Deals out groups and values, evenly.
#[derive(Debug)]
pub(super) struct Values {
    turns: u64,
    start: f64,
    dealt: [u64; GROUPS.len()],
    starts: [f64; GROUPS.len()],
    /// Planted rows that a background row has yet to make room for.
    debts: [[u32; BINS]; GROUPS.len()],
}

impl Values {
    /// Every seed starts its sequences elsewhere.
    pub(super) fn new(random: &mut Random) -> Self {
        Self {
            turns: 0,
            start: random.unit(),
            dealt: [0; GROUPS.len()],
            starts: std::array::from_fn(|_| random.unit()),
            debts: [[0; BINS]; GROUPS.len()],
        }
    }

    /// Group of the next background contract.
    pub(super) fn next_group(&mut self) -> GroupIndex {
        let at = (self.start + self.turns as f64 * STEP).fract() * 1000.0;
        self.turns += 1;
        let mut end = 0;
        for (index, group) in GROUPS.iter().enumerate() {
            end += group.share;
            if at < f64::from(end) {
                return index;
            }
        }
        GOODS_REGISTRO
    }

    /// The next value of a group.
    pub(super) fn next(&mut self, group: GroupIndex) -> Cents {
        // Bounded, so that debts beyond what the background can pay end nothing in a loop.
        for _ in 0..2 * BINS {
            let x = self.step(group);
            let debt = &mut self.debts[group][bin(x)];
            if *debt == 0 {
                return at(group, x);
            }
            *debt -= 1;
        }
        let x = self.step(group);
        at(group, x)
    }

    fn step(&mut self, group: GroupIndex) -> f64 {
        let x = (self.starts[group] + self.dealt[group] as f64 * STEP).fract();
        self.dealt[group] += 1;
        x
    }

    /// Notes a planted row of that value, so that a later background row with a like value is left out.
    pub(super) fn place(&mut self, group: GroupIndex, cents: Cents) {
        let Group { low, high, .. } = GROUPS[group];
        let x = (cents as f64 / 100.0 / low).ln() / (high / low).ln();
        if (0.0..1.0).contains(&x) {
            self.debts[group][bin(x)] += 1;
        }
    }
}

fn bin(x: f64) -> usize {
    ((x * BINS as f64) as usize).min(BINS - 1)
}

/// The value at `x` of a group's band: 0 is its low end, 1 its high end, 1.5 the fence at k = 1.5,
/// 2.25 the fence at k = 3. Drawing it is the one place where an amount comes from a float.
pub(super) fn at(group: GroupIndex, x: f64) -> Cents {
    let Group { low, high, .. } = GROUPS[group];
    (low * (high / low).powf(x) * 100.0).round() as Cents
}
