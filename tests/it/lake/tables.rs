//! The canonical tables: each is there, written and read back, and files of an earlier schema stay readable.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use cidadao::lake::{LakeSnapshot, TableWriter, schema, session, verify};
use cidadao::model::{LakeFile, Table};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::prelude::SessionContext;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Writes one row: every text is its column's name, every other value fixed.
fn write(root: &Path, table: Table, name: &str) -> LakeFile {
    let mut writer = TableWriter::create(root, table, name).unwrap();
    writer
        .row(|out| {
            for field in schema::of(table).fields() {
                match field.data_type() {
                    DataType::Utf8 if field.name() == "row_status" => out.text(schema::CURRENT),
                    DataType::Utf8 => out.text(field.name()),
                    DataType::Date32 => out.day(NaiveDate::from_ymd_opt(2024, 1, 31)),
                    DataType::Decimal128(..) => out.decimal(Some(1_234)),
                    DataType::Int64 => out.integer(7),
                    DataType::Boolean => out.truth(Some(true)),
                    _ => out.moment(DateTime::<Utc>::from_timestamp_micros(1_706_702_400_000_001)),
                };
            }
        })
        .unwrap();
    writer.finish().unwrap()
}

/// Rewrites a file without some columns.
fn strip(root: &Path, file: &LakeFile, without: &[&str]) {
    let path = root.join(&file.path);
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let schema: SchemaRef = batches[0].schema();
    let kept: Vec<usize> =
        (0..schema.fields().len()).filter(|at| !without.contains(&schema.field(*at).name().as_str())).collect();
    let old = Arc::new(schema.project(&kept).unwrap());
    assert_eq!(old.fields().len() + without.len(), schema.fields().len());
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), old, None).unwrap();
    batches.iter().for_each(|batch| writer.write(&batch.project(&kept).unwrap()).unwrap());
    writer.close().unwrap();
}

async fn read(session: &SessionContext, sql: &str) -> RecordBatch {
    let frame = session.sql(sql).await.unwrap();
    let schema: Arc<Schema> = Arc::clone(frame.schema().inner());
    concat_batches(&schema, &frame.collect().await.unwrap()).unwrap()
}

#[tokio::test]
async fn every_table_is_written_and_read_back() {
    let root = tempfile::tempdir().unwrap();
    let files = Table::ALL.map(|table| write(root.path(), table, "one")).to_vec();
    let session = session(64 << 20, 1).unwrap();
    LakeSnapshot::from_files(root.path().to_owned(), files).register(&session).await.unwrap();
    for table in Table::ALL {
        let batch = read(&session, &format!("SELECT * FROM {}_all", table.as_str())).await;
        assert_eq!(batch.schema().fields(), schema::of(table).fields(), "{}", table.as_str());
        assert_eq!(batch.num_rows(), 1);
        assert!(batch.columns().iter().all(|column| column.is_valid(0)), "{}", table.as_str());
        assert!(batch.column_by_name(table.id_column()).is_some());
    }
    let batch = read(&session, "SELECT CAST(bid_time AS VARCHAR) AS at, amount, won FROM bids_all").await;
    assert_eq!(batch.column(0).as_string::<i32>().value(0), "2024-01-31T12:00:00.000001Z");
    assert!(batch.column(2).as_boolean().value(0));
}

#[tokio::test]
async fn files_of_an_earlier_schema_are_read_with_nulls() {
    let root = tempfile::tempdir().unwrap();
    let late: [(Table, &[&str]); 4] = [
        (Table::Contracts, &["ocid", "tender_id", "currency", "category"]),
        (Table::Amendments, &["value", "signature_date"]),
        (Table::Tenders, &["period_start_clock", "period_end_clock"]),
        (Table::Bids, &["bid_clock"]),
    ];
    let mut files = Vec::new();
    for (table, columns) in late {
        let old = write(root.path(), table, "old");
        strip(root.path(), &old, columns);
        files.extend([old, write(root.path(), table, "new")]);
    }
    let session = session(64 << 20, 2).unwrap();
    LakeSnapshot::from_files(root.path().to_owned(), files).register(&session).await.unwrap();
    for (table, columns) in late {
        for column in columns {
            let sql = format!("SELECT count({column}) AS given, count(*) AS n FROM {}_all", table.as_str());
            let batch = read(&session, &sql).await;
            let count = |at| batch.column(at).as_primitive::<datafusion::arrow::datatypes::Int64Type>().value(0);
            assert_eq!((count(0), count(1)), (1, 2), "{column}");
        }
    }
    let sql = "SELECT number FROM contracts_all WHERE currency IS NULL AND current_value = 12.34";
    assert_eq!(read(&session, sql).await.num_rows(), 1);
}

#[tokio::test]
async fn files_that_are_not_what_the_manifest_says_are_found() {
    let root = tempfile::tempdir().unwrap();
    let mut files: Vec<LakeFile> =
        ["sound", "old", "cut", "gone", "short"].map(|name| write(root.path(), Table::Contracts, name)).into();
    strip(root.path(), &files[1], &["currency", "category"]);
    let length = |file: &LakeFile| std::fs::metadata(root.path().join(&file.path)).unwrap().len();
    files[1].bytes = length(&files[1]) as i64;
    let cut = std::fs::read(root.path().join(&files[2].path)).unwrap();
    // Of the right length, but damaged in the middle.
    let damaged: Vec<u8> =
        cut.iter().enumerate().map(|(at, byte)| if at > 4 && at < cut.len() / 2 { !byte } else { *byte }).collect();
    std::fs::write(root.path().join(&files[2].path), damaged).unwrap();
    std::fs::remove_file(root.path().join(&files[3].path)).unwrap();
    files[4].rows = 2;
    let snapshot = LakeSnapshot::from_files(root.path().to_owned(), files.clone());
    let found = verify(&snapshot, &|_| {});
    assert_eq!((found.files, found.rows), (2, 2));
    let paths: Vec<&str> = found.defects.iter().map(|defect| defect.path.as_str()).collect();
    assert_eq!(paths, files[2..].iter().map(|file| file.path.as_str()).collect::<Vec<_>>());
    assert!(found.defects[2].problem.contains("1 rows, the manifest says 2"), "{}", found.defects[2].problem);
}
