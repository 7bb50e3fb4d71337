//! Screens: statistics of the bids of one tender that cartels tend to disturb.
//!
//! Where firms compete, each bid follows its own costs. A cartel fixes the price of the designated
//! winner and has the others bid above it for show: the bids lie closer together and the lowest
//! stands apart from the rest. Sources of the definitions: Imhof (2017), *Simple tests to detect
//! bid-rigging cartels* (CV, relative distance); Huber and Imhof (2019), *Machine learning with
//! screens for detecting bid-rigging cartels*, International Journal of Industrial Organization 65
//! (spread, skewness, kurtosis, normalised and alternative distance); Wallimann, Imhof and Huber
//! (2020), *A machine learning approach for flagging incomplete bid-rigging cartels* (Kolmogorov and
//! Smirnov); García Rodríguez et al. (2022), Automation in Construction 133, 104047 (the set of seven);
//! Hosking (1990), Journal of the Royal Statistical Society B 52 (L-moments).

/// Bids are fixed multiples of one another if their ratios agree within this share.
pub const MULTIPLE_TOLERANCE: f64 = 0.001;

/// The screens of one tender. None of them but `difference` depends on the currency; what needs more
/// bids than there are, or bids that differ, is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Screens {
    /// Number of bids.
    pub bidders: usize,
    /// Coefficient of variation: standard deviation (with n − 1) over mean. Low in a cartel (Imhof 2017).
    pub cv: f64,
    /// (highest − lowest) / lowest. Low in a cartel (Huber and Imhof 2019).
    pub spread: f64,
    /// Excess kurtosis, unbiased (G2); from four bids on. High in a cartel (Huber and Imhof 2019).
    pub kurtosis: Option<f64>,
    /// Adjusted skewness (G1); from three bids on. Negative in a cartel: the winner stands alone (Imhof 2017).
    pub skewness: Option<f64>,
    /// Second lowest − lowest bid, in the currency of the bids.
    pub difference: f64,
    /// (second lowest − lowest) / lowest. High where bids for show keep away from the winner's (Imhof 2017).
    pub relative_difference: f64,
    /// (second lowest − lowest) / standard deviation of the losing bids; from three bids on. Above 1 in a
    /// cartel (Imhof 2017).
    pub relative_distance: Option<f64>,
    /// (second lowest − lowest) / mean difference of neighbouring bids. Above 1 in a cartel (Huber and Imhof 2019).
    pub normalised_distance: Option<f64>,
    /// (second lowest − lowest) / mean difference of neighbouring losing bids; from three bids on (Huber and
    /// Imhof 2019).
    pub alternative_distance: Option<f64>,
    /// Largest distance between the distribution of the bids and the uniform one from the lowest to the
    /// highest. High in a cartel (Wallimann, Imhof and Huber 2020).
    pub ks_uniform: Option<f64>,
    /// From three bids on: each is the one below it times one and the same factor, within
    /// [`MULTIPLE_TOLERANCE`] (OCP R023).
    pub fixed_multiples: bool,
    /// Second L-moment of the logarithms of the bids: half of what two bids taken at random differ by, as a
    /// share of the price. Unlike the CV it means the same for three bids as for ten (Hosking 1990).
    pub l_scale: f64,
    /// Third L-moment over second, between −1 and 1; from three bids on, 0 if all are equal. Negative in a
    /// cartel, as skewness, but defined and without bias for few bids (Hosking 1990).
    pub l_skewness: Option<f64>,
}

/// What a screen is called, and whether high values speak for a cartel in the literature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Name, as in [`Screens`].
    pub name: &'static str,
    /// High values speak for a cartel; otherwise low ones.
    pub high: bool,
}

impl Screens {
    /// The screens, in the order of [`Screens::values`].
    pub const ALL: [Screen; 14] = [
        Screen { name: "bidders", high: false },
        Screen { name: "cv", high: false },
        Screen { name: "spread", high: false },
        Screen { name: "kurtosis", high: true },
        Screen { name: "skewness", high: false },
        Screen { name: "difference", high: true },
        Screen { name: "relative_difference", high: true },
        Screen { name: "relative_distance", high: true },
        Screen { name: "normalised_distance", high: true },
        Screen { name: "alternative_distance", high: true },
        Screen { name: "ks_uniform", high: true },
        Screen { name: "fixed_multiples", high: true },
        Screen { name: "l_scale", high: false },
        Screen { name: "l_skewness", high: false },
    ];

    /// The screens of the bids of a tender, in any order; none below two bids, or with one that is not a
    /// positive number.
    pub fn of(bids: &[f64]) -> Option<Self> {
        let n = bids.len();
        if n < 2 || !bids.iter().all(|bid| bid.is_finite() && *bid > 0.0) {
            return None;
        }
        let mut bids = bids.to_vec();
        bids.sort_unstable_by(f64::total_cmp);
        let (lowest, second, highest) = (bids[0], bids[1], bids[n - 1]);
        let (difference, spread) = (second - lowest, highest - lowest);
        // In units of the lowest bid, so that a change of currency leaves them as they are.
        let logs: Vec<f64> = bids.iter().map(|bid| (bid / lowest).ln()).collect();
        let (l_scale, third) = l_moments(&logs);
        let losers_differ = n > 2 && highest > second;
        Some(Self {
            bidders: n,
            cv: if spread > 0.0 { deviation(&bids) / mean(&bids) } else { 0.0 },
            spread: spread / lowest,
            kurtosis: kurtosis(&bids),
            skewness: skewness(&bids),
            difference,
            relative_difference: difference / lowest,
            relative_distance: losers_differ.then(|| difference / deviation(&bids[1..])),
            normalised_distance: (spread > 0.0).then(|| difference / (spread / (n - 1) as f64)),
            alternative_distance: losers_differ.then(|| difference / ((highest - second) / (n - 2) as f64)),
            ks_uniform: ks_uniform(&bids),
            fixed_multiples: fixed_multiples(&bids),
            l_scale,
            l_skewness: third.map(|third| if l_scale > 0.0 { third / l_scale } else { 0.0 }),
        })
    }

    /// The values, in the order of [`Screens::ALL`].
    pub fn values(&self) -> [Option<f64>; 14] {
        [
            Some(self.bidders as f64),
            Some(self.cv),
            Some(self.spread),
            self.kurtosis,
            self.skewness,
            Some(self.difference),
            Some(self.relative_difference),
            self.relative_distance,
            self.normalised_distance,
            self.alternative_distance,
            self.ks_uniform,
            Some(f64::from(u8::from(self.fixed_multiples))),
            Some(self.l_scale),
            self.l_skewness,
        ]
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation to the third, such that a scale that is a power of two rounds nothing.
fn deviation_cubed(values: &[f64]) -> f64 {
    let variance = central_moment(values, 2);
    variance * variance.sqrt()
}

/// Mean of the `power`-th powers of the distances to the mean.
fn central_moment(values: &[f64], power: i32) -> f64 {
    let centre = mean(values);
    values.iter().map(|value| (value - centre).powi(power)).sum::<f64>() / values.len() as f64
}

/// Standard deviation with n − 1.
fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    (central_moment(values, 2) * n / (n - 1.0)).sqrt()
}

fn all_equal(sorted: &[f64]) -> bool {
    sorted.first() == sorted.last()
}

fn skewness(sorted: &[f64]) -> Option<f64> {
    let n = sorted.len() as f64;
    if sorted.len() < 3 || all_equal(sorted) {
        return None;
    }
    let biased = central_moment(sorted, 3) / deviation_cubed(sorted);
    Some((n * (n - 1.0)).sqrt() / (n - 2.0) * biased)
}

fn kurtosis(sorted: &[f64]) -> Option<f64> {
    let n = sorted.len() as f64;
    if sorted.len() < 4 || all_equal(sorted) {
        return None;
    }
    let biased = central_moment(sorted, 4) / central_moment(sorted, 2).powi(2) - 3.0;
    Some((n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * biased + 6.0))
}

fn ks_uniform(sorted: &[f64]) -> Option<f64> {
    let (lowest, n) = (sorted[0], sorted.len() as f64);
    let spread = sorted[sorted.len() - 1] - lowest;
    if spread <= 0.0 {
        return None;
    }
    let distances = sorted.iter().enumerate().map(|(place, bid)| {
        let (x, place) = ((bid - lowest) / spread, place as f64);
        f64::max((place + 1.0) / n - x, x - place / n)
    });
    Some(distances.fold(0.0, f64::max))
}

fn fixed_multiples(sorted: &[f64]) -> bool {
    if sorted.len() < 3 {
        return false;
    }
    let ratios = || sorted.windows(2).map(|pair| pair[1] / pair[0]);
    let (least, most) = (ratios().fold(f64::INFINITY, f64::min), ratios().fold(0.0, f64::max));
    least > 1.0 + MULTIPLE_TOLERANCE && most / least <= 1.0 + MULTIPLE_TOLERANCE
}

/// The second and, from three values on, the third sample L-moment of two or more sorted values.
fn l_moments(sorted: &[f64]) -> (f64, Option<f64>) {
    let n = sorted.len() as f64;
    let (mut b0, mut b1, mut b2) = (0.0, 0.0, 0.0);
    for (place, value) in sorted.iter().enumerate() {
        let place = place as f64;
        b0 += value / n;
        b1 += place / (n - 1.0) * value / n;
        b2 += place * (place - 1.0) / ((n - 1.0) * (n - 2.0).max(1.0)) * value / n;
    }
    (2.0 * b1 - b0, (sorted.len() > 2).then_some(6.0 * b2 - 6.0 * b1 + b0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(found: impl Into<Option<f64>>, wanted: f64) {
        let found = found.into().unwrap();
        assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}");
    }

    #[test]
    fn by_hand() {
        // Mean 130, deviations −30, −10, 0, 40: squares 900, 100, 0, 1600.
        let one = Screens::of(&[120.0, 100.0, 170.0, 130.0]).unwrap();
        assert_eq!(one.bidders, 4);
        near(one.cv, (2600.0_f64 / 3.0).sqrt() / 130.0);
        near(one.spread, 0.7);
        near(one.difference, 20.0);
        near(one.relative_difference, 0.2);
        // Losing bids 120, 130, 170: mean 140, squares 400, 100, 900.
        near(one.relative_distance, 20.0 / (1400.0_f64 / 2.0).sqrt());
        // Mean gap 70/3; mean gap of the losing bids 25.
        near(one.normalised_distance, 60.0 / 70.0);
        near(one.alternative_distance, 0.8);
        // m2 = 650, m3 = (−27000 − 1000 + 64000)/4 = 9000, m4 = (810000 + 10000 + 2560000)/4 = 845000.
        near(one.skewness, 12.0_f64.sqrt() / 2.0 * 9000.0 / 650.0_f64.powf(1.5));
        near(one.kurtosis, 3.0 / 2.0 * (5.0 * (845_000.0 / 422_500.0 - 3.0) + 6.0));
        // Places 0, 2/7, 3/7, 1: the third bid is at 3/7 and three of four bids lie up to it.
        near(one.ks_uniform, 0.75 - 3.0 / 7.0);
        assert!(!one.fixed_multiples);
    }

    #[test]
    fn l_moments_by_hand() {
        // Logarithms 0, 1, 3: the pairs differ by 1, 3, 2; half of their mean is 1.
        // Third: (3 − 2 · 1 + 0) / 3 = 1/3.
        let e = std::f64::consts::E;
        let one = Screens::of(&[1.0, e, e.powi(3)]).unwrap();
        near(one.l_scale, 1.0);
        near(one.l_skewness, 1.0 / 3.0);
        let two = Screens::of(&[1.0, e]).unwrap();
        near(two.l_scale, 0.5);
        assert_eq!(two.l_skewness, None);
    }

    #[test]
    fn a_winner_that_stands_alone_has_negative_skewness() {
        let one = Screens::of(&[100.0, 110.0, 111.0, 112.0]).unwrap();
        assert!(one.skewness.unwrap() < 0.0 && one.l_skewness.unwrap() < 0.0);
        assert!(one.relative_distance.unwrap() > 1.0 && one.normalised_distance.unwrap() > 1.0);
    }

    #[test]
    fn few_bids_and_equal_bids() {
        assert_eq!(Screens::of(&[]), None);
        assert_eq!(Screens::of(&[1.0]), None);
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Screens::of(&[1.0, 2.0, wrong]), None);
        }
        let two = Screens::of(&[100.0, 110.0]).unwrap();
        assert_eq!(
            (two.skewness, two.kurtosis, two.relative_distance, two.alternative_distance),
            (None, None, None, None)
        );
        near(two.normalised_distance, 1.0);
        near(two.ks_uniform, 0.5);
        let three = Screens::of(&[100.0, 110.0, 120.0]).unwrap();
        assert!(three.skewness.is_some() && three.kurtosis.is_none());
        // 0.1 three times does not add up to 0.3: equal bids must not differ by rounding.
        let equal = Screens::of(&[0.1; 7]).unwrap();
        assert_eq!((equal.cv, equal.l_scale, equal.l_skewness), (0.0, 0.0, Some(0.0)));
        assert_eq!(
            (equal.skewness, equal.kurtosis, equal.ks_uniform, equal.normalised_distance),
            (None, None, None, None)
        );
        let tied_losers = Screens::of(&[90.0, 100.0, 100.0]).unwrap();
        assert_eq!((tied_losers.relative_distance, tied_losers.alternative_distance), (None, None));
    }

    #[test]
    fn multiples() {
        let multiples = |bids: &[f64]| Screens::of(bids).unwrap().fixed_multiples;
        assert!(multiples(&[100.0, 105.0, 110.25]));
        // The second factor is 1.05 · (1 + t): within a thousandth, and just beyond it.
        assert!(multiples(&[100.0, 105.0, 105.0 * 1.05 * 1.0009]));
        assert!(!multiples(&[100.0, 105.0, 105.0 * 1.05 * 1.0011]));
        assert!(!multiples(&[100.0, 105.0]), "two bids always have one ratio");
        assert!(!multiples(&[100.0, 100.0, 100.0]), "equal bids are another flag");
        assert!(!multiples(&[100.0, 105.0, 110.0]));
    }

    fn close(a: &Screens, b: &Screens, unit: f64) -> bool {
        a.values().iter().zip(b.values()).zip(Screens::ALL).all(|((a, b), screen)| match (a, b) {
            // At the edge of the tolerance rounding may decide.
            _ if screen.name == "fixed_multiples" => true,
            (Some(a), Some(b)) => {
                let a = if screen.name == "difference" { a * unit } else { *a };
                (a - b).abs() <= 1e-6 * (1.0 + a.abs())
            }
            (a, b) => a.is_none() && b.is_none(),
        })
    }

    proptest! {
        #[test]
        fn the_currency_does_not_matter(
            bids in prop::collection::vec(1_000_u32..100_000_000, 2..20),
            unit in 0.01_f64..1_000.0,
            doublings in -20_i32..20,
        ) {
            let bids: Vec<f64> = bids.into_iter().map(f64::from).collect();
            let scaled = |unit: f64| Screens::of(&bids.iter().map(|bid| bid * unit).collect::<Vec<_>>()).unwrap();
            let here = Screens::of(&bids).unwrap();
            prop_assume!(here.spread > 1e-4);
            prop_assert!(close(&here, &scaled(unit), unit));
            // A power of two rounds nothing, so nothing may change.
            let doubled = scaled(2_f64.powi(doublings));
            let restored = Screens { difference: here.difference, ..doubled };
            prop_assert_eq!(here, restored);
        }

        #[test]
        fn the_order_does_not_matter(
            (bids, shuffled) in prop::collection::vec(1_u32..1_000_000, 2..20)
                .prop_flat_map(|bids| (Just(bids.clone()), Just(bids).prop_shuffle())),
        ) {
            let of = |bids: Vec<u32>| Screens::of(&bids.into_iter().map(f64::from).collect::<Vec<_>>());
            prop_assert_eq!(of(bids), of(shuffled));
        }

        #[test]
        fn within_their_bounds(bids in prop::collection::vec(1_u32..1_000_000, 2..20)) {
            let one = Screens::of(&bids.into_iter().map(f64::from).collect::<Vec<_>>()).unwrap();
            prop_assert!(one.cv >= 0.0 && one.l_scale >= -1e-12 && one.spread >= 0.0);
            prop_assert!(one.l_skewness.is_none_or(|value| value.abs() <= 1.0 + 1e-6));
            prop_assert!(one.ks_uniform.is_none_or(|value| (0.0..=1.0).contains(&value)));
        }

        #[test]
        fn l_moments_are_means_over_pairs_and_triples(values in prop::collection::vec(0.0_f64..3.0, 3..10)) {
            let mut sorted = values;
            sorted.sort_unstable_by(f64::total_cmp);
            let (mut pairs, mut triples, mut pair_count, mut triple_count) = (0.0, 0.0, 0.0, 0.0);
            for i in 0..sorted.len() {
                for j in i + 1..sorted.len() {
                    (pairs, pair_count) = (pairs + (sorted[j] - sorted[i]) / 2.0, pair_count + 1.0);
                    for k in j + 1..sorted.len() {
                        let third = (sorted[k] - 2.0 * sorted[j] + sorted[i]) / 3.0;
                        (triples, triple_count) = (triples + third, triple_count + 1.0);
                    }
                }
            }
            let (second, third) = l_moments(&sorted);
            prop_assert!((second - pairs / pair_count).abs() < 1e-9);
            prop_assert!((third.unwrap() - triples / triple_count).abs() < 1e-9);
        }
    }
}
