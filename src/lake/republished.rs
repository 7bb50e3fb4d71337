//! Ids that several files of a table have: a contract whose publication moved from one month to another.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::datasource::MemTable;
use datafusion::functions_aggregate::expr_fn::{count, max};
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::prelude::{DataFrame, SessionContext};
use futures::StreamExt as _;
use rayon::slice::ParallelSliceMut as _;

use super::{LakeError, schema};
use crate::model::Table;

pub(super) const SHADOW_ID: &str = "republished_id";
pub(super) const SHADOW_LATEST: &str = "republished_latest";
const SHADOW_COUNT: &str = "republished_count";

/// Ids whose hashes are held at once: 128 MiB of them.
const AT_ONCE: usize = 1 << 24;
/// Ids that may be republished before they are found by grouping all rows, which spills to disk.
const MOST_SUSPECTS: usize = 1 << 19;

/// A row that its file does not take back: one that counts, or one that a later import found to be no spending.
pub(super) fn is_latest_of_its_file() -> Expr {
    col("row_status").in_list(vec![lit(schema::CURRENT), lit(schema::NOT_SPENDING)], false)
}

/// The ids that are current in more than one file, each with the latest import that has it: import
/// ids are UUIDs of version 7, which sort by time. `rows` is how many rows the table has.
///
/// Nearly all ids are in one file: hashes find those that may not be, and only their rows are grouped.
pub(super) async fn republished_ids(
    session: &SessionContext,
    all: DataFrame,
    table: Table,
    rows: i64,
) -> Result<Vec<RecordBatch>, LakeError> {
    let columns = vec![col(table.id_column()).alias(SHADOW_ID), col("import_id")];
    let latest = all.filter(is_latest_of_its_file())?.select(columns)?;
    let passes = usize::try_from(rows).unwrap_or(0).div_ceil(AT_ONCE).max(1) as u64;
    let mut suspects: HashSet<u64> = HashSet::new();
    for pass in 0..passes {
        let mut hashes: Vec<u64> = Vec::new();
        let mut stream = latest.clone().select_columns(&[SHADOW_ID])?.execute_stream().await?;
        while let Some(batch) = stream.next().await {
            hashes.extend(hashes_of(&batch?, table)?.filter(|hash| hash % passes == pass));
        }
        hashes.par_sort_unstable();
        let repeated = hashes.chunk_by(PartialEq::eq).filter(|same| same.len() > 1);
        suspects.extend(repeated.filter_map(|same| same.first()));
        if suspects.len() > MOST_SUSPECTS {
            return grouped(latest).await;
        }
    }
    if suspects.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let schema = Arc::new(latest.schema().as_arrow().clone());
    let mut stream = latest.execute_stream().await?;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let suspect: BooleanArray = hashes_of(&batch, table)?.map(|hash| Some(suspects.contains(&hash))).collect();
        let kept = filter_record_batch(&batch, &suspect).map_err(datafusion::error::DataFusionError::from)?;
        if kept.num_rows() > 0 {
            found.push(kept);
        }
    }
    grouped(session.read_table(Arc::new(MemTable::try_new(schema, vec![found])?))?).await
}

async fn grouped(latest: DataFrame) -> Result<Vec<RecordBatch>, LakeError> {
    let imports = || col("import_id");
    let ids = latest.aggregate(
        vec![col(SHADOW_ID)],
        vec![max(imports()).alias(SHADOW_LATEST), count(imports()).alias(SHADOW_COUNT)],
    )?;
    let repeated = ids.filter(col(SHADOW_COUNT).gt(lit(1_i64)))?;
    Ok(repeated.select_columns(&[SHADOW_ID, SHADOW_LATEST])?.collect().await?)
}

/// A hash of each id of a batch.
fn hashes_of(batch: &RecordBatch, table: Table) -> Result<impl Iterator<Item = u64> + '_, LakeError> {
    let ids = batch.column_by_name(SHADOW_ID).and_then(|ids| ids.as_string_opt::<i32>());
    let ids = ids.ok_or_else(|| LakeError::Schema { table: table.as_str(), detail: "ids are no texts".to_owned() })?;
    Ok(ids.iter().map(|id| {
        let mut hasher = DefaultHasher::new();
        hasher.write(id.unwrap_or_default().as_bytes());
        hasher.finish()
    }))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::StringArray;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    #[tokio::test]
    async fn only_what_several_imports_have_is_found() {
        let session = super::super::session(64 << 20, 2).unwrap();
        let columns = ["contract_id", "import_id", "row_status"];
        let fields: Vec<Field> = columns.iter().map(|name| Field::new(*name, DataType::Utf8, false)).collect();
        let batch = |rows: &[[&str; 3]]| {
            let of = |at: usize| StringArray::from_iter_values(rows.iter().map(|row| row[at]));
            let columns = (0..3).map(|at| Arc::new(of(at)) as _).collect();
            RecordBatch::try_new(Arc::new(Schema::new(fields.clone())), columns).unwrap()
        };
        let find = async |batches: Vec<RecordBatch>, rows: i64| {
            let all = MemTable::try_new(batches[0].schema(), vec![batches]).unwrap();
            let all = session.read_table(Arc::new(all)).unwrap();
            let found = republished_ids(&session, all, Table::Contracts, rows).await.unwrap();
            let texts = |batch: &RecordBatch, at: usize| -> Vec<String> {
                batch.column(at).as_string::<i32>().iter().flatten().map(ToOwned::to_owned).collect()
            };
            let mut found: Vec<_> = found.iter().flat_map(|one| texts(one, 0).into_iter().zip(texts(one, 1))).collect();
            found.sort();
            found
        };
        let first = [["a", "1", "current"], ["b", "1", "current"], ["c", "1", "superseded"], ["d", "1", "current"]];
        let second = [["a", "2", "current"], ["c", "2", "current"], ["d", "2", "not_spending"], ["e", "2", "current"]];
        let expected = [("a", "2"), ("d", "2")].map(|(id, import)| (id.to_owned(), import.to_owned()));
        assert_eq!(find(vec![batch(&first), batch(&second)], 8).await, expected);
        // In several passes.
        assert_eq!(find(vec![batch(&first), batch(&second)], 3 * AT_ONCE as i64).await, expected);
        assert_eq!(find(vec![batch(&first)], 4).await, []);
    }
}
