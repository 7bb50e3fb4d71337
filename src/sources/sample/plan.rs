//! Which buyer gets what: background buyers with cases planted among their contracts, and small
//! buyers made for one case.

use super::buyer::Buyer;
use super::layout::Files;
use super::record::{Expected, Kind, OUTLIER, SampleSummary};
use super::supplier::Pool;
use super::values::{self, GOODS_PREGAO, GROUPS, GroupIndex, Values};
use super::{
    SampleError, plant_amendments, plant_peers, plant_rules, plant_shares, plant_splitting, plant_tax_ids, plant_values,
};
use crate::model::Modality;
use crate::model::Random;

/// Cases of one kind: how many there are to be, and how many there are.
#[derive(Debug, Clone, Copy)]
struct Quota {
    wanted: u64,
    planted: u64,
}

impl Quota {
    /// Cases that must fire: one in a thousand contracts, all `kinds` of them from 2,000 contracts on.
    fn fired(rows: u64, kinds: u64) -> Self {
        let wanted = match rows {
            0..40 => 0,
            40..1_000 => 1,
            1_000..2_000 => 5,
            _ => (rows / 1_000).max(kinds).max(5),
        };
        Self { wanted, planted: 0 }
    }

    /// Near misses, as many, but none in a sample that they would fill.
    fn decoys(rows: u64, kinds: u64) -> Self {
        let wanted = match rows {
            0..200 => 0,
            200..1_000 => 3,
            1_000..2_000 => 5,
            _ => (rows / 1_000).max(kinds),
        };
        Self { wanted, planted: 0 }
    }

    /// Cases that need peers: one in so many contracts, two at least, from a size on.
    fn among_peers(rows: u64, from: u64, every: u64) -> Self {
        Self { wanted: if rows < from { 0 } else { (rows / every).max(2) }, planted: 0 }
    }

    /// The next case, if it is due after `done` of `all` contracts.
    fn due(&mut self, done: u64, all: u64) -> Option<u64> {
        // 100,000,000 contracts and a thousandth of that stay far below the range.
        if self.planted < self.wanted && self.planted * all < self.wanted * done {
            self.planted += 1;
            Some(self.planted - 1)
        } else {
            None
        }
    }

    /// Contracts of all cases, if they have buyers of their own.
    fn contracts(self, of_case: impl Fn(u64) -> u64) -> u64 {
        (0..self.wanted).map(of_case).sum()
    }
}

/// A case planted among the contracts of a buyer.
type Planter = fn(&mut Buyer, &mut Values, u64);

/// The making of a sample.
#[derive(Debug)]
pub(super) struct Plan {
    rows: u64,
    seed: u64,
    random: Random,
    pool: Pool,
    values: Values,
    files: Files,
    /// Contracts of each kind and modality with a value, for the size of the groups.
    sizes: [[u64; Modality::ALL.len()]; 4],
}

/// Fewest and most contracts of a background buyer.
const BUYER: [u64; 2] = [60, 340];
/// Contracts from which there are no more cases that have a buyer of their own: there are codes for 900,000.
const MOST_OWN_AT: u64 = 20_000_000;
/// From so many contracts on every group is large enough to hold outliers of large buyers, and there are
/// buyers with series long enough for Benford's law.
pub(super) const LARGE_SAMPLE: u64 = 20_000;
/// Contracts of a buyer that buys an article whose price is compared.
const SMALLEST_WITH_ARTICLE: u64 = 100;
/// Contracts of a buyer whose total hides an outlier.
const LARGE_BUYER: u64 = 240;
impl Plan {
    /// A sample of so many contracts.
    pub(super) fn new(rows: u64, seed: u64, files: Files) -> Self {
        let mut random = Random::new(seed, 0);
        let values = Values::new(&mut random);
        Self { rows, seed, random, pool: Pool::new(rows), values, files, sizes: [[0; 8]; 4] }
    }

    /// Makes and writes all buyers.
    pub(super) fn run(mut self, progress: &dyn Fn(u64)) -> Result<SampleSummary, SampleError> {
        let rows = self.rows;
        let own = rows.min(MOST_OWN_AT);
        let mut shares = Quota::fired(own, plant_shares::FIRED);
        let mut share_decoys = Quota::decoys(own, plant_shares::DECOYS);
        let mut awards = Quota::fired(own, plant_values::AWARDS);
        let mut award_decoys = Quota::decoys(own, plant_values::AWARD_DECOYS);
        let outliers = Quota::fired(own, plant_values::OUTLIERS);
        let outlier_decoys = Quota::decoys(own, plant_values::OUTLIER_DECOYS);
        let mut below = Quota::fired(own, plant_peers::FIRED);
        let mut below_decoys = Quota::decoys(own, plant_peers::DECOYS);
        let mut direct = Quota::among_peers(own, LARGE_SAMPLE, 10_000);
        let mut markets = Quota::among_peers(own, LARGE_SAMPLE, 20_000);
        let mut spikes = Quota::among_peers(own, LARGE_SAMPLE, 10_000);
        let mut prices = Quota::among_peers(rows, LARGE_SAMPLE, 5_000);
        let mut lopsided = Quota::among_peers(own, LARGE_SAMPLE, 50_000);
        let of_their_own = shares.contracts(plant_shares::fired_contracts)
            + share_decoys.contracts(plant_shares::decoy_contracts)
            + awards.contracts(plant_values::award_contracts)
            + award_decoys.contracts(plant_values::award_contracts)
            + outliers.contracts(plant_values::outlier_contracts)
            + outlier_decoys.wanted
            + below.contracts(plant_peers::below_contracts)
            + below_decoys.wanted * plant_peers::DECOY_CONTRACTS
            + direct.wanted * plant_peers::DIRECT_CONTRACTS
            + markets.wanted * plant_peers::MARKET_BUYERS * plant_peers::MARKET_CONTRACTS
            + spikes.wanted * plant_peers::SPIKE_CONTRACTS
            + lopsided.wanted * plant_peers::BENFORD_CONTRACTS;
        // With the least sample that has cases, 40, they take 19.
        let background = rows.saturating_sub(of_their_own);
        let mut planted: [(Quota, Planter, u64); 8] = [
            (Quota::fired(rows, plant_amendments::FIRED), plant_amendments::fired, 1),
            (Quota::decoys(rows, plant_amendments::DECOYS), plant_amendments::decoy, 2),
            (Quota::fired(rows, plant_splitting::FIRED), plant_splitting::fired, plant_splitting::MOST),
            (Quota::decoys(rows, plant_splitting::DECOYS), plant_splitting::decoy, 2),
            (Quota::fired(rows, plant_tax_ids::FIRED), plant_tax_ids::fired, 2),
            (Quota::decoys(rows, plant_tax_ids::DECOYS), plant_tax_ids::decoy, 1),
            // Cases of four detectors: four times as many.
            (
                Quota::fired(if rows < 40 { 0 } else { 4 * rows }, plant_rules::FIRED),
                plant_rules::fired,
                plant_rules::MOST,
            ),
            (
                Quota::decoys(if rows < 200 { 0 } else { 4 * rows }, plant_rules::DECOYS),
                plant_rules::decoy,
                plant_rules::MOST,
            ),
        ];
        // Of each article, how many are at their usual price and how many are dear.
        let mut articles = vec![(0_u64, 0_u64); plant_peers::articles(rows) as usize];
        let mut done = 0;
        while done < background {
            let contracts = self.buyer_size(background - done);
            done += contracts;
            let mut buyer = self.buyer();
            for (quota, plant, most) in &mut planted {
                // Cases fill no more than half of a buyer; what does not fit waits for the next.
                while (buyer.contracts.len() as u64 + *most) * 2 <= contracts && buyer.planted_lines_left() >= 2 {
                    match quota.due(done, background) {
                        Some(case) => plant(&mut buyer, &mut self.values, case),
                        None => break,
                    }
                }
            }
            if rows >= LARGE_SAMPLE && contracts >= SMALLEST_WITH_ARTICLE {
                let which = self.files.summary.buyers % articles.len() as u64;
                plant_peers::article(&mut buyer, &mut self.values, which, None);
                if let Some((usual, dear)) = articles.get_mut(which as usize) {
                    *usual += 1;
                    // More of them would be what is usual.
                    let rare = *dear * plant_peers::USUAL_PER_DEAR < *usual;
                    if let Some(case) = rare.then(|| prices.due(done, background)).flatten() {
                        *dear += 1;
                        let times = if case.is_multiple_of(2) { 3 } else { 5 };
                        plant_peers::article(&mut buyer, &mut self.values, which, Some((times, case)));
                    }
                }
            }
            let left = contracts.saturating_sub(buyer.contracts.len() as u64);
            buyer.fill(&mut self.values, left);
            if rows >= LARGE_SAMPLE && contracts >= LARGE_BUYER {
                hide_outlier(&mut buyer);
            }
            self.write(buyer, progress)?;
            while let Some(case) = shares.due(done, background) {
                self.own(progress, |buyer, values| plant_shares::fired(buyer, values, case))?;
            }
            while let Some(case) = share_decoys.due(done, background) {
                self.own(progress, |buyer, values| plant_shares::decoy(buyer, values, case))?;
            }
            while let Some(case) = awards.due(done, background) {
                self.own(progress, |buyer, values| plant_values::award(buyer, values, case))?;
            }
            while let Some(case) = below.due(done, background) {
                self.own(progress, |buyer, values| plant_peers::below(buyer, values, case))?;
            }
            while let Some(case) = below_decoys.due(done, background) {
                self.own(progress, |buyer, values| plant_peers::below_decoy(buyer, values, case))?;
            }
            while let Some(case) = direct.due(done, background) {
                self.own(progress, |buyer, values| plant_peers::direct(buyer, values, case))?;
            }
            while let Some(case) = markets.due(done, background) {
                for part in 0..plant_peers::MARKET_BUYERS {
                    self.own(progress, |buyer, values| plant_peers::market(buyer, values, case, part))?;
                }
            }
            while let Some(case) = spikes.due(done, background) {
                self.own(progress, |buyer, values| plant_peers::spike(buyer, values, case))?;
            }
            while let Some(case) = lopsided.due(done, background) {
                self.own(progress, |buyer, values| plant_peers::lopsided(buyer, values, case))?;
            }
            while let Some(case) = award_decoys.due(done, background) {
                self.own(progress, |buyer, values| plant_values::award_decoy(buyer, values, case))?;
            }
        }
        // Last, when the groups have the size that they will be judged by.
        for case in 0..outliers.wanted {
            let (group, peers) = self.outlier_group(case);
            self.own(progress, |buyer, values| plant_values::outlier(buyer, values, case, group, peers))?;
        }
        for case in 0..outlier_decoys.wanted {
            self.own(progress, |buyer, _| plant_values::outlier_decoy(buyer, case))?;
        }
        self.files.finish()
    }

    /// Contracts of the next background buyer; never leaves less than the smallest for the last.
    fn buyer_size(&mut self, left: u64) -> u64 {
        let [least, most] = BUYER;
        if left <= most { left } else { (least + self.random.below(most - least + 1)).min(left - least) }
    }

    fn buyer(&self) -> Buyer {
        Buyer::new(self.files.summary.buyers, self.seed, self.pool)
    }

    /// Makes a buyer for one case.
    fn own(&mut self, progress: &dyn Fn(u64), make: impl FnOnce(&mut Buyer, &mut Values)) -> Result<(), SampleError> {
        let mut buyer = self.buyer();
        make(&mut buyer, &mut self.values);
        self.write(buyer, progress)
    }

    fn write(&mut self, mut buyer: Buyer, progress: &dyn Fn(u64)) -> Result<(), SampleError> {
        buyer.settle();
        for contract in buyer.contracts.iter().filter(|contract| contract.initial > 0) {
            self.sizes[contract.kind.index()][contract.modality as usize] += 1;
        }
        self.files.buyer(&mut buyer)?;
        progress(self.files.summary.contracts);
        Ok(())
    }

    /// A group for an outlier, with its size: in turn those that are large, or else the largest.
    fn outlier_group(&self, case: u64) -> (GroupIndex, u64) {
        let size = |group: GroupIndex| self.sizes[GROUPS[group].kind.index()][GROUPS[group].modality as usize];
        let all = plant_values::OUTLIER_GROUPS.map(|group| (group, size(group)));
        let ample: Vec<_> = all.into_iter().filter(|(_, size)| *size >= plant_values::AMPLE).collect();
        let largest = all.into_iter().max_by_key(|(_, size)| *size).unwrap_or((GOODS_PREGAO, 0));
        ample.get(case as usize % ample.len().max(1)).copied().unwrap_or(largest)
    }
}

/// Makes one goods pregão of a large buyer an outlier, if it stays a small share of the buyer.
fn hide_outlier(buyer: &mut Buyer) {
    let x = 1.7 + 0.05 * buyer.random.unit();
    let value = values::at(GOODS_PREGAO, x);
    // Not every large buyer: one in ten.
    if value * 100 > buyer.identified_total() * 15 || !buyer.random.chance(100) {
        return;
    }
    let group = format!("outlier-hidden-{}", buyer.code);
    let found = buyer
        .contracts
        .iter_mut()
        .find(|contract| contract.free && contract.kind == Kind::Goods && contract.modality == Modality::Pregao);
    if let Some(contract) = found {
        contract.value(value);
        contract.free = false;
        contract.label(OUTLIER, Expected::Fired, group, "severity=medium");
    }
}
