//! One buyer (unidade gestora): its contracts are made together, written and forgotten.

use std::collections::BTreeMap;

use chrono::{Months, NaiveDate, TimeDelta};

use super::background;
use super::derived;
use super::record::{Cents, Contract, FIRST_DAY, Kind, LAST_DAY, LAST_MONTH, Supplier};
use super::supplier::Pool;
use super::values::{GROUPS, GroupIndex, Values};
use super::vocabulary::{self, Line};
use crate::model::Random;

/// A buyer and its contracts.
#[derive(Debug)]
pub(super) struct Buyer {
    pub(super) code: String,
    pub(super) name: String,
    /// Code and name.
    pub(super) organ: (String, String),
    /// Code and name of the organ above.
    pub(super) superior: (String, String),
    pub(super) random: Random,
    pub(super) contracts: Vec<Contract>,
    pool: Pool,
    first_supplier: u64,
    planted_suppliers: u64,
    tenders: u32,
    twins: u32,
    planted_lines: [usize; 3],
}

/// Most suppliers over which a buyer spreads its background. They come first in its part of the
/// pool; the planted ones come after.
const SPREAD: usize = 110;
/// Fewest such suppliers, if there are as many contracts.
const NARROW: usize = 14;
/// Largest share of the total for one background contract, in percent.
const LARGEST: Cents = 20;
/// Share that the favourite supplier of a buyer may reach, in percent.
const FAVOURITE: Cents = 18;

impl Buyer {
    /// Buyer number `index`.
    pub(super) fn new(index: u64, seed: u64, pool: Pool) -> Self {
        let mut random = Random::new(seed, index + 1);
        let superior = 20 + random.below(40);
        let organ = random.below(100);
        let code = format!("{:06}", 100_000 + index);
        Self {
            name: format!("UNIDADE GESTORA SINTÉTICA {code}"),
            code,
            organ: (format!("{superior}{organ:03}"), format!("Órgão Sintético {superior}{organ:03}")),
            superior: (format!("{superior}000"), format!("Ministério Sintético {superior}000")),
            contracts: Vec::new(),
            pool,
            first_supplier: random.below(pool.size()),
            planted_suppliers: SPREAD as u64,
            tenders: 0,
            twins: 0,
            planted_lines: [0; 3],
            random,
        }
    }

    /// A supplier of the pool that nothing else of this buyer gets.
    pub(super) fn next_supplier(&mut self) -> Supplier {
        self.planted_suppliers += 1;
        self.pool.supplier(self.first_supplier + self.planted_suppliers)
    }

    /// A tender of its own.
    pub(super) fn next_tender(&mut self) -> u32 {
        self.tenders += 1;
        self.tenders
    }

    /// A mark for contracts that are to have one number.
    pub(super) fn next_twin(&mut self) -> u32 {
        self.twins += 1;
        self.twins
    }

    /// A line of business that no other contract of this buyer has, as long as there are any.
    pub(super) fn next_planted_line(&mut self, kind: Kind) -> Line {
        let (lines, slot): (&[Line], usize) = match kind {
            Kind::Goods | Kind::Unknown => (&vocabulary::PLANTED_GOODS, 0),
            Kind::Services => (&vocabulary::PLANTED_SERVICES, 1),
            Kind::Works => (&vocabulary::PLANTED_WORKS, 2),
        };
        self.planted_lines[slot] += 1;
        lines[self.planted_lines[slot] % lines.len()]
    }

    /// How many more lines of every kind [`Self::next_planted_line`] has.
    pub(super) fn planted_lines_left(&self) -> usize {
        let all =
            [vocabulary::PLANTED_GOODS.len(), vocabulary::PLANTED_SERVICES.len(), vocabulary::PLANTED_WORKS.len()];
        all.iter().zip(&self.planted_lines).map(|(all, taken)| all.saturating_sub(*taken)).min().unwrap_or(0)
    }

    /// A day of the year that background signatures fall on, the last two months twice as often.
    pub(super) fn signature(&mut self) -> NaiveDate {
        let from = if self.random.chance(400) { LAST_DAY - TimeDelta::days(60) } else { FIRST_DAY };
        from + TimeDelta::days(self.random.between(0, (LAST_DAY - from).num_days()))
    }

    /// A contract of a group with a value of its own. It is not added, and is on nobody's account:
    /// the caller plants it, or it is background.
    pub(super) fn contract(&mut self, group: GroupIndex, cents: Cents) -> Contract {
        let kind = GROUPS[group].kind;
        let line = match kind {
            Kind::Goods | Kind::Unknown => self.random.pick(&vocabulary::GOODS),
            Kind::Services => self.random.pick(&vocabulary::SERVICES),
            Kind::Works => self.random.pick(&vocabulary::WORKS),
        };
        let mut contract = Contract {
            kind,
            modality: GROUPS[group].modality,
            object: String::new(),
            main_item: None,
            article: None,
            legal_basis: "",
            signed: None,
            published: LAST_MONTH,
            start: LAST_MONTH,
            end: None,
            supplier: None,
            initial: cents,
            current: cents,
            tender: self.next_tender(),
            number: 0,
            twin: None,
            amendments: Vec::new(),
            amendment_days: Vec::new(),
            labels: Vec::new(),
            free: false,
        };
        contract.buys(line, &mut self.random);
        let signed = self.signature();
        let days = self.random.pick(&[60, 90, 180, 365, 365, 365, 365, 730, 1095, 1826]);
        contract.dated(signed, days, &mut self.random);
        contract
    }

    /// A contract of a group with the next value of that group, to plant.
    pub(super) fn drawn(&mut self, values: &mut Values, group: GroupIndex) -> Contract {
        let cents = values.next(group);
        self.contract(group, cents)
    }

    /// A contract of a group with a value chosen by the caller, to plant.
    pub(super) fn placed(&mut self, values: &mut Values, group: GroupIndex, cents: Cents) -> Contract {
        values.place(group, cents);
        self.contract(group, cents)
    }

    /// Adds that many background contracts: of twelve or more, one is signed and published in each
    /// month, so that no month of the sample is without a row.
    pub(super) fn fill(&mut self, values: &mut Values, contracts: u64) {
        for place in 0..contracts {
            let group = values.next_group();
            let mut contract = self.drawn(values, group);
            contract.free = true;
            if contracts >= 12
                && let Ok(months @ 0..12) = u32::try_from(place)
            {
                // Early enough for the publication to lie in the same month.
                let signed = FIRST_DAY + Months::new(months) + TimeDelta::days(self.random.between(0, 6));
                contract.moved(signed, &mut self.random);
            }
            self.contracts.push(contract);
        }
    }

    /// Value of all contracts whose supplier is not secret.
    pub(super) fn identified_total(&self) -> Cents {
        let identified = |contract: &&Contract| !contract.supplier.as_ref().is_some_and(Supplier::is_secret);
        self.contracts.iter().filter(identified).map(|contract| contract.initial).sum()
    }

    /// Gives every contract a supplier, a basis and a number; the buyer is then ready to be written.
    pub(super) fn settle(&mut self) {
        self.bound_shares();
        self.spread();
        background::finish(self);
        self.contracts.sort_by_key(|contract| contract.signed.unwrap_or(contract.published));
        let mut twins: BTreeMap<u32, u32> = BTreeMap::new();
        for (number, contract) in (1..).zip(&mut self.contracts) {
            contract.number = match contract.twin {
                Some(twin) => *twins.entry(twin).or_insert(number),
                None => number,
            };
            let random = &mut self.random;
            let days = (1..=contract.amendments.len() as i64).map(|sequence| random.between(20, 150) * sequence);
            contract.amendment_days = days.collect();
        }
        derived::label(&self.code, &mut self.contracts);
    }

    /// Halves background values until none is more than a fifth of the buyer's total. With 60 or
    /// more contracts hardly any ever is (a group's mean is about a third of its maximum), so this
    /// leaves the distribution of the values alone. A buyer of fewer than ten contracts has no
    /// window that counts, and stays as it is.
    fn bound_shares(&mut self) {
        // Every round halves one value; 20 rounds take the largest of any group below the smallest.
        let rounds = if self.contracts.len() < 10 { 0 } else { 20 * self.contracts.len() };
        for _ in 0..rounds {
            let total = self.identified_total();
            let free = self.contracts.iter_mut().filter(|contract| contract.free);
            match free.max_by_key(|contract| contract.initial) {
                Some(largest) if largest.initial * 100 > total * LARGEST => largest.value(largest.initial / 2),
                _ => break,
            }
        }
    }

    /// Spreads the contracts without a supplier over some, so that no share comes near 30 %.
    ///
    /// Proof, for ten contracts or more, with T the buyer's total and each contract at most 0.20 T:
    /// a favourite gets contracts up to 0.18 T and no others. The others go, largest first, to whoever has
    /// least so far. A supplier with one contract has at most 0.20 T. One with more got the last, v,
    /// when it had least, so it had at most T/m of m suppliers; v comes after at least m others as
    /// large, so it is at most T/m: together 2 T/m, with m = 14 at most 0.143 T. With fewer
    /// than 14 contracts to spread each has a supplier of its own.
    ///
    /// All signatures lie within twelve months, so that the window which ends with the last of them
    /// holds all contracts, and no other window counts: none has contracts a year before it. Buyers
    /// with contracts of earlier years are planted, each contract with its supplier.
    fn spread(&mut self) {
        let total = self.identified_total();
        let mut open: Vec<usize> =
            (0..self.contracts.len()).filter(|at| self.contracts[*at].supplier.is_none()).collect();
        open.sort_by_key(|at| std::cmp::Reverse(self.contracts[*at].initial));
        let suppliers = if open.len() < NARROW { open.len() } else { (open.len() / 3).clamp(NARROW, SPREAD) };
        let mut loads: Vec<Cents> = vec![0; suppliers];
        let mut favourite = 0;
        for at in open {
            let value = self.contracts[at].initial;
            let chosen = if suppliers >= NARROW && (favourite + value) * 100 <= total * FAVOURITE {
                favourite += value;
                suppliers
            } else {
                let least = loads.iter_mut().enumerate().min_by_key(|(_, load)| **load);
                least.map_or(0, |(supplier, load)| {
                    *load += value;
                    supplier
                })
            };
            self.contracts[at].supplier = Some(self.pool.supplier(self.first_supplier + chosen as u64));
        }
    }
}
