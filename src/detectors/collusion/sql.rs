//! The screens in SQL: functions of the lists that `array_agg` makes.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray, StructArray,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::groups::{RotationRule, pair_probability, rotation};
use super::{Model, Screens};

/// A function of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// `bid_screens(amounts)`: a struct of the [`Screens`] of a tender, and its `score`, which is null below three
    /// bids. Null with fewer than two amounts, or one that is not positive; nulls among them are passed over.
    BidScreens,
    /// `win_rotation(winners)`: a struct of the [`super::groups::Rotation`] of winners in order of time, by the rule
    /// of [`RotationRule::default`]. Null if there are too few of them, or one is null.
    WinRotation,
    /// `pair_probability(bidders, wins)`: [`pair_probability`] of the numbers of bidders of a pair's processes. Null
    /// if one of them is null or below two.
    PairProbability,
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 3] = [Self::BidScreens, Self::WinRotation, Self::PairProbability];

    /// Name in SQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BidScreens => "bid_screens",
            Self::WinRotation => "win_rotation",
            Self::PairProbability => "pair_probability",
        }
    }

    /// The function for a session.
    pub fn udf(self) -> ScalarUDF {
        let arguments = if self == Self::PairProbability { 2 } else { 1 };
        ScalarUDF::from(OfLists { function: self, signature: Signature::any(arguments, Volatility::Immutable) })
    }

    fn return_type(self) -> DataType {
        match self {
            Self::BidScreens => DataType::Struct(screen_fields()),
            Self::WinRotation => DataType::Struct(rotation_fields()),
            Self::PairProbability => DataType::Float64,
        }
    }
}

fn screen_fields() -> Fields {
    let names = Screens::ALL.iter().map(|screen| screen.name).chain(["score"]);
    names.map(|name| Field::new(name, DataType::Float64, true)).collect()
}

fn rotation_fields() -> Fields {
    Fields::from(vec![
        Field::new("firms", DataType::Int64, true),
        Field::new("wins", DataType::Int64, true),
        Field::new("entropy", DataType::Float64, true),
        Field::new("repeats", DataType::Int64, true),
        Field::new("probability", DataType::Float64, true),
        Field::new("rotates", DataType::Boolean, true),
    ])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OfLists {
    function: Function,
    signature: Signature,
}

impl ScalarUDFImpl for OfLists {
    fn name(&self) -> &'static str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let list = |kind: &DataType| {
            matches!(kind, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) | DataType::Null)
        };
        match arguments.first() {
            Some(kind) if list(kind) => Ok(self.function.return_type()),
            other => plan_err!("{}: the first argument must be a list, not {other:?}", self.function.name()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args.args.iter().map(|one| one.to_array(args.number_rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let answer: ArrayRef = match (self.function, arrays.as_slice()) {
            (Function::BidScreens, [amounts]) => Arc::new(bid_screens(&lists(amounts, &DataType::Float64)?)?),
            (Function::WinRotation, [winners]) => Arc::new(win_rotation(&lists(winners, &DataType::Utf8)?)?),
            (Function::PairProbability, [bidders, wins]) => {
                let wins = cast(wins, &DataType::Int64)?;
                Arc::new(pair_probabilities(&lists(bidders, &DataType::Int64)?, wins.as_primitive::<Int64Type>()))
            }
            (function, other) => return exec_err!("{}: got {} arguments", function.name(), other.len()),
        };
        Ok(ColumnarValue::Array(answer))
    }
}

/// The lists of a column, their elements of one type; none where the list is null.
fn lists(column: &ArrayRef, element: &DataType) -> Result<Vec<Option<ArrayRef>>> {
    let wanted = DataType::List(Arc::new(Field::new_list_field(element.clone(), true)));
    Ok(cast(column, &wanted)?.as_list::<i32>().iter().collect())
}

fn bid_screens(lists: &[Option<ArrayRef>]) -> Result<StructArray> {
    let model = match Model::builtin() {
        Ok(model) => model,
        Err(error) => return exec_err!("{error}"),
    };
    let found: Vec<Option<Screens>> = lists
        .iter()
        .map(|amounts| {
            let amounts = amounts.as_ref()?.as_primitive::<Float64Type>();
            Screens::of(&amounts.iter().flatten().collect::<Vec<f64>>())
        })
        .collect();
    let mut columns: Vec<ArrayRef> = (0..Screens::ALL.len())
        .map(|place| {
            let values = found.iter().map(|screens| screens.as_ref().and_then(|one| one.values()[place]));
            Arc::new(values.collect::<Float64Array>()) as ArrayRef
        })
        .collect();
    let scores = found.iter().map(|screens| Some(model.score(screens.as_ref()?)?.score));
    columns.push(Arc::new(scores.collect::<Float64Array>()));
    let valid = found.iter().map(Option::is_some).collect::<NullBuffer>();
    Ok(StructArray::try_new(screen_fields(), columns, Some(valid))?)
}

fn win_rotation(lists: &[Option<ArrayRef>]) -> Result<StructArray> {
    let found: Vec<_> = lists
        .iter()
        .map(|winners| {
            let winners: &StringArray = winners.as_ref()?.as_string::<i32>();
            if winners.null_count() > 0 {
                return None;
            }
            // Numbers in order of first appearance.
            let mut numbers: HashMap<&str, u32> = HashMap::new();
            let order = winners.iter().flatten().map(|winner| {
                let next = numbers.len() as u32;
                *numbers.entry(winner).or_insert(next)
            });
            rotation(&order.collect::<Vec<u32>>(), RotationRule::default())
        })
        .collect();
    let counts = |of: fn(&super::groups::Rotation) -> usize| -> ArrayRef {
        Arc::new(found.iter().map(|one| one.as_ref().map(|one| of(one) as i64)).collect::<Int64Array>())
    };
    let figures = |of: fn(&super::groups::Rotation) -> f64| -> ArrayRef {
        Arc::new(found.iter().map(|one| one.as_ref().map(of)).collect::<Float64Array>())
    };
    let columns = vec![
        counts(|one| one.firms),
        counts(|one| one.wins),
        figures(|one| one.entropy),
        counts(|one| one.repeats),
        figures(|one| one.probability),
        Arc::new(found.iter().map(|one| one.as_ref().map(|one| one.rotates)).collect::<BooleanArray>()) as ArrayRef,
    ];
    let valid = found.iter().map(Option::is_some).collect::<NullBuffer>();
    Ok(StructArray::try_new(rotation_fields(), columns, Some(valid))?)
}

fn pair_probabilities(lists: &[Option<ArrayRef>], wins: &Int64Array) -> Float64Array {
    let answers = lists.iter().zip(wins).map(|(bidders, wins)| {
        let bidders = bidders.as_ref()?.as_primitive::<Int64Type>();
        let counts: Option<Vec<u64>> =
            bidders.iter().map(|count| u64::try_from(count?).ok().filter(|count| *count >= 2)).collect();
        Some(pair_probability(&counts?, usize::try_from(wins?).ok()?))
    });
    answers.collect()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn answer(sql: &str) -> Result<String> {
        let context = SessionContext::new();
        for function in Function::ALL {
            context.register_udf(function.udf());
        }
        let batches = context.sql(sql).await?.collect().await?;
        let lines = pretty_format_batches(&batches)?.to_string();
        let row = lines.lines().skip(3).filter(|line| line.starts_with('|'));
        Ok(row
            .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned())
            .collect::<Vec<_>>()
            .join("\n"))
    }

    #[tokio::test]
    async fn screens_of_money_by_tender() {
        let cv = Screens::of(&[100.0, 103.0, 103.5]).unwrap().cv;
        let sql = format!(
            "SELECT t, s['bidders'], s['cv'] BETWEEN {} AND {}, s['kurtosis'], s['score'] > 0.5, s IS NULL FROM (\
                SELECT t, bid_screens(array_agg(CAST(a AS DECIMAL(18, 2)))) AS s FROM (VALUES \
                    ('a', '100.00'), ('a', '103.00'), ('a', '103.50'), ('a', NULL), ('b', '100.00'), ('b', '190.00'), \
                    ('c', '100.00'), ('d', '100.00'), ('d', '0.00')\
                ) AS bids(t, a) GROUP BY t\
            ) ORDER BY t",
            cv - 1e-12,
            cv + 1e-12
        );
        let wanted = "a 3.0 true  true false\nb 2.0 false   false\nc     true\nd     true";
        assert_eq!(answer(&sql).await.unwrap(), wanted);
    }

    #[tokio::test]
    async fn rotation_of_winners() {
        let of = |list: &str| {
            format!(
                "SELECT r['firms'], r['wins'], r['repeats'], r['rotates'], r IS NULL FROM (SELECT win_rotation({list}) AS r)"
            )
        };
        let turns = ["'x','y','z'"; 6].join(",");
        assert_eq!(answer(&of(&format!("make_array({turns})"))).await.unwrap(), "3 18 0 true false");
        assert_eq!(answer(&of("make_array('x','y','z','x','y','z')")).await.unwrap(), "3 6 0 false false");
        assert_eq!(answer(&of("make_array('x','y')")).await.unwrap(), "true");
        assert_eq!(answer(&of(&format!("make_array({turns}, NULL)"))).await.unwrap(), "true");
    }

    #[tokio::test]
    async fn probability_of_a_pair() {
        let sql = "SELECT pair_probability(make_array(3, 3, 3, 3, 3), 5) BETWEEN 0.001 AND 0.007, \
                   pair_probability(make_array(3, 1), 2) IS NULL, pair_probability(make_array(3, NULL), 2) IS NULL";
        assert_eq!(answer(sql).await.unwrap(), "true true true");
    }

    #[tokio::test]
    async fn what_is_no_list_is_refused() {
        let error = answer("SELECT bid_screens(1.5)").await.unwrap_err().to_string();
        assert!(error.contains("bid_screens: the first argument must be a list"), "{error}");
    }
}
