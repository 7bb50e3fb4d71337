//! Writes one Parquet file of a canonical table, row by row, in bounded memory.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use datafusion::arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::quality::Counter;
use super::{LakeError, schema};
use crate::model::{LakeFile, Table, TableQuality};

/// Rows that are collected before they are encoded.
const BATCH_ROWS: usize = 8_192;
/// Rows of a row group: small enough to prune by, large enough to compress.
const ROW_GROUP_ROWS: usize = 131_072;
/// Columns that are different in most rows, as the id of the table is, or in so many that their dictionary would be
/// full long before a row group is: it would be of no use.
const DISTINCT: [&str; 24] = [
    "number",
    "contract_number",
    "tender_number",
    "ocid",
    "object",
    "object_folded",
    "source_line",
    "tender_id",
    "supplier_id_published",
    "supplier_id",
    "supplier_key",
    "bidder_id_published",
    "bidder_id",
    "bidder_key",
    "bidder_name",
    "supplier_name",
    "estimated_value",
    "root",
    "initial_value",
    "current_value",
    "value",
    "total_value",
    "unit_price",
    "amount",
];
/// Texts that nothing is looked up by, or that are the same in nearly all rows of a file, so that nobody asks within which
/// bounds they are.
const PROSE: [&str; 17] = [
    "object",
    "object_folded",
    "description",
    "description_folded",
    "details",
    "legal_basis",
    "name",
    "supplier_name",
    "bidder_name",
    "address",
    "buyer_name",
    "organ_name",
    "superior_organ_name",
    "modality_name",
    "row_status",
    "import_id",
    "source_file",
];
/// Days from 0001-01-01 to 1970-01-01.
const EPOCH_FROM_CE: i32 = 719_163;

/// One column that is being filled.
#[derive(Debug)]
enum Column {
    Text(StringBuilder),
    Day(Date32Builder),
    Decimal(Decimal128Builder),
    Integer(Int64Builder),
    Moment(TimestampMicrosecondBuilder),
    Truth(BooleanBuilder),
}

impl Column {
    fn new(kind: &DataType) -> Option<Self> {
        Some(match kind {
            DataType::Utf8 => Self::Text(StringBuilder::new()),
            DataType::Date32 => Self::Day(Date32Builder::new()),
            DataType::Decimal128(..) => Self::Decimal(Decimal128Builder::new().with_data_type(kind.clone())),
            DataType::Int64 => Self::Integer(Int64Builder::new()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Self::Moment(TimestampMicrosecondBuilder::new().with_data_type(kind.clone()))
            }
            DataType::Boolean => Self::Truth(BooleanBuilder::new()),
            _ => return None,
        })
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => {
                let (rows, bytes) = (ArrayBuilder::len(builder), builder.values_slice().len());
                let full = ArrayBuilder::finish(builder);
                // The next rows will be about as long.
                *builder = StringBuilder::with_capacity(rows, bytes + bytes / 8);
                full
            }
            Self::Day(builder) => ArrayBuilder::finish(builder),
            Self::Decimal(builder) => ArrayBuilder::finish(builder),
            Self::Integer(builder) => ArrayBuilder::finish(builder),
            Self::Moment(builder) => ArrayBuilder::finish(builder),
            Self::Truth(builder) => ArrayBuilder::finish(builder),
        }
    }
}

/// Fills one row, value by value, in the order of the schema.
///
/// A value of the wrong type is noticed when the row ends.
#[derive(Debug)]
pub struct RowWriter<'a> {
    columns: &'a mut [Column],
    next: usize,
    mismatch: bool,
}

impl RowWriter<'_> {
    fn column(&mut self) -> Option<&mut Column> {
        let column = self.columns.get_mut(self.next);
        self.next += 1;
        column
    }

    /// A text.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.optional_text(Some(value))
    }

    /// A text or null.
    pub fn optional_text(&mut self, value: Option<&str>) -> &mut Self {
        match self.column() {
            Some(Column::Text(builder)) => builder.append_option(value),
            _ => self.mismatch = true,
        }
        self
    }

    /// A day or null.
    pub fn day(&mut self, value: Option<NaiveDate>) -> &mut Self {
        match self.column() {
            Some(Column::Day(builder)) => builder.append_option(value.map(|d| d.num_days_from_ce() - EPOCH_FROM_CE)),
            _ => self.mismatch = true,
        }
        self
    }

    /// A decimal, in units of its last decimal, or null.
    pub fn decimal(&mut self, value: Option<i128>) -> &mut Self {
        match self.column() {
            Some(Column::Decimal(builder)) => builder.append_option(value),
            _ => self.mismatch = true,
        }
        self
    }

    /// A whole number.
    pub fn integer(&mut self, value: i64) -> &mut Self {
        self.optional_integer(Some(value))
    }

    /// A whole number or null.
    pub fn optional_integer(&mut self, value: Option<i64>) -> &mut Self {
        match self.column() {
            Some(Column::Integer(builder)) => builder.append_option(value),
            _ => self.mismatch = true,
        }
        self
    }

    /// A moment or null.
    pub fn moment(&mut self, value: Option<DateTime<Utc>>) -> &mut Self {
        match self.column() {
            Some(Column::Moment(builder)) => builder.append_option(value.map(|at| at.timestamp_micros())),
            _ => self.mismatch = true,
        }
        self
    }

    /// Yes, no or null.
    pub fn truth(&mut self, value: Option<bool>) -> &mut Self {
        match self.column() {
            Some(Column::Truth(builder)) => builder.append_option(value),
            _ => self.mismatch = true,
        }
        self
    }
}

/// Rows of a table that are being collected, outside of any file.
#[derive(Debug)]
pub struct RowBuilder {
    table: Table,
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
}

impl RowBuilder {
    /// No rows yet.
    ///
    /// # Errors
    /// If the schema has a column of a type that is never written.
    pub fn new(table: Table) -> Result<Self, LakeError> {
        let schema = schema::of(table);
        let columns = schema
            .fields()
            .iter()
            .map(|field| Column::new(field.data_type()).ok_or_else(|| field.to_string()))
            .collect::<Result<_, _>>()
            .map_err(|detail| LakeError::Schema { table: table.as_str(), detail })?;
        Ok(Self { table, schema, columns, rows: 0 })
    }

    /// Appends one row; `fill` gives its values in the order of the schema.
    ///
    /// # Errors
    /// If the values do not fit the schema.
    pub fn row(&mut self, fill: impl FnOnce(&mut RowWriter<'_>)) -> Result<(), LakeError> {
        let mut row = RowWriter { columns: &mut self.columns, next: 0, mismatch: false };
        fill(&mut row);
        let (given, mismatch) = (row.next, row.mismatch);
        if mismatch || given != self.columns.len() {
            let detail = format!("{given} values for {} columns, or one of another type", self.columns.len());
            return Err(LakeError::Schema { table: self.table.as_str(), detail });
        }
        self.rows += 1;
        Ok(())
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The rows; the builder begins anew.
    ///
    /// # Errors
    /// If they do not fit the schema.
    pub fn finish(&mut self) -> Result<RecordBatch, LakeError> {
        self.rows = 0;
        let arrays = self.columns.iter_mut().map(Column::finish).collect();
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(|error| LakeError::Schema { table: self.table.as_str(), detail: error.to_string() })
    }
}

/// Writes a Parquet file under a temporary name; [`TableWriter::finish`] makes it visible.
///
/// Dropped before that, it leaves nothing; killed, a file that ends in `.tmp`, which a later import removes.
#[derive(Debug)]
pub struct TableWriter {
    table: Table,
    builder: RowBuilder,
    rows: i64,
    counter: Option<Counter>,
    writer: ArrowWriter<File>,
    temporary: Temporary,
    target: PathBuf,
    relative: String,
}

/// The file that is being written, removed unless it was given its name.
#[derive(Debug)]
struct Temporary {
    path: PathBuf,
    renamed: bool,
}

impl Temporary {
    fn rename(&mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            // What stays, a later import removes.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl TableWriter {
    /// Begins `<root>/<table>/<name>.parquet`.
    ///
    /// # Errors
    /// If the directory or the file cannot be made.
    pub fn create(root: &Path, table: Table, name: &str) -> Result<Self, LakeError> {
        Self::open(root, table, name, false)
    }

    /// Begins a file whose rows will be given in the order of the column that tables are sorted by, so that their pages
    /// are told apart as well.
    ///
    /// # Errors
    /// If the directory or the file cannot be made.
    pub(super) fn create_sorted(root: &Path, table: Table, name: &str) -> Result<Self, LakeError> {
        Self::open(root, table, name, true)
    }

    fn open(root: &Path, table: Table, name: &str, sorted: bool) -> Result<Self, LakeError> {
        let directory = root.join(table.as_str());
        fs::create_dir_all(&directory).map_err(LakeError::io(&directory))?;
        let relative = format!("{}/{name}.parquet", table.as_str());
        let target = root.join(&relative);
        let temporary = directory.join(format!("{name}.parquet.tmp"));
        let file = File::create(&temporary).map_err(LakeError::io(&temporary))?;
        let temporary = Temporary { path: temporary, renamed: false };
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            // Rows stand as they were published: within a row group, pages cannot be told apart by their bounds.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_column_encoding(ColumnPath::from("source_line"), Encoding::DELTA_BINARY_PACKED)
            .set_created_by(concat!("cidadao ", env!("CARGO_PKG_VERSION")).to_owned());
        for column in DISTINCT.into_iter().chain([table.id_column()]) {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
        }
        for column in PROSE {
            properties = properties.set_column_statistics_enabled(ColumnPath::from(column), EnabledStatistics::None);
        }
        let of_table = schema::of(table);
        let by = schema::sorted_by(table);
        if sorted && let Some(place) = of_table.fields().iter().position(|field| field.name() == by) {
            let order = SortingColumn { column_idx: place as i32, descending: false, nulls_first: false };
            properties = properties
                .set_sorting_columns(Some(vec![order]))
                .set_column_statistics_enabled(ColumnPath::from(by), EnabledStatistics::Page);
        }
        let writer = ArrowWriter::try_new(file, of_table, Some(properties.build()))
            .map_err(|error| parquet_error(&temporary.path, table, error))?;
        Ok(Self {
            table,
            builder: RowBuilder::new(table)?,
            rows: 0,
            counter: None,
            writer,
            temporary,
            target,
            relative,
        })
    }

    /// Counts what its rows are worth as well; `today` is the day on which they are taken in.
    ///
    /// # Errors
    /// If the engine does not understand a rule of the table.
    pub fn counting(mut self, today: NaiveDate) -> Result<Self, LakeError> {
        self.counter = Some(Counter::new(self.table, today)?);
        Ok(self)
    }

    /// Appends one row; `fill` gives its values in the order of the schema.
    ///
    /// # Errors
    /// If the values do not fit the schema, or the file cannot be written.
    pub fn row(&mut self, fill: impl FnOnce(&mut RowWriter<'_>)) -> Result<(), LakeError> {
        self.builder.row(fill)?;
        self.rows += 1;
        if self.builder.rows() == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    /// Appends rows that a [`RowBuilder`] of the same table collected.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn append(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        self.flush()?;
        self.rows += batch.num_rows() as i64;
        self.encode(batch)
    }

    fn flush(&mut self) -> Result<(), LakeError> {
        if self.builder.rows() == 0 {
            return Ok(());
        }
        let batch = self.builder.finish()?;
        self.encode(&batch)
    }

    fn encode(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        if let Some(counter) = &mut self.counter {
            counter.add(batch)?;
        }
        self.writer.write(batch).map_err(|error| parquet_error(&self.temporary.path, self.table, error))
    }

    /// Rows so far.
    pub fn rows(&self) -> i64 {
        self.rows
    }

    /// Completes the file: written, synced to disk, renamed to its name.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(self) -> Result<LakeFile, LakeError> {
        Ok(self.finish_counted()?.0)
    }

    /// The same, with what its rows are worth if they were counted; orphans are not.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish_counted(mut self) -> Result<(LakeFile, Option<TableQuality>), LakeError> {
        self.flush()?;
        self.writer.finish().map_err(|error| parquet_error(&self.temporary.path, self.table, error))?;
        let file = self.writer.inner();
        file.sync_all().map_err(LakeError::io(&self.temporary.path))?;
        let bytes = file.metadata().map_err(LakeError::io(&self.temporary.path))?.len();
        self.temporary.rename(&self.target).map_err(LakeError::io(&self.target))?;
        if let Some(directory) = self.target.parent() {
            // The rename is durable only once its directory is.
            File::open(directory).and_then(|handle| handle.sync_all()).map_err(LakeError::io(directory))?;
        }
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let file = LakeFile { table: self.table, path: self.relative, rows: self.rows, bytes, merged: false };
        Ok((file, self.counter.map(Counter::end)))
    }
}

fn parquet_error(path: &Path, table: Table, error: ParquetError) -> LakeError {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(source) => LakeError::Io { path: path.to_owned(), source: *source },
            Err(inner) => LakeError::Schema { table: table.as_str(), detail: inner.to_string() },
        },
        ParquetError::ArrowError(detail) => {
            LakeError::Schema { table: table.as_str(), detail: ArrowError::ParquetError(detail).to_string() }
        }
        other => LakeError::Io { path: path.to_owned(), source: io::Error::other(other) },
    }
}
