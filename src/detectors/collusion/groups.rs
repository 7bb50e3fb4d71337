//! Tests over several tenders of one market: who meets whom, and who wins.
//!
//! Each has a probability by permutation: how often chance alone would do as much. Chance means that the
//! bidders of a process are exchangeable (Bajari and Ye 2003, *Deciding between competition and collusion*,
//! Review of Economics and Statistics 85). That cartels share contracts out in turns, and send the same firms to
//! lose, is from Porter and Zona (1993), *Detection of bid rigging in procurement auctions*, Journal of
//! Political Economy 101; OCP R053 and R057. The seed is fixed: the same data give the same answer.

use std::collections::BTreeMap;

use super::screens::MULTIPLE_TOLERANCE;
use crate::model::Random;

/// Seed of all permutations.
const SEED: u64 = 1993;
/// Draws of a permutation test; the least probability it can tell is one in a draw more.
pub const DRAWS: u32 = 9_999;

/// One process: who bid, and who won.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    /// The bidders, each once; those outside the market's group as well.
    pub bidders: Vec<u32>,
    /// Which of the bidders won; none if nobody did, or it is not known.
    pub winner: Option<u32>,
}

/// What makes a pair of firms worth a look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairRule {
    /// Fewest processes with a known winner in which both bid.
    pub least_common: u32,
    /// Least share of these that the one has to win; the other wins none.
    pub least_share: f64,
}

impl Default for PairRule {
    /// Five processes, nine of ten won.
    fn default() -> Self {
        Self { least_common: 5, least_share: 0.9 }
    }
}

/// Two firms that keep meeting: one wins, the other never does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The firm that wins.
    pub winner: u32,
    /// The firm that never does.
    pub companion: u32,
    /// Processes with a known winner in which both bid.
    pub common: u32,
    /// Of these, won by the winner.
    pub wins: u32,
    /// Probability of as many wins, and of none by the companion, if each bidder of a process were as likely
    /// to win it.
    pub probability: f64,
}

/// The pairs to which the rule applies, by winner and companion.
pub fn co_bidding(processes: &[Process], rule: PairRule) -> Vec<Pair> {
    let mut common: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
    for (place, process) in processes.iter().enumerate() {
        if process.winner.is_none() {
            continue;
        }
        let mut bidders = process.bidders.clone();
        bidders.sort_unstable();
        bidders.dedup();
        for (at, first) in bidders.iter().enumerate() {
            for second in &bidders[at + 1..] {
                common.entry((*first, *second)).or_default().push(place);
            }
        }
    }
    let mut pairs = Vec::new();
    for ((first, second), places) in common {
        if (places.len() as u64) < u64::from(rule.least_common.max(1)) {
            continue;
        }
        let wins = |firm: u32| places.iter().filter(|place| processes[**place].winner == Some(firm)).count();
        for (winner, companion) in [(first, second), (second, first)] {
            let won = wins(winner);
            if wins(companion) > 0 || (won as f64) < rule.least_share * places.len() as f64 || won == 0 {
                continue;
            }
            let sizes: Vec<u64> = places.iter().map(|place| distinct(&processes[*place].bidders)).collect();
            let probability = pair_probability(&sizes, won);
            pairs.push(Pair { winner, companion, common: places.len() as u32, wins: won as u32, probability });
        }
    }
    pairs.sort_unstable_by_key(|pair| (pair.winner, pair.companion));
    pairs
}

/// Probability that one given bidder wins at least `wins` of processes with these numbers of bidders, and a second
/// given one none, if each bidder of a process is as likely to win it. Numbers below two count as two.
pub fn pair_probability(bidders: &[u64], wins: usize) -> f64 {
    permutation(bidders.len() as u64, |random| {
        let mut won = 0;
        for count in bidders {
            match random.below((*count).max(2)) {
                0 => won += 1,
                1 => return false,
                _ => {}
            }
        }
        won >= wins
    })
}

fn distinct(bidders: &[u32]) -> u64 {
    let mut bidders = bidders.to_vec();
    bidders.sort_unstable();
    bidders.dedup();
    bidders.len() as u64
}

/// What makes a sequence of wins a rotation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RotationRule {
    /// Fewest firms that win.
    pub least_firms: usize,
    /// Fewest wins.
    pub least_wins: usize,
    /// Least entropy of the wins, as a share of what it is if all firms win alike.
    pub least_entropy: f64,
    /// Probability below which so few wins in a row are no chance.
    pub significance: f64,
}

impl Default for RotationRule {
    /// Three firms, six wins, nine tenths of the entropy, one per cent.
    fn default() -> Self {
        Self { least_firms: 3, least_wins: 6, least_entropy: 0.9, significance: 0.01 }
    }
}

/// How evenly a group of firms wins, and how seldom one wins twice running.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rotation {
    /// Firms that won.
    pub firms: usize,
    /// Wins.
    pub wins: usize,
    /// Entropy of the wins over the logarithm of the number of firms: 1 if all win alike.
    pub entropy: f64,
    /// Wins by the firm that had won the process before.
    pub repeats: usize,
    /// Probability of no more of these if the same wins came in random order.
    pub probability: f64,
    /// The rule applies.
    pub rotates: bool,
}

/// The rotation among the winners of a group's processes, in order of time; none with fewer firms or wins than
/// the rule asks for.
pub fn rotation(winners: &[u32], rule: RotationRule) -> Option<Rotation> {
    let mut wins: BTreeMap<u32, usize> = BTreeMap::new();
    for winner in winners {
        *wins.entry(*winner).or_default() += 1;
    }
    if wins.len() < rule.least_firms.max(2) || winners.len() < rule.least_wins {
        return None;
    }
    let total = winners.len() as f64;
    let entropy = wins.values().map(|count| *count as f64 / total).map(|share| -share * share.ln()).sum::<f64>()
        / (wins.len() as f64).ln();
    let repeats = |order: &[u32]| order.windows(2).filter(|pair| pair[0] == pair[1]).count();
    let found = repeats(winners);
    let mut order = winners.to_vec();
    // The order that is shuffled must not depend on the names of the firms beyond their order.
    order.sort_unstable();
    let probability = permutation(winners.len() as u64, |random| {
        for last in (1..order.len()).rev() {
            order.swap(last, random.below(last as u64 + 1) as usize);
        }
        repeats(&order) <= found
    });
    let rotates = entropy >= rule.least_entropy && probability < rule.significance;
    Some(Rotation { firms: wins.len(), wins: winners.len(), entropy, repeats: found, probability, rotates })
}

/// Two firms whose bids keep one ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixedRatio {
    /// The firm of the lower bids.
    pub lower: u32,
    /// The firm of the higher ones.
    pub higher: u32,
    /// Processes in which both bid.
    pub common: usize,
    /// Higher bid over lower one, in the first of them.
    pub ratio: f64,
}

/// The pairs of firms whose bids, in at least `least_common` processes, have one ratio within
/// [`MULTIPLE_TOLERANCE`] and are not equal (OCP R023). A process is its (firm, amount) pairs; only the first
/// amount of a firm counts.
pub fn fixed_ratios(processes: &[Vec<(u32, f64)>], least_common: usize) -> Vec<FixedRatio> {
    let mut ratios: BTreeMap<(u32, u32), Vec<f64>> = BTreeMap::new();
    for process in processes {
        let mut bids: BTreeMap<u32, f64> = BTreeMap::new();
        for (firm, amount) in process.iter().filter(|(_, amount)| amount.is_finite() && *amount > 0.0) {
            bids.entry(*firm).or_insert(*amount);
        }
        let bids: Vec<(u32, f64)> = bids.into_iter().collect();
        for (at, (first, low)) in bids.iter().enumerate() {
            for (second, high) in &bids[at + 1..] {
                ratios.entry((*first, *second)).or_default().push(high / low);
            }
        }
    }
    let mut found = Vec::new();
    for ((first, second), ratios) in ratios {
        let (least, most) = ratios.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), one| (a.min(*one), b.max(*one)));
        let differ = least > 1.0 + MULTIPLE_TOLERANCE || most < 1.0 / (1.0 + MULTIPLE_TOLERANCE);
        if ratios.len() < least_common.max(2) || !differ || most / least > 1.0 + MULTIPLE_TOLERANCE {
            continue;
        }
        let ratio = ratios[0];
        let (lower, higher, ratio) = if ratio > 1.0 { (first, second, ratio) } else { (second, first, 1.0 / ratio) };
        found.push(FixedRatio { lower, higher, common: ratios.len(), ratio });
    }
    found
}

/// Share of draws in which chance does as much, the data counting as one of them.
fn permutation(stream: u64, mut as_much: impl FnMut(&mut Random) -> bool) -> f64 {
    let mut random = Random::new(SEED, stream);
    let hits = (0..DRAWS).filter(|_| as_much(&mut random)).count() as f64;
    (hits + 1.0) / (f64::from(DRAWS) + 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn process(bidders: &[u32], winner: u32) -> Process {
        Process { bidders: bidders.to_vec(), winner: Some(winner) }
    }

    fn times(n: usize, one: &Process) -> Vec<Process> {
        vec![one.clone(); n]
    }

    #[test]
    fn five_common_processes_are_needed() {
        assert!(co_bidding(&times(4, &process(&[1, 2, 3], 1)), PairRule::default()).is_empty());
        let found = co_bidding(&times(5, &process(&[1, 2, 3], 1)), PairRule::default());
        let pairs: Vec<(u32, u32, u32, u32)> =
            found.iter().map(|pair| (pair.winner, pair.companion, pair.common, pair.wins)).collect();
        assert_eq!(pairs, [(1, 2, 5, 5), (1, 3, 5, 5)]);
        // One in three, five times: 1/243.
        assert!(found.iter().all(|pair| (pair.probability - 1.0 / 243.0).abs() < 0.003), "{found:?}");
    }

    #[test]
    fn nine_of_ten_and_none_of_the_other() {
        let pairs = |processes: &[Process]| {
            let found = co_bidding(processes, PairRule::default());
            found.into_iter().map(|pair| (pair.winner, pair.companion)).collect::<Vec<_>>()
        };
        // Nine of ten won, one by a third firm.
        let mut processes = times(9, &process(&[1, 2, 3], 1));
        processes.push(process(&[1, 2, 3], 3));
        assert_eq!(pairs(&processes), [(1, 2)]);
        // Eight of nine are less than nine tenths.
        assert_eq!(pairs(&processes[1..]), []);
        // The companion won once.
        processes[9] = process(&[1, 2, 3], 2);
        assert_eq!(pairs(&processes), [(1, 3)]);
    }

    #[test]
    fn processes_without_a_winner_do_not_count() {
        let mut processes = times(4, &process(&[1, 2], 1));
        processes.push(Process { bidders: vec![1, 2], winner: None });
        assert!(co_bidding(&processes, PairRule::default()).is_empty());
    }

    #[test]
    fn a_bidder_that_stands_twice_counts_once() {
        let found = co_bidding(&times(5, &process(&[2, 1, 1], 1)), PairRule::default());
        assert_eq!(found.len(), 1);
        assert!((found[0].probability - 1.0 / 32.0).abs() < 0.01, "{found:?}");
    }

    #[test]
    fn a_round_robin_rotates() {
        let winners: Vec<u32> = (0..18).map(|turn| turn % 3).collect();
        let found = rotation(&winners, RotationRule::default()).unwrap();
        assert_eq!((found.firms, found.wins, found.repeats), (3, 18, 0));
        assert!((found.entropy - 1.0).abs() < 1e-12 && found.probability < 0.01 && found.rotates, "{found:?}");
    }

    #[test]
    fn few_wins_prove_nothing() {
        // 30 of the 90 orders of two wins each have no repeat.
        let found = rotation(&[1, 2, 3, 1, 2, 3], RotationRule::default()).unwrap();
        assert!((found.probability - 30.0 / 90.0).abs() < 0.02 && !found.rotates, "{found:?}");
        assert_eq!(rotation(&[1, 2, 3, 1, 2], RotationRule::default()), None, "five wins");
        assert_eq!(rotation(&[1, 2, 1, 2, 1, 2], RotationRule::default()), None, "two firms");
    }

    #[test]
    fn uneven_wins_are_no_rotation() {
        let mut winners: Vec<u32> = (0..60).map(|turn| if turn % 2 == 0 { 0 } else { 1 + (turn / 2) % 2 }).collect();
        let found = rotation(&winners, RotationRule::default()).unwrap();
        // Shares of 1/2, 1/4 and 1/4.
        let entropy = 1.5 * 2.0_f64.ln() / 3.0_f64.ln();
        assert!((found.entropy - entropy).abs() < 1e-12 && found.rotates, "{found:?}");
        winners.retain(|winner| *winner != 2);
        winners.push(2);
        let found = rotation(&winners, RotationRule::default()).unwrap();
        assert!(found.entropy < 0.9 && !found.rotates, "{found:?}");
    }

    #[test]
    fn the_same_winner_in_blocks_is_no_rotation() {
        let winners: Vec<u32> = (0..18).map(|turn| turn / 6).collect();
        let found = rotation(&winners, RotationRule::default()).unwrap();
        assert_eq!(found.repeats, 15);
        assert!(found.probability > 0.99 && !found.rotates, "{found:?}");
    }

    #[test]
    fn one_ratio_over_several_processes() {
        let processes = [
            vec![(1, 100.0), (2, 105.0), (3, 140.0)],
            vec![(1, 200.0), (2, 210.1), (3, 230.0)],
            vec![(2, 52.5), (1, 50.0), (3, 50.0)],
        ];
        let found = fixed_ratios(&processes, 3);
        assert_eq!(found, [FixedRatio { lower: 1, higher: 2, common: 3, ratio: 1.05 }]);
        assert!(fixed_ratios(&processes[..2], 3).is_empty());
        let equal = vec![vec![(1, 100.0), (2, 100.0)]; 3];
        assert!(fixed_ratios(&equal, 3).is_empty(), "equal bids are another flag");
        let falling = vec![vec![(1, 210.0), (2, 200.0)]; 3];
        assert_eq!((fixed_ratios(&falling, 3)[0].lower, fixed_ratios(&falling, 3)[0].higher), (2, 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pairs_are_those_of_a_slow_count(
            drawn in prop::collection::vec((prop::collection::btree_set(0_u32..5, 2..5), any::<prop::sample::Index>()), 0..25),
        ) {
            let processes: Vec<Process> = drawn
                .into_iter()
                .map(|(bidders, winner)| {
                    let bidders: Vec<u32> = bidders.into_iter().collect();
                    let winner = *winner.get(&bidders);
                    Process { bidders, winner: Some(winner) }
                })
                .collect();
            let mut wanted = Vec::new();
            for winner in 0..5 {
                for companion in (0..5).filter(|companion| *companion != winner) {
                    let both: Vec<&Process> = processes
                        .iter()
                        .filter(|one| one.bidders.contains(&winner) && one.bidders.contains(&companion))
                        .collect();
                    let won = both.iter().filter(|one| one.winner == Some(winner)).count();
                    let lost = both.iter().all(|one| one.winner != Some(companion));
                    if both.len() >= 5 && lost && won * 10 >= both.len() * 9 {
                        wanted.push((winner, companion));
                    }
                }
            }
            let found: Vec<(u32, u32)> = co_bidding(&processes, PairRule::default())
                .into_iter()
                .map(|pair| (pair.winner, pair.companion))
                .collect();
            prop_assert_eq!(found, wanted);
        }

        #[test]
        fn the_same_data_give_the_same_answer(winners in prop::collection::vec(0_u32..4, 6..20)) {
            let rule = RotationRule::default();
            prop_assert_eq!(rotation(&winners, rule), rotation(&winners, rule));
        }
    }
}
