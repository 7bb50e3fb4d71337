//! Quartiles and fences, to the last digit as Cardinal has them.

/// Doubles in ascending order, those that are no number last.
#[derive(Debug)]
pub(super) struct Sorted {
    values: Vec<f64>,
    nan: bool,
}

/// The quartiles of some values, and what Tukey's fences are made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quartiles {
    pub(super) q1: f64,
    pub(super) q3: f64,
}

impl Quartiles {
    /// Q1 − 1.5 IQR, rounded once.
    pub(super) fn lower_fence(self) -> f64 {
        (self.q3 - self.q1).mul_add(-1.5, self.q1)
    }

    /// Q3 + 1.5 IQR, rounded once.
    pub(super) fn upper_fence(self) -> f64 {
        (self.q3 - self.q1).mul_add(1.5, self.q3)
    }
}

impl Sorted {
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        // A ratio over an amount of zero may be no number; its sign says nothing then.
        values.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())));
        let nan = values.last().is_some_and(|value| value.is_nan());
        Self { values, nan }
    }

    /// The quantile of type 8 of Hyndman and Fan (1996), median-unbiased; NaN of nothing, and where it is the
    /// smallest or the largest of values among which one is NaN.
    pub(super) fn quantile(&self, share: f64) -> f64 {
        let Some((first, last)) = self.values.first().zip(self.values.last()) else { return f64::NAN };
        if !(0.0..=1.0).contains(&share) {
            return f64::NAN;
        }
        let place = (self.values.len() as f64 + 1.0 / 3.0) * share + 1.0 / 3.0;
        let below = place as usize;
        if below == 0 || share == 0.0 {
            return if self.nan { f64::NAN } else { *first };
        }
        if below >= self.values.len() || share == 1.0 {
            return if self.nan { f64::NAN } else { *last };
        }
        let (low, high) = (self.values[below - 1], self.values[below]);
        low + (place - below as f64) * (high - low)
    }

    pub(super) fn quartiles(&self) -> Quartiles {
        Quartiles { q1: self.quantile(0.25), q3: self.quantile(0.75) }
    }
}
