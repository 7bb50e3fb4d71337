//! The text that stands beside the largest number.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, StringArray, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

/// Type of the numbers: any product of a quantity and a price fits.
const NUMBER: DataType = DataType::Decimal128(38, 6);
/// Bytes of texts that no group needs any more, from which they are thrown out.
const LEAST_WASTE: usize = 1 << 20;

/// `text_of_largest(text, number)` as an aggregate function: the text in the row of the largest number, the first by
/// the alphabet of several. A row without a number counts only beside others without; one without a text does not.
pub fn text_of_largest_udaf() -> AggregateUDF {
    let signature = Signature::exact(vec![DataType::Utf8, NUMBER], Volatility::Immutable);
    AggregateUDF::from(TextOfLargest { signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TextOfLargest {
    signature: Signature,
}

impl AggregateUDFImpl for TextOfLargest {
    fn name(&self) -> &'static str {
        "text_of_largest"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Single(Texts::default())))
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field = |part, kind| Arc::new(Field::new(format!("{}[{part}]", arguments.name), kind, true));
        Ok(vec![field("text", DataType::Utf8), field("number", NUMBER)])
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Texts::default()))
    }
}

/// What is known of a group, and where its text stands.
#[derive(Debug, Clone, Copy)]
struct Best {
    number: Option<i128>,
    start: usize,
    length: usize,
}

/// The best text of each group, one after the other: a text of its own for each of a million groups costs more than
/// to read their rows.
#[derive(Debug, Default)]
struct Texts {
    text: String,
    groups: Vec<Option<Best>>,
    /// Bytes of `text` that belong to no group.
    waste: usize,
}

impl Texts {
    fn of(&self, best: Best) -> &str {
        self.text.get(best.start..best.start + best.length).unwrap_or_default()
    }

    fn offer(&mut self, group: usize, text: &str, number: Option<i128>) {
        let Some(before) = self.groups.get(group).copied() else { return };
        if let Some(best) = before {
            // Nothing is less than any number.
            let order = number.cmp(&best.number).then_with(|| self.of(best).cmp(text));
            if order != Ordering::Greater {
                return;
            }
            self.waste += best.length;
        }
        let best = Best { number, start: self.text.len(), length: text.len() };
        self.text.push_str(text);
        if let Some(place) = self.groups.get_mut(group) {
            *place = Some(best);
        }
        self.throw_out_if_much();
    }

    fn throw_out_if_much(&mut self) {
        if self.waste > LEAST_WASTE && self.waste > self.text.len() / 2 {
            self.throw_out();
        }
    }

    fn throw_out(&mut self) {
        let mut text = String::with_capacity(self.text.len().saturating_sub(self.waste));
        for best in self.groups.iter_mut().flatten() {
            let start = text.len();
            text.push_str(self.text.get(best.start..best.start + best.length).unwrap_or_default());
            best.start = start;
        }
        (self.text, self.waste) = (text, 0);
    }

    /// The texts and numbers of groups, which are forgotten.
    fn emit(&mut self, which: EmitTo) -> Result<(StringArray, Decimal128Array)> {
        let groups = which.take_needed(&mut self.groups);
        let bytes: usize = groups.iter().flatten().map(|best| best.length).sum();
        if i32::try_from(bytes).is_err() {
            let message = format!("the texts of {} groups have {bytes} bytes", groups.len());
            return Err(DataFusionError::ResourcesExhausted(message));
        }
        let mut texts = StringBuilder::with_capacity(groups.len(), bytes);
        for best in &groups {
            texts.append_option(best.map(|best| self.of(best)));
        }
        let numbers: Decimal128Array = groups.iter().map(|best| best.and_then(|best| best.number)).collect();
        if self.groups.is_empty() {
            (self.text, self.waste) = (String::new(), 0);
        } else {
            self.waste += bytes;
            self.throw_out_if_much();
        }
        Ok((texts.finish(), numbers.with_data_type(NUMBER)))
    }
}

/// The two arguments, or the two parts of a state.
fn columns(values: &[ArrayRef]) -> Result<(&StringArray, &Decimal128Array)> {
    if let [texts, numbers] = values
        && let (Some(texts), Some(numbers)) =
            (texts.as_string_opt::<i32>(), numbers.as_primitive_opt::<Decimal128Type>())
    {
        return Ok((texts, numbers));
    }
    let kinds: Vec<_> = values.iter().map(|values| values.data_type().to_string()).collect();
    Err(DataFusionError::Internal(format!("text_of_largest of {}", kinds.join(", "))))
}

impl GroupsAccumulator for Texts {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        let (texts, numbers) = columns(values)?;
        self.groups.resize(total, None);
        for (row, ((text, number), group)) in texts.iter().zip(numbers.iter()).zip(groups).enumerate() {
            let counts = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if let (Some(text), true) = (text, counts) {
                self.offer(*group, text, number);
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.update_batch(values, groups, None, total)
    }

    fn evaluate(&mut self, which: EmitTo) -> Result<ArrayRef> {
        Ok(Arc::new(self.emit(which)?.0))
    }

    fn state(&mut self, which: EmitTo) -> Result<Vec<ArrayRef>> {
        let (texts, numbers) = self.emit(which)?;
        Ok(vec![Arc::new(texts), Arc::new(numbers)])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let (texts, numbers) = columns(values)?;
        let Some(filter) = filter else { return Ok(values.to_vec()) };
        let counts = |row: usize| filter.is_valid(row) && filter.value(row);
        // A row without a text does not count.
        let texts: StringArray = texts.iter().enumerate().map(|(row, text)| text.filter(|_| counts(row))).collect();
        Ok(vec![Arc::new(texts), Arc::new(numbers.clone())])
    }

    fn size(&self) -> usize {
        self.text.capacity() + self.groups.capacity() * size_of::<Option<Best>>()
    }
}

/// The same of all rows.
#[derive(Debug)]
struct Single(Texts);

impl Accumulator for Single {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (texts, _) = columns(values)?;
        self.0.update_batch(values, &vec![0; texts.len()], None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.state()?.swap_remove(0))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.groups.resize(1, None);
        let parts = self.0.state(EmitTo::All)?;
        parts.iter().map(|part| ScalarValue::try_from_array(part, 0)).collect()
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.0.size()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use datafusion::arrow::util::pretty::pretty_format_batches;
    use proptest::prelude::*;

    use super::*;
    use crate::lake;

    /// Group, text, number, and whether the row counts.
    type Row = (usize, Option<String>, Option<i128>, bool);

    fn rows() -> impl Strategy<Value = Vec<Vec<Row>>> {
        let number = proptest::option::of(-3_i128..3);
        let row = (0_usize..12, proptest::option::of("[a-cé]{0,3}"), number, any::<bool>());
        proptest::collection::vec(proptest::collection::vec(row, 0..40), 1..6)
    }

    proptest! {
        #[test]
        fn each_group_has_the_text_of_its_largest_number(batches in rows(), first in 0_usize..12) {
            let mut texts = Texts::default();
            let mut expected: BTreeMap<usize, (Option<i128>, String)> = BTreeMap::new();
            for batch in &batches {
                let named: StringArray = batch.iter().map(|(_, text, ..)| text.as_deref()).collect();
                let numbers: Decimal128Array = batch.iter().map(|(_, _, number, _)| *number).collect();
                let values: [ArrayRef; 2] = [Arc::new(named), Arc::new(numbers.with_data_type(NUMBER))];
                let groups: Vec<usize> = batch.iter().map(|(group, ..)| *group).collect();
                let filter: BooleanArray = batch.iter().map(|(.., counts)| Some(*counts)).collect();
                // Passed on as they are and merged, or taken in at once.
                if batch.len() % 2 == 0 {
                    let state = texts.convert_to_state(&values, Some(&filter)).unwrap();
                    texts.merge_batch(&state, &groups, 12).unwrap();
                } else {
                    texts.update_batch(&values, &groups, Some(&filter), 12).unwrap();
                }
                texts.throw_out();
                for (group, text, number, _) in batch.iter().filter(|(.., counts)| *counts) {
                    let Some(text) = text else { continue };
                    let known = expected.entry(*group).or_insert_with(|| (*number, text.clone()));
                    if *number > known.0 || (*number == known.0 && *text < known.1) {
                        *known = (*number, text.clone());
                    }
                }
            }
            let mut found = Vec::new();
            for which in [EmitTo::First(first), EmitTo::All] {
                let part = texts.evaluate(which).unwrap();
                found.extend(part.as_string::<i32>().iter().map(|text| text.map(str::to_owned)));
            }
            let expected: Vec<_> = (0..12).map(|group| expected.get(&group).map(|(_, text)| text.clone())).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(texts.text.capacity(), 0);
        }
    }

    #[tokio::test]
    async fn queries_use_it() {
        let session = lake::session(64 << 20, 2).unwrap();
        session.register_udaf(text_of_largest_udaf());
        let sql = "
            WITH numbers AS (
                SELECT value % 3 AS part, 'n' || value AS text, CAST((value % 10) * 1.25 AS DECIMAL(38, 6)) AS number
                FROM generate_series(1, 100)
            )
            SELECT part, text_of_largest(text, number) AS largest,
                text_of_largest(text, CAST(NULL AS DECIMAL(38, 6))) AS unknown FROM numbers GROUP BY part
            UNION ALL
            SELECT 9, text_of_largest(text, number), text_of_largest(text, number) FILTER (WHERE part > 5) FROM numbers
            ORDER BY part";
        let found = session.sql(sql).await.unwrap().collect().await.unwrap();
        let expected = [
            "+------+---------+---------+",
            "| part | largest | unknown |",
            "+------+---------+---------+",
            "| 0    | n39     | n12     |",
            "| 1    | n19     | n1      |",
            "| 2    | n29     | n11     |",
            "| 9    | n19     |         |",
            "+------+---------+---------+",
        ];
        assert_eq!(pretty_format_batches(&found).unwrap().to_string(), expected.join("\n"));
    }
}
