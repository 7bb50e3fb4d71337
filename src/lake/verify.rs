//! Checks the files of a version against the manifest and against their schemas.

use datafusion::arrow::datatypes::Schema;
use serde::Serialize;

use super::{LakeError, LakeSnapshot, schema};
use crate::model::{LakeFile, Table};

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Defect {
    /// Its path, relative to the root of the lake.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Verification {
    /// Version that was checked.
    pub version: i64,
    /// Files that were read from beginning to end.
    pub files: usize,
    /// Their rows.
    pub rows: i64,
    /// Files that are missing, damaged or not what the manifest says.
    pub defects: Vec<Defect>,
}

/// Reads every file of a version in full. Blocks the thread; `progress` is told how many are done.
pub fn verify(snapshot: &LakeSnapshot, progress: &dyn Fn(usize)) -> Verification {
    let mut found = Verification { version: snapshot.version(), ..Verification::default() };
    for (done, file) in (1..).zip(snapshot.files()) {
        match rows(snapshot, file) {
            Ok(rows) => {
                found.files += 1;
                found.rows += rows;
            }
            Err(problem) => found.defects.push(Defect { path: file.path.clone(), problem }),
        }
        progress(done);
    }
    found
}

/// The rows of a file, each of them decoded.
fn rows(snapshot: &LakeSnapshot, file: &LakeFile) -> Result<i64, String> {
    let batches = snapshot.place().read(file, None).map_err(problem)?;
    let bytes = batches.bytes();
    if i64::try_from(bytes) != Ok(file.bytes) {
        return Err(format!("{bytes} bytes, the manifest says {}", file.bytes));
    }
    fits(file.table, batches.schema())?;
    let mut rows = 0;
    for batch in batches {
        rows += batch.map_err(problem)?.num_rows() as i64;
    }
    if rows != file.rows {
        return Err(format!("{rows} rows, the manifest says {}", file.rows));
    }
    Ok(rows)
}

/// What is wrong, without the name of the file.
fn problem(error: LakeError) -> String {
    match error {
        LakeError::Io { source, .. } => source.to_string(),
        LakeError::Object { problem, .. } => problem,
        error => error.to_string(),
    }
}

/// Whether a file has the columns of its table; columns that are newer than the file may be missing
/// where they may be null.
fn fits(table: Table, own: &Schema) -> Result<(), String> {
    for field in schema::of(table).fields() {
        match own.field_with_name(field.name()) {
            Ok(found) if found.data_type() == field.data_type() => {}
            Ok(found) => {
                return Err(format!("column {} is {}, not {}", field.name(), found.data_type(), field.data_type()));
            }
            Err(_) if field.is_nullable() => {}
            Err(_) => return Err(format!("column {} is missing", field.name())),
        }
    }
    Ok(())
}
