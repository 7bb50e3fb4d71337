//! How large the values of a user's own detector can become: what its query was planned as is read before it runs.
//!
//! The engine accounts for the rows that an operator holds, and not for a value while it is made: one text that is made
//! of all texts of a table, or of itself again and again, takes any amount of memory before anything counts it.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::expr::{ScalarFunction, WindowFunction};
use datafusion::logical_expr::{Distinct, Expr, ExprSchemable as _, LogicalPlan, Volatility, WindowFunctionDefinition};

/// Functions whose result may be far larger than what they are given.
const AMPLIFIERS: [&str; 10] = [
    "array_repeat",
    "array_resize",
    "array_transform",
    "arrow_cast",
    "generate_series",
    "lpad",
    "range",
    "repeat",
    "replace",
    "rpad",
];
/// Functions that put a text into a value any number of times, and the place of that text.
const FILLERS: [(&str, usize); 2] = [("array_to_string", 1), ("regexp_replace", 2)];
/// Functions that, as a window, give one of the values that they are given, be it a text.
const PICKERS: [&str; 7] = ["first_value", "lag", "last_value", "lead", "max", "min", "nth_value"];
/// Most values of the tables that one value may be made of.
const MAX_PARTS: u64 = 1_000;
/// Letters of a text of the query that count as one value.
const LETTERS: usize = 1_000;

/// Checks what a query was planned as: the same rows always give the same answers, and no value grows beyond
/// what it is made of.
///
/// # Errors
/// The field, the rule, and what breaks it.
pub(super) fn check(plan: &LogicalPlan) -> std::result::Result<(), String> {
    let checked = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| allowed(part).map(|()| TreeNodeRecursion::Continue))
        })
    });
    checked.and_then(|_| parts(plan, 1)).map(|_| ()).map_err(|error| match error {
        DataFusionError::Plan(rule) => format!("query: {rule}"),
        other => format!("query: {other}"),
    })
}

fn refuse<T>(rule: String) -> Result<T> {
    Err(DataFusionError::Plan(rule))
}

fn allowed(expression: &Expr) -> Result<()> {
    match expression {
        Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => {
            refuse(format!("{} does not give the same answer every time", call.name()))
        }
        Expr::ScalarFunction(call) if AMPLIFIERS.contains(&call.name()) => amplifies(call.name()),
        Expr::HigherOrderFunction(call) if AMPLIFIERS.contains(&call.name()) => amplifies(call.name()),
        _ => Ok(()),
    }
}

fn amplifies(name: &str) -> Result<()> {
    refuse(format!("{name} is not for detectors: what it makes may be of any size"))
}

/// How many values of the tables each column of a plan may be made of; 1 for what is of a fixed size. `outer` is the
/// most that a column of the query around it is made of.
fn parts(plan: &LogicalPlan, outer: u64) -> Result<Vec<u64>> {
    let mut given = Vec::new();
    let mut schema = DFSchema::empty();
    for input in plan.inputs() {
        given.push(parts(input, outer)?);
        schema.merge(input.schema());
    }
    let most = given.iter().flatten().copied().max().unwrap_or(1).max(outer);
    let scope = Scope { plan, given: &given, schema: &schema, most };
    let made = plan.expressions().iter().map(|expression| scope.of(expression)).collect::<Result<Vec<u64>>>()?;
    let columns = match plan {
        LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(Distinct::On(_)) => made,
        LogicalPlan::Window(_) => given.concat().into_iter().chain(made).collect(),
        LogicalPlan::Union(_) => {
            let first = given.first().map_or(0, Vec::len);
            (0..first).map(|at| given.iter().filter_map(|one| one.get(at)).copied().max().unwrap_or(1)).collect()
        }
        _ => given.concat(),
    };
    let fields = plan.schema().fields();
    // A join that gives one of its sides, a set of groupings, an unnested list: what is not known is as the largest.
    let known = columns.len() == fields.len();
    let largest = columns.iter().copied().max().unwrap_or(1).max(most);
    let of = |at: usize| if known { columns.get(at).copied().unwrap_or(largest) } else { largest };
    Ok(fields.iter().enumerate().map(|(at, field)| if is_fixed(field.data_type()) { 1 } else { of(at) }).collect())
}

fn is_fixed(kind: &DataType) -> bool {
    kind.is_primitive() || matches!(kind, DataType::Boolean | DataType::Null)
}

/// What the expressions of a plan see.
struct Scope<'a> {
    plan: &'a LogicalPlan,
    given: &'a [Vec<u64>],
    schema: &'a DFSchema,
    most: u64,
}

impl Scope<'_> {
    fn of(&self, expression: &Expr) -> Result<u64> {
        let parts = match expression {
            Expr::Column(column) => {
                let place = self.plan.inputs().into_iter().zip(self.given).find_map(|(input, given)| {
                    input.schema().maybe_index_of_column(column).and_then(|at| given.get(at).copied())
                });
                place.unwrap_or(self.most)
            }
            Expr::OuterReferenceColumn(..) => self.most,
            Expr::Literal(value, _) => 1 + letters(value) as u64 / LETTERS as u64,
            Expr::ScalarSubquery(query) => self.subquery(&query.subquery)?,
            Expr::Exists(query) => self.subquery(&query.subquery.subquery)?,
            Expr::InSubquery(query) => self.subquery(&query.subquery.subquery)?.max(self.of(&query.expr)?),
            Expr::ScalarFunction(call) => self.call(expression, call)?,
            Expr::WindowFunction(window) => {
                self.window(expression, window)?;
                self.sum(expression)?
            }
            other => self.sum(other)?,
        };
        if expression.get_type(self.schema).is_ok_and(|kind| is_fixed(&kind)) {
            return Ok(1);
        }
        if parts > MAX_PARTS {
            let shown: String = expression.schema_name().to_string().chars().take(60).collect();
            return refuse(format!("{shown}… would be made of more than {MAX_PARTS} values"));
        }
        Ok(parts)
    }

    fn subquery(&self, plan: &Arc<LogicalPlan>) -> Result<u64> {
        Ok(parts(plan, self.most)?.into_iter().max().unwrap_or(1))
    }

    fn sum(&self, expression: &Expr) -> Result<u64> {
        let mut sum = 0_u64;
        expression.apply_children(|child| {
            sum = sum.saturating_add(self.of(child)?);
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(sum.max(1))
    }

    fn call(&self, expression: &Expr, call: &ScalarFunction) -> Result<u64> {
        let sum = self.sum(expression)?;
        let Some((name, place)) = FILLERS.into_iter().find(|(name, _)| *name == call.name()) else { return Ok(sum) };
        match call.args.get(place) {
            Some(Expr::Literal(text, _)) => Ok(sum.saturating_mul(1 + letters(text) as u64)),
            Some(_) => refuse(format!("{name}: what it puts in must be a text of the query, not a column")),
            None => Ok(sum),
        }
    }

    /// A value of a window stands in every row of it: it is a number, a day or a truth, or one of those that there are.
    fn window(&self, expression: &Expr, window: &WindowFunction) -> Result<()> {
        let kind = expression.get_type(self.schema)?;
        let of_many = matches!(window.fun, WindowFunctionDefinition::AggregateUDF(_));
        let is_text = matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        if is_fixed(&kind) || is_text && PICKERS.contains(&window.fun.name()) {
            return Ok(());
        }
        let rule = if of_many { "the same large value in every row" } else { "lists in every row" };
        refuse(format!(
            "{} … OVER is not for detectors: it may put {rule}; group, and join the groups",
            window.fun.name()
        ))
    }
}

/// How long a text of the query is.
fn letters(value: &ScalarValue) -> usize {
    value.try_as_str().flatten().map_or(0, str::len)
}
