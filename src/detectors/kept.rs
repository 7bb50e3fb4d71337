//! Rows that a query gave, kept for other queries: in memory while they are few, in a file of the session's
//! temporary directory once they are many.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::MemTable;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryReservation};
use datafusion::prelude::SessionContext;
use futures::StreamExt as _;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use tempfile::NamedTempFile;

use crate::lake;

/// Part of the memory of a session that the rows of one query may take.
const MEMORY_PART: usize = 12;
/// Part of the memory of a session beyond which nothing more is kept there: what is kept for a whole run must leave
/// room for its queries.
const TAKEN_PART: usize = 3;
/// Rows of a row group of a file: as many are read by one thread at a time.
const ROW_GROUP_ROWS: usize = 65_536;

/// Rows that are kept for as long as this is.
#[derive(Debug)]
pub(super) struct Kept {
    memory: MemoryReservation,
    file: Option<NamedTempFile>,
}

/// Keeps the rows of a query: the table is to be used no longer than what is returned with it.
///
/// # Errors
/// If the query fails, or the file cannot be written.
pub(super) async fn keep(
    context: &SessionContext,
    name: &str,
    mut rows: SendableRecordBatchStream,
) -> Result<(Arc<dyn TableProvider>, Kept)> {
    let pool = Arc::clone(&context.runtime_env().memory_pool);
    let limit = match pool.memory_limit() {
        MemoryLimit::Finite(bytes) => bytes,
        MemoryLimit::Infinite | MemoryLimit::Unknown => usize::MAX,
    };
    let fits =
        |own: usize, more: usize| own + more <= limit / MEMORY_PART && pool.reserved() + more <= limit / TAKEN_PART;
    let memory = MemoryConsumer::new(name).register(&pool);
    let schema = rows.schema();
    let mut batches: Vec<RecordBatch> = Vec::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let bytes = bytes_of(&batch);
        batches.push(batch);
        if !fits(memory.size(), bytes) || memory.try_grow(bytes).is_err() {
            return to_file(context, name, schema, batches, rows, memory).await;
        }
    }
    // As many partitions as there are processors would read at once.
    let threads = context.state().config().target_partitions().max(1);
    let mut partitions = vec![Vec::new(); threads];
    for (place, batch) in batches.into_iter().enumerate() {
        if let Some(partition) = partitions.get_mut(place % threads) {
            partition.push(batch);
        }
    }
    Ok((Arc::new(MemTable::try_new(schema, partitions)?), Kept { memory, file: None }))
}

/// Bytes of the rows of a batch. What groups rows gives them as slices of one large batch, each of which has the whole
/// in its memory.
pub(super) fn bytes_of(batch: &RecordBatch) -> usize {
    let of_rows = |column: &ArrayRef| column.to_data().get_slice_memory_size();
    batch.columns().iter().map(|column| of_rows(column).unwrap_or_else(|_| column.get_array_memory_size())).sum()
}

/// Writes the rows so far and those to come to a file.
async fn to_file(
    context: &SessionContext,
    name: &str,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    mut rows: SendableRecordBatchStream,
    memory: MemoryReservation,
) -> Result<(Arc<dyn TableProvider>, Kept)> {
    let directory = context.runtime_env().disk_manager.temp_dir_paths().into_iter().next();
    let directory = directory.unwrap_or_else(std::env::temp_dir);
    let file = tempfile::Builder::new().prefix(name).suffix(".parquet").tempfile_in(directory)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build();
    let mut writer = ArrowWriter::try_new(file.reopen()?, Arc::clone(&schema), Some(properties))?;
    for batch in batches {
        writer.write(&batch)?;
    }
    memory.free();
    while let Some(batch) = rows.next().await {
        writer.write(&batch?)?;
    }
    writer.close()?;
    let table = lake::table_of_files([file.path().to_owned()], schema);
    let table = table.map_err(|error| DataFusionError::External(error.into()))?;
    Ok((table, Kept { memory, file: Some(file) }))
}

impl Kept {
    /// Whether the rows went to a file.
    pub(super) fn in_file(&self) -> bool {
        self.file.is_some()
    }

    /// Bytes of memory that they take.
    pub(super) fn memory(&self) -> usize {
        self.memory.size()
    }
}
