//! Which contracts a question is about, as an expression of the query engine.

use chrono::{Datelike, NaiveDate};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions::string::expr_fn::{concat, contains};
use datafusion::functions_aggregate::expr_fn::bool_or;
use datafusion::logical_expr::{Expr, JoinType, cast, col, lit};
use datafusion::prelude::{DataFrame, SessionContext};

use super::{LakeError, schema};
use crate::model::{Filters, Money, Table, TaxIdKind, check_tax_id, fold, mask_cpf};

/// Days from 0001-01-01 to 1970-01-01.
const EPOCH_FROM_CE: i32 = 719_163;

const ITEM_BUYER: &str = "scope_buyer_id";
const ITEM_NUMBER: &str = "scope_contract_number";
const ITEM_CATEGORY: &str = "scope_item_category";
const ITEM_TERMS: &str = "scope_item_terms";

/// Whether a row of `contracts_all` passes the filters and its object holds every term; never null.
///
/// The value of a contract is its current value, or the initial one where that is not published;
/// year, first and last day are those of the signature. A row without the value or the day that a
/// filter asks for does not pass. Words are whole words of the folded object. A CPF is compared by
/// its mask, which is all that the lake shows of it. `row_status` is not looked at.
pub fn predicate(filters: &Filters, terms: &[String]) -> Expr {
    let object = "object_folded";
    let words = [category(filters, object), holds_all(terms, object)];
    all(columns(filters).into_iter().chain(words.into_iter().flatten()).collect())
}

/// Adds the column `in_scope` to rows of `contracts_all`: [`predicate`], and with `include_items`
/// also where one item of the contract (`contract_items_all`, current rows) holds the words instead
/// of the object.
///
/// # Errors
/// If a table is not registered, or `contracts` lacks a column of the schema.
pub async fn with_scope(
    session: &SessionContext,
    contracts: DataFrame,
    filters: &Filters,
    terms: &[String],
    include_items: bool,
) -> Result<DataFrame, LakeError> {
    let description = "description_folded";
    let of_item = (category(filters, description), holds_all(terms, description));
    if !include_items || of_item == (None, None) {
        return Ok(contracts.with_column("in_scope", predicate(filters, terms))?);
    }
    let items = session
        .table(format!("{}_all", Table::ContractItems.as_str()))
        .await?
        .filter(col("row_status").eq(lit(schema::CURRENT)))?
        .aggregate(
            vec![col("buyer_id").alias(ITEM_BUYER), col("contract_number").alias(ITEM_NUMBER)],
            vec![
                bool_or(of_item.0.unwrap_or_else(|| lit(true))).alias(ITEM_CATEGORY),
                bool_or(of_item.1.unwrap_or_else(|| lit(true))).alias(ITEM_TERMS),
            ],
        )?
        .filter(col(ITEM_CATEGORY).or(col(ITEM_TERMS)))?;
    let names: Vec<String> = contracts.schema().fields().iter().map(|field| field.name().clone()).collect();
    let either = |object: Option<Expr>, item: &str| object.map(|object| object.or(or_false(col(item))));
    let words = [
        either(category(filters, "object_folded"), ITEM_CATEGORY),
        either(holds_all(terms, "object_folded"), ITEM_TERMS),
    ];
    let in_scope = all(columns(filters).into_iter().chain(words.into_iter().flatten()).collect());
    let mut kept: Vec<Expr> = names.iter().map(|name| col(datafusion::common::Column::from_name(name))).collect();
    kept.push(in_scope.alias("in_scope"));
    let joined = contracts.join(items, JoinType::Left, &["buyer_id", "number"], &[ITEM_BUYER, ITEM_NUMBER], None)?;
    Ok(joined.select(kept)?)
}

/// The value that filters and orders look at.
pub(super) fn value() -> Expr {
    coalesce(vec![col("current_value"), col("initial_value")])
}

/// An amount as a literal of the lake's type.
pub(super) fn money(amount: Money) -> Expr {
    let precision = if amount.cents().abs() > Money::MAX_CENTS { 38 } else { 18 };
    lit(ScalarValue::Decimal128(Some(amount.cents()), precision, 2))
}

fn day(day: NaiveDate) -> Expr {
    lit(ScalarValue::Date32(Some(day.num_days_from_ce() - EPOCH_FROM_CE)))
}

/// Null is no match.
fn or_false(condition: Expr) -> Expr {
    coalesce(vec![condition, lit(false)])
}

fn all(conditions: Vec<Expr>) -> Expr {
    conditions.into_iter().reduce(Expr::and).unwrap_or_else(|| lit(true))
}

fn any(conditions: Vec<Expr>) -> Expr {
    conditions.into_iter().reduce(Expr::or).unwrap_or_else(|| lit(false))
}

/// What the filters ask of the columns of a contract, all but its words; none of them is null.
///
/// The value is the current one, or the initial one where that is not published; a CPF is compared
/// by its mask.
pub fn columns(filters: &Filters) -> Vec<Expr> {
    conditions(filters, &value, &|| col("signature_date"), &|id| supplier(id, "supplier_id"))
}

/// Column that says whether the supplier of the filters took part in a tender; null where not.
pub const OF_SUPPLIER: &str = "of_supplier";

/// What the filters ask of the columns of a tender, all but its words; none of them is null.
///
/// The value is what was awarded, else the estimate, and passes a bound only in reais; the day is
/// [`tender_day`]; the supplier is anybody who took part ([`OF_SUPPLIER`]).
pub fn tender_columns(filters: &Filters) -> Vec<Expr> {
    let value = || coalesce(vec![col("value"), col("estimated_value")]);
    let mut asked = conditions(filters, &value, &tender_day, &|_| col(OF_SUPPLIER));
    if filters.min_value.is_some() || filters.max_value.is_some() {
        asked.push(or_false(col("currency").is_null().or(col("currency").eq(lit("BRL")))));
    }
    asked
}

/// The day that places a tender in time: of its publication, else the first of the period for bids, else
/// the last, else of the opening, else of the result.
pub fn tender_day() -> Expr {
    let day = |column: &str| cast(col(column), DataType::Date32);
    coalesce(vec![
        col("publication_date"),
        day("period_start"),
        day("period_end"),
        col("open_date"),
        col("result_date"),
    ])
}

fn conditions(
    filters: &Filters,
    value: &dyn Fn() -> Expr,
    day_of: &dyn Fn() -> Expr,
    of_supplier: &dyn Fn(&str) -> Expr,
) -> Vec<Expr> {
    let mut conditions = Vec::new();
    let signed = day_of;
    if let Some(min) = filters.min_value {
        conditions.push(value().gt_eq(money(min)));
    }
    if let Some(max) = filters.max_value {
        conditions.push(value().lt_eq(money(max)));
    }
    if let Some(year) = filters.year {
        let first = NaiveDate::from_ymd_opt(year, 1, 1);
        let last = NaiveDate::from_ymd_opt(year, 12, 31);
        conditions.push(match first.zip(last) {
            Some((first, last)) => signed().gt_eq(day(first)).and(signed().lt_eq(day(last))),
            None => lit(false),
        });
    }
    if let Some(first) = filters.start_date {
        conditions.push(signed().gt_eq(day(first)));
    }
    if let Some(last) = filters.end_date {
        conditions.push(signed().lt_eq(day(last)));
    }
    if !filters.modalities.is_empty() {
        let names = filters.modalities.iter().map(|modality| lit(modality.as_str())).collect();
        conditions.push(col("modality").in_list(names, false));
    }
    if let Some(id) = &filters.supplier_id {
        conditions.push(of_supplier(id));
    }
    if let Some(id) = &filters.buyer_id {
        conditions.push(col("buyer_id").eq(lit(id.trim())));
    }
    conditions.into_iter().map(or_false).collect()
}

/// Whether a column holds the id of a supplier; a CPF is compared by its mask.
pub fn supplier(id: &str, column: &str) -> Expr {
    let (kind, normal, _) = check_tax_id(id);
    match kind {
        TaxIdKind::Secret => lit(false),
        TaxIdKind::Cpf if !normal.contains('*') => col(column).eq(lit(mask_cpf(&normal))),
        _ => col(column).eq(lit(normal)),
    }
}

/// Whether `column` holds all words of one of the categories; `None` if there are none.
fn category(filters: &Filters, column: &str) -> Option<Expr> {
    let holds = |category: &String| {
        let folded = fold(category);
        // A category without a word is held by nothing rather than by everything.
        if folded.is_empty() { lit(false) } else { all(words(&folded, column)) }
    };
    (!filters.categories.is_empty()).then(|| any(filters.categories.iter().map(holds).collect()))
}

/// Whether `column` holds every term; `None` if there are none.
fn holds_all(terms: &[String], column: &str) -> Option<Expr> {
    let conditions: Vec<Expr> = terms.iter().flat_map(|term| words(&fold(term), column)).collect();
    (!conditions.is_empty()).then(|| all(conditions))
}

/// One condition a word: `column`, a folded text, holds it as a whole word.
fn words(folded: &str, column: &str) -> Vec<Expr> {
    let padded = || concat(vec![lit(" "), col(column), lit(" ")]);
    folded.split_whitespace().map(|word| contains(padded(), lit(format!(" {word} ")))).collect()
}
