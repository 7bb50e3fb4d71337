//! Writes a Parquet file again with another status for some of its rows.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::array::{RecordBatch, StringArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{LakeError, TableWriter};
use crate::model::{LakeFile, TableQuality};

/// Rows that are decoded at once.
const BATCH_ROWS: usize = 8_192;
const COLUMN: &str = "row_status";

/// Gives the rows at these places `status` as `row_status`. `name` is that under which the file was created; it
/// is replaced as a whole. `today` is the day on which its rows were taken in: what they are worth is counted anew.
///
/// # Errors
/// If the file cannot be read or written.
pub fn rewrite_status(
    root: &Path,
    file: &LakeFile,
    name: &str,
    mut places: Vec<u64>,
    status: &str,
    today: NaiveDate,
) -> Result<(LakeFile, Option<TableQuality>), LakeError> {
    places.sort_unstable();
    let path = root.join(&file.path);
    let schema = |detail: String| LakeError::Schema { table: file.table.as_str(), detail };
    let opened = File::open(&path).map_err(LakeError::io(&path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(opened)
        .and_then(|reader| reader.with_batch_size(BATCH_ROWS).build())
        .map_err(|error| schema(error.to_string()))?;
    let mut writer = TableWriter::create(root, file.table, name)?.counting(today)?;
    let mut place = 0_u64;
    let mut next = places.into_iter().peekable();
    for batch in reader {
        let batch = batch.map_err(|error| schema(error.to_string()))?;
        let end = place + batch.num_rows() as u64;
        let mut changed = Vec::new();
        while let Some(row) = next.next_if(|row| *row < end) {
            changed.push((row - place) as usize);
        }
        place = end;
        if changed.is_empty() {
            writer.append(&batch)?;
        } else {
            writer.append(&with_status(&batch, &changed, status).ok_or_else(|| schema(format!("no {COLUMN}")))?)?;
        }
    }
    writer.finish_counted()
}

fn with_status(batch: &RecordBatch, rows: &[usize], status: &str) -> Option<RecordBatch> {
    let index = batch.schema().index_of(COLUMN).ok()?;
    let before: &StringArray = batch.column(index).as_any().downcast_ref()?;
    let mut after: Vec<Option<&str>> = before.iter().collect();
    for row in rows {
        *after.get_mut(*row)? = Some(status);
    }
    let mut columns = batch.columns().to_vec();
    *columns.get_mut(index)? = Arc::new(StringArray::from(after));
    RecordBatch::try_new(batch.schema(), columns).ok()
}
