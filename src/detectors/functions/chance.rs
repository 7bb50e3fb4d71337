//! Chances of counts, in closed form.

/// Chance of at least `k` successes in `n` trials of chance `p`: the upper tail of the binomial
/// distribution. `None` unless `0 <= k <= n`, `n` is at most 1,000,000 and `p` lies within (0, 1).
pub fn binomial_tail(k: f64, n: f64, p: f64) -> Option<f64> {
    let whole = |x: f64| x.fract() == 0.0 && (0.0..=1e6).contains(&x);
    let judged = whole(k) && whole(n) && k <= n && p > 0.0 && p < 1.0;
    if !judged {
        return None;
    }
    // From k up, each term from the one before; the first by logarithms, so that none overflows.
    let (k, n) = (k as u64, n as u64);
    let mut log = 0.0;
    for i in 0..k {
        log += ((n - i) as f64).ln() - ((i + 1) as f64).ln();
    }
    log += k as f64 * p.ln() + (n - k) as f64 * (1.0 - p).ln();
    let odds = p / (1.0 - p);
    let mut sum = 0.0;
    for i in k..=n {
        sum += log.exp();
        log += ((n - i) as f64 / (i + 1) as f64 * odds).ln();
    }
    Some(sum.min(1.0))
}

/// Chance that a sum of squares of `df` standard normal variables is `x` or more: the upper tail of
/// the chi-squared distribution, for an even `df` (Poisson's sum). `None` otherwise or below 0.
pub fn chi_square_tail(x: f64, df: f64) -> Option<f64> {
    let judged = x >= 0.0 && (2.0..=1_000.0).contains(&df) && df % 2.0 == 0.0;
    if !judged {
        return None;
    }
    let half = x / 2.0;
    let mut log = -half;
    let mut sum = 0.0;
    for i in 0..(df as u32 / 2) {
        sum += log.exp();
        log += (half / f64::from(i + 1)).ln();
    }
    Some(sum.min(1.0))
}

/// The first digit of a number in plain notation that is not 0; `None` without one.
pub fn first_digit(number: &str) -> Option<i64> {
    number.bytes().find(|byte| (b'1'..=b'9').contains(byte)).map(|byte| i64::from(byte - b'0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tails_of_the_tables() {
        let near = |found: Option<f64>, expected: f64| {
            let found = found.unwrap();
            assert!((found - expected).abs() <= 1e-9 + 1e-6 * expected, "{found} {expected}");
        };
        near(binomial_tail(0.0, 10.0, 0.3), 1.0);
        near(binomial_tail(5.0, 5.0, 1.0 / 3.0), 1.0 / 243.0);
        near(binomial_tail(6.0, 10.0, 0.5), 386.0 / 1024.0);
        assert_eq!(binomial_tail(6.0, 5.0, 0.5), None);
        assert_eq!(binomial_tail(1.5, 5.0, 0.5), None);
        assert_eq!(binomial_tail(1.0, 5.0, 1.0), None);
        // The critical values of 8 degrees of freedom.
        for (x, p) in [(15.507_313_055_865_45, 0.05), (20.090_235_029_663_23, 0.01), (26.124_481_558_376_14, 0.001)] {
            near(chi_square_tail(x, 8.0), p);
        }
        near(chi_square_tail(0.0, 8.0), 1.0);
        assert_eq!(chi_square_tail(1.0, 7.0), None);
        assert_eq!(chi_square_tail(-1.0, 8.0), None);
    }

    #[test]
    fn digits() {
        assert_eq!(first_digit("0.0520"), Some(5));
        assert_eq!(first_digit("-1234.00"), Some(1));
        assert_eq!(first_digit("900"), Some(9));
        assert_eq!(first_digit("0.00"), None);
        assert_eq!(first_digit(""), None);
    }

    proptest! {
        #[test]
        fn the_tail_agrees_with_the_sum_of_all_outcomes(n in 0u32..14, k in 0u32..14, per_mille in 1u32..1_000) {
            prop_assume!(k <= n);
            let p = f64::from(per_mille) / 1_000.0;
            // Every sequence of successes and failures, one by one.
            let all = (0u32..1 << n).filter(|bits| bits.count_ones() >= k);
            let sum: f64 = all.map(|bits| {
                let wins = bits.count_ones() as i32;
                p.powi(wins) * (1.0 - p).powi(n as i32 - wins)
            }).sum();
            prop_assert!((binomial_tail(f64::from(k), f64::from(n), p).unwrap() - sum).abs() < 1e-9);
        }

        #[test]
        fn the_first_digit_scales_the_number_to_one(cents in 1i128..10_000_000_000_000) {
            let text = crate::model::Money::from_cents(cents).to_string();
            let mut scaled = cents;
            while scaled >= 10 {
                scaled /= 10;
            }
            prop_assert_eq!(first_digit(&text), Some(scaled as i64));
        }
    }
}
