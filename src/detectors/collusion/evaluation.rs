//! How well the score tells tenders with a cartel from others, beside a single screen.

use serde::Serialize;

use super::labelled::LabelledSet;
use super::model::Fold;
use super::{Model, Screens};
use crate::model::Random;

/// Seed of the resamples.
const SEED: u64 = 2022;
/// Resamples of a bootstrap.
const RESAMPLES: usize = 1_000;

/// A figure with its 95 % interval by bootstrap of tenders.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// The area under the ROC curve of one screen alone, in the direction that the literature gives it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ScreenAuc {
    /// Name of the screen.
    pub screen: &'static str,
    /// `high` or `low` values speak for a cartel.
    pub direction: &'static str,
    /// The area; tenders for which the screen is not defined are left out.
    pub auc: f64,
    /// Tenders for which it is defined.
    pub tenders: usize,
}

/// What was found on one set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetResult {
    /// Name of the set.
    pub set: String,
    /// Tenders with enough bids.
    pub tenders: usize,
    /// Of these, with a member of the cartel.
    pub collusive: usize,
    /// Tenders with too few bids, left out.
    pub too_few_bids: usize,
    /// Rows without a bid, left out.
    pub skipped_rows: usize,
    /// The model was trained on this set: the figures are those of the model of the other sets.
    pub held_out: bool,
    /// Area under the ROC curve of a low coefficient of variation; none if all tenders have one label.
    pub baseline: Option<f64>,
    /// Area under the ROC curve of the score.
    pub model: Option<Figure>,
    /// Score less baseline, on the same resamples.
    pub difference: Option<Figure>,
    /// The deployed model on a set that it was trained on: to be read as an upper bound.
    pub in_sample: Option<f64>,
    /// Each screen alone.
    pub screens: Vec<ScreenAuc>,
}

/// The score of one tender beside its label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoredTender {
    /// Its number in the set.
    pub tender: String,
    /// One of its bidders is a member of the cartel.
    pub collusive: bool,
    /// Number of bids.
    pub bids: usize,
    /// Coefficient of variation.
    pub cv: f64,
    /// Second L-moment of the logarithms of the bids.
    pub l_scale: f64,
    /// Their L-skewness.
    pub l_skewness: Option<f64>,
    /// The score, by the model of the other sets if the model was trained on this one.
    pub score: f64,
}

/// Area under the ROC curve of scores by label (Mann and Whitney; ties count half); none if all labels are equal
/// or a score is not a number.
pub fn auc(scores: &[(f64, bool)]) -> Option<f64> {
    Ranked::new(scores)?.auc(&vec![1; scores.len()])
}

/// Scores in order, so that each resample needs no sorting.
struct Ranked {
    /// (place of the tender, label), by score.
    order: Vec<(usize, bool)>,
    /// Ends of the runs of equal scores.
    ends: Vec<usize>,
}

impl Ranked {
    fn new(scores: &[(f64, bool)]) -> Option<Self> {
        if scores.iter().any(|(score, _)| score.is_nan()) {
            return None;
        }
        let mut places: Vec<usize> = (0..scores.len()).collect();
        places.sort_by(|a, b| scores[*a].0.total_cmp(&scores[*b].0));
        let ends = (1..=places.len())
            .filter(|end| *end == places.len() || scores[places[*end]].0 != scores[places[end - 1]].0)
            .collect();
        Some(Self { order: places.into_iter().map(|place| (place, scores[place].1)).collect(), ends })
    }

    /// The area if tender `i` is there `weights[i]` times.
    fn auc(&self, weights: &[u64]) -> Option<f64> {
        let (mut below, mut positive, mut twice) = (0, 0, 0);
        let mut start = 0;
        for end in &self.ends {
            let (mut cartels, mut others) = (0, 0);
            for (place, collusive) in &self.order[start..*end] {
                *(if *collusive { &mut cartels } else { &mut others }) += weights[*place];
            }
            twice += cartels * (2 * below + others);
            (below, positive, start) = (below + others, positive + cartels, *end);
        }
        (below > 0 && positive > 0).then(|| twice as f64 / (2 * below * positive) as f64)
    }
}

/// The tenders of a set that have enough bids.
fn judge(model: &Model, set: &LabelledSet) -> Vec<Judged> {
    let fold = fold(model, set);
    let tenders = set.tenders.iter().filter_map(|tender| {
        let screens = Screens::of(&tender.bids)?;
        let deployed = model.score(&screens)?.score;
        let held_out = match fold {
            Some(fold) => model.score_with(&fold.coefficients, &screens)?.score,
            None => deployed,
        };
        Some(Judged { id: tender.id.clone(), collusive: tender.collusive, screens, deployed, held_out })
    });
    tenders.collect()
}

/// The model without the set, if the set is one of those that it was trained on.
fn fold<'a>(model: &'a Model, set: &LabelledSet) -> Option<&'a Fold> {
    model.leave_one_out.iter().find(|fold| fold.sha256 == set.sha256)
}

struct Judged {
    id: String,
    collusive: bool,
    screens: Screens,
    deployed: f64,
    held_out: f64,
}

/// Measures the model on a set.
pub fn evaluate(model: &Model, set: &LabelledSet) -> SetResult {
    let judged = judge(model, set);
    let scores = |of: &dyn Fn(&Judged) -> f64| -> Vec<(f64, bool)> {
        judged.iter().map(|one| (of(one), one.collusive)).collect()
    };
    let low_cv = scores(&|one| -one.screens.cv);
    let (figure, difference) = figures(&scores(&|one| one.held_out), &low_cv).unzip();
    let held_out = fold(model, set).is_some();
    SetResult {
        set: set.name.clone(),
        tenders: judged.len(),
        collusive: judged.iter().filter(|one| one.collusive).count(),
        too_few_bids: set.tenders.len() - judged.len(),
        skipped_rows: set.skipped,
        held_out,
        baseline: auc(&low_cv),
        model: figure,
        difference,
        in_sample: held_out.then(|| auc(&scores(&|one| one.deployed))).flatten(),
        screens: single(&judged),
    }
}

/// The score of each tender with enough bids.
pub fn scored(model: &Model, set: &LabelledSet) -> Vec<ScoredTender> {
    let tender = |one: Judged| ScoredTender {
        tender: one.id,
        collusive: one.collusive,
        bids: one.screens.bidders,
        cv: one.screens.cv,
        l_scale: one.screens.l_scale,
        l_skewness: one.screens.l_skewness,
        score: one.held_out,
    };
    judge(model, set).into_iter().map(tender).collect()
}

fn single(judged: &[Judged]) -> Vec<ScreenAuc> {
    let values: Vec<([Option<f64>; 14], bool)> =
        judged.iter().map(|one| (one.screens.values(), one.collusive)).collect();
    let measured = Screens::ALL.iter().enumerate().filter_map(|(place, screen)| {
        let sign = if screen.high { 1.0 } else { -1.0 };
        let defined: Vec<(f64, bool)> =
            values.iter().filter_map(|(values, label)| Some((sign * values[place]?, *label))).collect();
        let direction = if screen.high { "high" } else { "low" };
        Some(ScreenAuc { screen: screen.name, direction, auc: auc(&defined)?, tenders: defined.len() })
    });
    measured.collect()
}

/// The area of the scores, and what it is above that of the baseline.
fn figures(scores: &[(f64, bool)], baseline: &[(f64, bool)]) -> Option<(Figure, Figure)> {
    let (scores, baseline) = (Ranked::new(scores)?, Ranked::new(baseline)?);
    let n = scores.order.len();
    let once = vec![1; n];
    let (value, base) = (scores.auc(&once)?, baseline.auc(&once)?);
    let mut random = Random::new(SEED, n as u64);
    let (mut areas, mut differences) = (Vec::new(), Vec::new());
    for _ in 0..RESAMPLES {
        let mut weights = vec![0; n];
        (0..n).for_each(|_| weights[random.below(n as u64) as usize] += 1);
        // A resample may hold one label only; it says nothing.
        if let (Some(area), Some(base)) = (scores.auc(&weights), baseline.auc(&weights)) {
            areas.push(area);
            differences.push(area - base);
        }
    }
    Some((interval(value, areas), interval(value - base, differences)))
}

fn interval(value: f64, mut resamples: Vec<f64>) -> Figure {
    resamples.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * resamples.len() as f64) as usize;
        resamples.get(place.min(resamples.len().saturating_sub(1))).copied().unwrap_or(value)
    };
    Figure { value, low: at(0.025), high: at(0.975) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::labelled::Tender;
    use super::*;

    #[test]
    fn areas_by_hand() {
        assert_eq!(auc(&[(0.1, false), (0.2, true)]), Some(1.0));
        assert_eq!(auc(&[(0.2, false), (0.1, true)]), Some(0.0));
        assert_eq!(auc(&[(0.2, false), (0.2, true)]), Some(0.5));
        // Of four pairs two are right, one is a tie.
        assert_eq!(auc(&[(1.0, false), (3.0, false), (2.0, true), (3.0, true)]), Some(2.5 / 4.0));
        assert_eq!(auc(&[(1.0, true), (2.0, true)]), None);
        assert_eq!(auc(&[(f64::NAN, true), (2.0, false)]), None);
        assert_eq!(auc(&[]), None);
    }

    fn set(tenders: &[(&[f64], bool)]) -> LabelledSet {
        let tender = |(place, (bids, collusive)): (usize, &(&[f64], bool))| Tender {
            id: place.to_string(),
            collusive: *collusive,
            bids: bids.to_vec(),
        };
        let tenders = tenders.iter().enumerate().map(tender).collect();
        LabelledSet { name: "made up".to_owned(), sha256: String::new(), tenders, skipped: 3 }
    }

    #[test]
    fn a_set_that_the_model_has_not_seen() {
        let close: &[f64] = &[100.0, 103.0, 103.5, 104.0];
        let wide: &[f64] = &[100.0, 103.0, 140.0, 190.0];
        let result = evaluate(Model::builtin().unwrap(), &set(&[(close, true), (wide, false), (&[1.0, 2.0], true)]));
        assert_eq!((result.tenders, result.collusive, result.too_few_bids, result.skipped_rows), (2, 1, 1, 3));
        assert!(!result.held_out && result.in_sample.is_none());
        assert_eq!((result.baseline, result.model.map(|figure| figure.value)), (Some(1.0), Some(1.0)));
        assert!(result.screens.iter().any(|one| one.screen == "skewness" && one.auc == 1.0));
        let scored = scored(Model::builtin().unwrap(), &set(&[(close, true), (wide, false), (&[1.0, 2.0], true)]));
        let ids: Vec<(&str, usize)> = scored.iter().map(|one| (one.tender.as_str(), one.bids)).collect();
        assert_eq!(ids, [("0", 4), ("1", 4)]);
        assert!(scored[0].score > 0.5 && scored[1].score < 0.5, "{scored:?}");
    }

    #[test]
    fn one_label_has_no_area() {
        let result = evaluate(Model::builtin().unwrap(), &set(&[(&[1.0, 2.0, 3.0], true)]));
        assert_eq!((result.baseline, result.model, result.difference), (None, None, None));
        assert_eq!((result.tenders, result.screens.len()), (1, 0));
    }

    proptest! {
        #[test]
        fn areas_are_shares_of_pairs(
            scores in prop::collection::vec((0_u8..6, any::<bool>(), 0_u64..4), 1..30),
        ) {
            let drawn: Vec<(f64, bool)> = scores.iter().map(|(score, label, _)| (f64::from(*score), *label)).collect();
            let weights: Vec<u64> = scores.iter().map(|(_, _, weight)| *weight).collect();
            let (mut twice, mut pairs) = (0, 0);
            for (a, a_weight) in drawn.iter().zip(&weights).filter(|((_, label), _)| *label) {
                for (b, b_weight) in drawn.iter().zip(&weights).filter(|((_, label), _)| !*label) {
                    let won = if a.0 > b.0 { 2 } else { u64::from(a.0 == b.0) };
                    twice += won * a_weight * b_weight;
                    pairs += a_weight * b_weight;
                }
            }
            let wanted = (pairs > 0).then(|| twice as f64 / (2 * pairs) as f64);
            prop_assert_eq!(Ranked::new(&drawn).unwrap().auc(&weights), wanted);
        }
    }
}
