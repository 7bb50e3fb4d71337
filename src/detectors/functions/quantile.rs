//! Quantiles of Hyndman and Fan's type 8: median-unbiased whatever the distribution.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

/// Quantile of type 8 of values in ascending order: with `h = (n + 1/3) p + 1/3`, the value at `h`,
/// between two of them in proportion (Hyndman and Fan 1996). `None` of no values.
pub fn quantile8(ascending: &[f64], p: f64) -> Option<f64> {
    let (first, last) = (ascending.first()?, ascending.last()?);
    let place = (ascending.len() as f64 + 1.0 / 3.0) * p + 1.0 / 3.0;
    let whole = place.trunc();
    if whole < 1.0 {
        return Some(*first);
    }
    let low = whole as usize;
    if low >= ascending.len() {
        return Some(*last);
    }
    Some(ascending[low - 1] + (place - whole) * (ascending[low] - ascending[low - 1]))
}

/// Median of the distances of values from their median, which is put in ascending order; `None` of no
/// values. Not scaled: of a normal distribution it is 0.6745 standard deviations.
pub fn mad(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let median = quantile8(values, 0.5)?;
    let mut distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
    distances.sort_unstable_by(f64::total_cmp);
    quantile8(&distances, 0.5)
}

/// `quantile8(x, p)` as an aggregate function; nulls and NaN are passed over. `p` is the same in all rows.
pub fn quantile8_udaf() -> AggregateUDF {
    AggregateUDF::from(Quantile8 {
        signature: Signature::exact(vec![DataType::Float64, DataType::Float64], Volatility::Immutable),
    })
}

/// [`mad`] as an aggregate function; nulls and NaN are passed over.
pub fn mad_udaf() -> AggregateUDF {
    AggregateUDF::from(Mad { signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Mad {
    signature: Signature,
}

impl AggregateUDFImpl for Mad {
    fn name(&self) -> &'static str {
        "mad"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Distances::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[values]", args.name), DataType::List(list_of_values()), true))])
    }
}

/// The values of [`Mad`].
#[derive(Debug, Default)]
struct Distances(Values);

impl Accumulator for Distances {
    fn update_batch(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        self.0.extend(&arguments[0]);
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge(&states[0]);
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(mad(&mut self.0.values)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.0.list()])
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Quantile8 {
    signature: Signature,
}

fn list_of_values() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Float64, true))
}

impl AggregateUDFImpl for Quantile8 {
    fn name(&self) -> &'static str {
        "quantile8"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Values::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![
            Arc::new(Field::new(format!("{}[values]", args.name), DataType::List(list_of_values()), true)),
            Arc::new(Field::new(format!("{}[p]", args.name), DataType::Float64, true)),
        ])
    }
}

#[derive(Debug, Default)]
struct Values {
    values: Vec<f64>,
    p: Option<f64>,
}

impl Values {
    fn extend(&mut self, values: &ArrayRef) {
        self.values.extend(values.as_primitive::<Float64Type>().iter().flatten().filter(|value| !value.is_nan()));
    }

    fn merge(&mut self, lists: &ArrayRef) {
        for list in lists.as_list::<i32>().iter().flatten() {
            self.extend(&list);
        }
    }

    /// The values as a list, which they are taken out for.
    fn list(&mut self) -> ScalarValue {
        let values: ArrayRef = Arc::new(Float64Array::from(std::mem::take(&mut self.values)));
        let list = ListArray::new(list_of_values(), OffsetBuffer::from_lengths([values.len()]), values, None);
        ScalarValue::List(Arc::new(list))
    }

    fn share(&mut self, shares: &ArrayRef) -> Result<()> {
        for p in shares.as_primitive::<Float64Type>().iter().flatten() {
            if !(0.0..=1.0).contains(&p) {
                return exec_err!("quantile8: p must be between 0 and 1, not {p}");
            }
            if self.p.is_some_and(|known| known != p) {
                return exec_err!("quantile8: p must be the same in every row");
            }
            self.p = Some(p);
        }
        Ok(())
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        self.extend(&arguments[0]);
        self.share(&arguments[1])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.merge(&states[0]);
        self.share(&states[1])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.values.sort_unstable_by(f64::total_cmp);
        Ok(ScalarValue::Float64(self.p.and_then(|p| quantile8(&self.values, p))))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.list(), ScalarValue::Float64(self.p)])
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{mad, quantile8};

    #[test]
    fn distances_from_the_median() {
        assert_eq!(mad(&mut [1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0]), Some(1.0));
        assert_eq!(mad(&mut [4.0, 1.0]), Some(1.5));
        assert_eq!(mad(&mut [5.0]), Some(0.0));
        assert_eq!(mad(&mut []), None);
    }

    proptest! {
        /// The reference: as many distances below as above, or between the two in the middle.
        #[test]
        fn half_of_the_distances_are_at_most_the_mad(mut values in proptest::collection::vec(-100i32..100, 1..40)) {
            let found = mad(&mut values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>()).unwrap();
            values.sort_unstable();
            let middle = |sorted: &[i32]| f64::from(sorted[(sorted.len() - 1) / 2]) / 2.0 + f64::from(sorted[sorted.len() / 2]) / 2.0;
            let median = middle(&values);
            // Twice the distances are whole numbers.
            let mut distances: Vec<i32> = values.iter().map(|value| (f64::from(*value) * 2.0 - median * 2.0).abs() as i32).collect();
            distances.sort_unstable();
            prop_assert_eq!(found, middle(&distances) / 2.0);
        }
    }

    #[test]
    fn type_8() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(quantile8(&values, 0.5), Some(3.0));
        // h = (5 + 1/3) / 4 + 1/3 = 5/3, as R's quantile(1:5, 1/4, type = 8).
        assert!((quantile8(&values, 0.25).unwrap() - 5.0 / 3.0).abs() < 1e-12);
        assert!((quantile8(&values, 0.75).unwrap() - 13.0 / 3.0).abs() < 1e-12);
        assert_eq!(quantile8(&values, 0.0), Some(1.0));
        assert_eq!(quantile8(&values, 1.0), Some(5.0));
        assert_eq!(quantile8(&[7.0], 0.25), Some(7.0));
        assert_eq!(quantile8(&[], 0.25), None);
    }
}
