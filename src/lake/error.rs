use std::io;
use std::path::{Path, PathBuf};

use datafusion::error::DataFusionError;

use crate::store::StoreError;

/// Why the lake could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// A file of the lake cannot be read or written.
    #[error("cannot access {path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The query engine failed.
    #[error("query engine: {0}")]
    Engine(#[from] DataFusionError),
    /// Rows do not fit the schema of their table: a defect of the writer, not of the data.
    #[error("rows do not fit table {table}: {detail}")]
    Schema {
        /// Name of the table.
        table: &'static str,
        /// What does not fit.
        detail: String,
    },
    /// The manifest cannot be read.
    #[error("manifest of the lake: {0}")]
    Manifest(#[from] StoreError),
    /// There is no such version, or it is kept no longer.
    #[error("version {asked} of the lake does not exist or is kept no longer; the latest is {latest}")]
    NoSuchVersion {
        /// Version that was asked for.
        asked: i64,
        /// Latest version.
        latest: i64,
    },
}

impl LakeError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
