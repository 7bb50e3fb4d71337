//! One calibrated score of the bids of a tender.
//!
//! A logistic model of two features, both without unit and of one direction: how close the bids are
//! (L-scale of their logarithms) and how far the lowest stands apart (L-skewness), each mixed with
//! [`Model::prior_strength`] virtual bids of a competitive tender, so that few bids are little evidence.
//! `tools/collusion/train.py` makes the coefficients; `docs/collusion.md` explains and measures them.

use std::sync::LazyLock;

use serde::Deserialize;

use super::{CollusionError, Screens};

/// The coefficients of a score.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Coefficients {
    /// Mean logarithm of the L-scale of competitive tenders.
    pub centre: f64,
    /// Intercept, in logits.
    pub intercept: f64,
    /// Logits for each unit of closeness; never negative.
    pub dispersion: f64,
    /// Logits for each unit of asymmetry; never negative.
    pub asymmetry: f64,
}

/// One bin of the held-out scores against what they should say.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Reliability {
    /// Lowest score of the bin, inclusive.
    pub from: f64,
    /// Highest score of the bin, exclusive.
    pub to: f64,
    /// Tenders in it.
    pub tenders: usize,
    /// Their mean score.
    pub said: f64,
    /// Share of cartels among them, both classes and all sets weighing the same.
    pub seen: f64,
}

/// What the model is on one of its training sets, if it is trained on the others only.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Fold {
    /// Name of the set that was held out.
    pub set: String,
    /// SHA-256 of its file, in hexadecimal.
    pub sha256: String,
    /// Tenders with enough bids.
    pub tenders: usize,
    /// Of these, with a member of the cartel.
    pub collusive: usize,
    /// Area under the ROC curve of a low coefficient of variation.
    pub baseline_auc: f64,
    /// Area under the ROC curve of the score.
    pub auc: f64,
    /// The coefficients.
    #[serde(flatten)]
    pub coefficients: Coefficients,
}

/// The model, as trained.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Model {
    /// Changes whenever a score may.
    pub version: String,
    /// Added to the L-scale before its logarithm: below a tenth of a per cent all tenders look alike.
    pub floor: f64,
    /// Virtual bids that each tender is mixed with.
    pub prior_strength: f64,
    /// Fewest bids that are judged.
    pub least_bids: usize,
    /// The coefficients of the score, calibrated on tenders of countries that were held out.
    #[serde(flatten)]
    pub coefficients: Coefficients,
    /// The calibration, bin by bin.
    pub reliability: Vec<Reliability>,
    /// The model without each of its training sets.
    pub leave_one_out: Vec<Fold>,
}

/// The score of one tender and what it is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Probability that a cartel took part, if half of all tenders had one; see [`Score::with_base_rate`].
    pub score: f64,
    /// Logits that come from how close the bids are.
    pub dispersion: f64,
    /// Logits that come from how far the lowest bid stands apart.
    pub asymmetry: f64,
}

static BUILTIN: LazyLock<Result<Model, String>> =
    LazyLock::new(|| serde_json::from_str(include_str!("model.json")).map_err(|error| error.to_string()));

impl Model {
    /// The model of this version.
    ///
    /// # Errors
    /// [`CollusionError::Model`] if the embedded file is malformed.
    pub fn builtin() -> Result<&'static Self, CollusionError> {
        BUILTIN.as_ref().map_err(|message| CollusionError::Model(message.clone()))
    }

    /// The score of a tender; none with fewer bids than [`Model::least_bids`].
    pub fn score(&self, screens: &Screens) -> Option<Score> {
        self.score_with(&self.coefficients, screens)
    }

    /// The score by other coefficients, as those of a [`Fold`].
    pub fn score_with(&self, coefficients: &Coefficients, screens: &Screens) -> Option<Score> {
        if screens.bidders < self.least_bids {
            return None;
        }
        let degrees = (screens.bidders - 1) as f64;
        let trust = degrees / (degrees + self.prior_strength);
        let dispersion = coefficients.dispersion * trust * (coefficients.centre - (screens.l_scale + self.floor).ln());
        let asymmetry = -coefficients.asymmetry * trust * screens.l_skewness?;
        let score = logistic(coefficients.intercept + dispersion + asymmetry);
        Some(Score { score, dispersion, asymmetry })
    }
}

impl Score {
    /// The probability if `base_rate` (in 0..1) of all tenders had a cartel, by Bayes' rule.
    pub fn with_base_rate(&self, base_rate: f64) -> f64 {
        let odds = self.score / (1.0 - self.score) * base_rate / (1.0 - base_rate);
        odds / (1.0 + odds)
    }
}

fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn score(bids: &[f64]) -> Option<Score> {
        Model::builtin().unwrap().score(&Screens::of(bids)?)
    }

    #[test]
    fn the_embedded_model_is_whole() {
        let model = Model::builtin().unwrap();
        assert_eq!((model.least_bids, model.leave_one_out.len()), (3, 4));
        let folds = model.leave_one_out.iter().map(|fold| fold.coefficients);
        for one in folds.chain([model.coefficients]) {
            assert!(one.dispersion > 0.0 && one.asymmetry >= 0.0, "a coefficient has the wrong sign: {one:?}");
        }
        for fold in &model.leave_one_out {
            assert!(fold.auc > fold.baseline_auc, "{} is no better than a low CV", fold.set);
        }
    }

    #[test]
    fn by_hand() {
        let mut model = Model::builtin().unwrap().clone();
        (model.floor, model.prior_strength) = (0.0, 2.0);
        let coefficients = Coefficients { centre: 0.5, intercept: 0.25, dispersion: 2.0, asymmetry: 3.0 };
        // Logarithms 0, 1, 3: L-scale 1, L-skewness 1/3; two degrees of two plus two are a half.
        let e = std::f64::consts::E;
        let score = model.score_with(&coefficients, &Screens::of(&[1.0, e, e.powi(3)]).unwrap()).unwrap();
        assert!((score.dispersion - 2.0 * 0.5 * 0.5).abs() < 1e-12);
        assert!((score.asymmetry + 3.0 * 0.5 / 3.0).abs() < 1e-12);
        assert!((score.score - 1.0 / (1.0 + (-0.25_f64).exp())).abs() < 1e-12);
    }

    #[test]
    fn too_few_bids_have_no_score() {
        assert_eq!(score(&[100.0, 101.0]), None);
        assert!(score(&[100.0, 101.0, 102.0]).is_some());
    }

    #[test]
    fn equal_bids_have_one() {
        let score = score(&[100.0; 5]).unwrap();
        assert!(score.score.is_finite() && score.score > 0.5, "{score:?}");
    }

    #[test]
    fn more_bids_are_more_evidence() {
        let close = |n: usize| score(&(0..n).map(|i| 100.0 + i as f64 / n as f64).collect::<Vec<_>>()).unwrap().score;
        assert!(close(3) < close(6) && close(6) < close(12));
    }

    #[test]
    fn base_rates() {
        let one = Score { score: 0.5, dispersion: 0.0, asymmetry: 0.0 };
        assert!((one.with_base_rate(0.05) - 0.05).abs() < 1e-12);
        let one = Score { score: 0.75, ..one };
        assert!((one.with_base_rate(0.5) - 0.75).abs() < 1e-12);
        // Odds 3 times 1/9.
        assert!((one.with_base_rate(0.1) - 0.25).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn closer_bids_score_higher(bids in prop::collection::vec(1.0_f64..2.0, 3..15), shrink in 0.1_f64..0.9) {
            // Powers of the bids shrink all logarithms alike: closer together, and of the same form.
            let closer: Vec<f64> = bids.iter().map(|bid| bid.powf(shrink)).collect();
            let (wide, close) = (score(&bids).unwrap(), score(&closer).unwrap());
            prop_assert!(close.score > wide.score);
            prop_assert!((close.asymmetry - wide.asymmetry).abs() < 1e-6);
        }

        #[test]
        fn the_currency_and_the_order_do_not_matter(
            (bids, shuffled) in prop::collection::vec(1.0_f64..9.0, 3..15)
                .prop_flat_map(|bids| (Just(bids.clone()), Just(bids).prop_shuffle())),
            unit in 0.01_f64..100.0,
        ) {
            let scaled: Vec<f64> = shuffled.iter().map(|bid| bid * unit).collect();
            prop_assert!((score(&bids).unwrap().score - score(&scaled).unwrap().score).abs() < 1e-9);
        }
    }
}
