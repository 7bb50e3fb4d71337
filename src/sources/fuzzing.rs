//! What the fuzz targets (`fuzz/`) call that nothing else outside of this module does. It is part of no other build.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use datafusion::arrow::array::AsArray as _;
use datafusion::arrow::datatypes::DataType;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::answers::{self, Page};
use super::ocds::{self, values};
use super::records::{Records, Step};
use super::{ImportError, ImportFormat, ParsedFiles, PiiKey, parse, portal};
use crate::model::LakeFile;

/// A record of a CSV file and the line it begins on, or the line of something that is none.
pub type Row = Result<(i64, Vec<String>), i64>;

/// The header of a CSV file and what follows; `None` if there is no header.
///
/// # Errors
/// If the file cannot be read.
pub fn records(input: impl Read) -> io::Result<Option<(Vec<String>, Vec<Row>)>> {
    let Some(mut records) = Records::open(input)? else { return Ok(None) };
    let header = records.header().iter().map(ToOwned::to_owned).collect();
    let mut rows = Vec::new();
    while let Some(step) = records.step()? {
        rows.push(match step {
            Step::Record(line, fields) => Ok((line, fields.iter().map(ToOwned::to_owned).collect())),
            Step::Unreadable(line, ..) => Err(line),
        });
    }
    Ok(Some((header, rows)))
}

/// Makes Parquet files of published ones, said to be of a format.
///
/// # Errors
/// Those of [`super::files_to_parquet`].
pub fn files_to_parquet(
    paths: &[PathBuf],
    format: Option<ImportFormat>,
    directory: &Path,
    key: &PiiKey,
) -> Result<ParsedFiles, ImportError> {
    parse::files_to_parquet_of(paths, format, directory, key, &|_| ())
}

/// Calls `visit` with table, column and content of every text of Parquet files, and gives their rows.
///
/// # Errors
/// If a file cannot be read.
pub fn texts(root: &Path, files: &[LakeFile], visit: &mut dyn FnMut(&str, &str, &str)) -> io::Result<i64> {
    let mut rows = 0;
    for file in files {
        let opened = File::open(root.join(&file.path))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(opened).and_then(ParquetRecordBatchReaderBuilder::build);
        for batch in reader.map_err(io::Error::other)? {
            let batch = batch.map_err(io::Error::other)?;
            rows += batch.num_rows() as i64;
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                let mut each = |text: Option<&str>| {
                    if let Some(text) = text {
                        visit(file.table.as_str(), field.name(), text);
                    }
                };
                match column.data_type() {
                    DataType::Utf8 => column.as_string::<i32>().iter().for_each(&mut each),
                    DataType::LargeUtf8 => column.as_string::<i64>().iter().for_each(&mut each),
                    DataType::Utf8View => column.as_string_view().iter().for_each(&mut each),
                    _ => {}
                }
            }
        }
    }
    Ok(rows)
}

/// The number of records of a page of an API; `None` if it is none, or not whole.
pub fn page(text: &[u8]) -> Option<usize> {
    Page::cut(text).filter(Page::is_whole).map(|page| page.records().count())
}

/// What a text is as the sources write values.
#[derive(Debug)]
pub struct Values {
    /// `DD/MM/AAAA`, as ISO 8601 writes it.
    pub portal_day: Option<String>,
    /// `AAAA-MM-DD`.
    pub day: Option<String>,
    /// A moment, as RFC 3339 writes it.
    pub moment: Option<String>,
    /// A JSON number in cents, and whether it was rounded.
    pub cents: Option<(i128, bool)>,
    /// A decimal of an API, as JSON writes it.
    pub plain: Option<String>,
    /// A quantity of a bulk file in ten-thousandths.
    pub quantity: Option<i128>,
}

/// Reads a text as every kind of value.
pub fn values(text: &str) -> Values {
    Values {
        portal_day: portal::parse_date(text).map(|day| day.to_string()),
        day: values::parse_day(text).map(|day| day.to_string()),
        moment: values::parse_moment(text).map(|moment| moment.to_rfc3339()),
        cents: values::parse_decimal(text, 2),
        plain: answers::plain_decimal(text).map(Cow::into_owned),
        quantity: portal::parse_quantity(text, ',').ok(),
    }
}

/// Where the JSON value ends that a text begins with, read in blocks of a size.
pub fn value_end(text: &[u8], block: usize) -> Option<usize> {
    let mut skipper = ocds::split::Skipper::default();
    let mut before = 0;
    text.chunks(block.max(1)).find_map(|block| {
        let end = skipper.feed(block).map(|end| before + end);
        before += block.len();
        end
    })
}

pub use ocds::fuzzing::{compile, units};
