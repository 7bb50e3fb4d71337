//! Figures of a set of contracts, for analyses.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Decimal128Type, Int64Type};
use datafusion::prelude::{SessionContext, col, lit};

use super::{LakeError, filters, schema};
use crate::model::{Filters, Money};

/// Total of one group of contracts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupTotal {
    /// Id of the group.
    pub id: String,
    /// Name of the group; the id where it has none.
    pub name: String,
    /// Contracts.
    pub contracts: i64,
    /// Sum of current values.
    pub total_value: Money,
}

/// Names a contract and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractTotal {
    /// Id.
    pub contract_id: String,
    /// Object as published.
    pub object: String,
    /// Current value.
    pub value: Money,
    /// Name of the buyer.
    pub buyer_name: String,
    /// Name of the supplier; empty where the source keeps it secret.
    pub supplier_name: String,
}

/// Figures of a set of contracts. The current value of a contract is its initial one where the
/// source gives no other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// Contracts.
    pub contracts: i64,
    /// Sum of initial values.
    pub total_initial_value: Money,
    /// Sum of current values.
    pub total_value: Money,
    /// Contracts whose supplier is secret; they are in no total of a supplier.
    pub contracts_without_supplier: i64,
    /// By modality, largest first.
    pub by_modality: Vec<GroupTotal>,
    /// Buyers, largest first.
    pub top_buyers: Vec<GroupTotal>,
    /// Suppliers, largest first.
    pub top_suppliers: Vec<GroupTotal>,
    /// By month of signature, in order; contracts without a day of signature are in none.
    pub by_month: Vec<GroupTotal>,
    /// Contracts, largest first.
    pub top_contracts: Vec<ContractTotal>,
}

/// Computes the figures of the current contracts that pass `filters`, with at most `top` entries in
/// a list of the largest; equal totals are ordered by id.
///
/// # Errors
/// If the engine cannot read the lake.
pub async fn totals(session: &SessionContext, filters: &Filters, top: usize) -> Result<Totals, LakeError> {
    let period = session
        .table("contracts_all")
        .await?
        .filter(col("row_status").eq(lit(schema::CURRENT)))?
        .filter(filters::predicate(filters, &[]))?;
    session.register_table("period", period.into_view())?;
    let value = "coalesce(current_value, initial_value, 0)";
    let all = rows(
        session,
        &format!(
            "SELECT '' AS id, '' AS name, count(*) AS n, coalesce(sum({value}), 0) AS total,
                    coalesce(sum(initial_value), 0) AS initial, count(*) FILTER (WHERE supplier_key IS NULL) AS secret
             FROM period"
        ),
    )
    .await?;
    let mut totals = Totals::default();
    if let Some(batch) = all.iter().find(|batch| batch.num_rows() == 1) {
        totals.contracts = integer(batch, "n", 0)?;
        totals.total_value = money(batch, "total", 0)?;
        totals.total_initial_value = money(batch, "initial", 0)?;
        totals.contracts_without_supplier = integer(batch, "secret", 0)?;
    }
    let group = |id: &str, name: &str, only: &str, order: &str, limit: usize| {
        format!(
            "SELECT {id} AS id, coalesce(max({name}), {id}) AS name, count(*) AS n, coalesce(sum({value}), 0) AS total
             FROM period WHERE {only} GROUP BY {id} ORDER BY {order} LIMIT {limit}"
        )
    };
    let largest = "total DESC, id";
    let month = "to_char(signature_date, '%Y-%m')";
    let dated = "signature_date IS NOT NULL";
    totals.by_modality = groups(session, &group("modality", "modality", "true", largest, 100)).await?;
    totals.top_buyers = groups(session, &group("buyer_id", "buyer_name", "true", largest, top)).await?;
    let named = "supplier_key IS NOT NULL";
    totals.top_suppliers = groups(session, &group("supplier_id", "supplier_name", named, largest, top)).await?;
    totals.by_month = groups(session, &group(month, month, dated, "id", 100_000)).await?;
    let contracts = format!(
        "SELECT contract_id, object, {value} AS total, buyer_name, coalesce(supplier_name, '') AS supplier_name
         FROM period ORDER BY total DESC, contract_id LIMIT {top}"
    );
    for batch in rows(session, &contracts).await? {
        for row in 0..batch.num_rows() {
            totals.top_contracts.push(ContractTotal {
                contract_id: text(&batch, "contract_id", row)?,
                object: text(&batch, "object", row)?,
                value: money(&batch, "total", row)?,
                buyer_name: text(&batch, "buyer_name", row)?,
                supplier_name: text(&batch, "supplier_name", row)?,
            });
        }
    }
    Ok(totals)
}

async fn groups(session: &SessionContext, sql: &str) -> Result<Vec<GroupTotal>, LakeError> {
    let mut out = Vec::new();
    for batch in rows(session, sql).await? {
        for row in 0..batch.num_rows() {
            out.push(GroupTotal {
                id: text(&batch, "id", row)?,
                name: text(&batch, "name", row)?,
                contracts: integer(&batch, "n", row)?,
                total_value: money(&batch, "total", row)?,
            });
        }
    }
    Ok(out)
}

async fn rows(session: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>, LakeError> {
    Ok(session.sql(sql).await?.collect().await?)
}

fn unexpected(column: &str) -> LakeError {
    LakeError::Schema { table: "contracts", detail: format!("column {column} is not what the query says") }
}

fn text(batch: &RecordBatch, column: &str, row: usize) -> Result<String, LakeError> {
    let array = batch.column_by_name(column).ok_or_else(|| unexpected(column))?;
    let array = array.as_string_opt::<i32>().ok_or_else(|| unexpected(column))?;
    Ok(if array.is_null(row) { String::new() } else { array.value(row).to_owned() })
}

fn integer(batch: &RecordBatch, column: &str, row: usize) -> Result<i64, LakeError> {
    let array = batch.column_by_name(column).ok_or_else(|| unexpected(column))?;
    Ok(array.as_primitive_opt::<Int64Type>().ok_or_else(|| unexpected(column))?.value(row))
}

fn money(batch: &RecordBatch, column: &str, row: usize) -> Result<Money, LakeError> {
    let array = batch.column_by_name(column).ok_or_else(|| unexpected(column))?;
    let array = array.as_primitive_opt::<Decimal128Type>().filter(|array| array.scale() == 2);
    Ok(Money::from_cents(array.ok_or_else(|| unexpected(column))?.value(row)))
}
