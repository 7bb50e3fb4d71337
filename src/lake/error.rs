use std::io;
use std::path::{Path, PathBuf};

use datafusion::error::DataFusionError;

use crate::store::StoreError;

/// Whether an error comes from a bucket that cannot be read now.
pub fn is_away(error: &(dyn std::error::Error + 'static)) -> bool {
    LakeError::of_object(error).is_some()
}

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
    /// An object of the lake's bucket cannot be read or written, or the bucket not be reached.
    #[error("cannot {action} {object}: {problem}")]
    Object {
        /// What was to be done.
        action: &'static str,
        /// The object or the bucket, as a URL.
        object: String,
        /// What went wrong, and what to do about it.
        problem: String,
    },
    /// A setting of the lake's bucket is malformed or missing.
    #[error("{field}: {rule}, got {value:?}")]
    Setting {
        /// The environment variable, or the group of them.
        field: &'static str,
        /// The rule that it breaks.
        rule: String,
        /// The value.
        value: String,
    },
    /// The query engine failed.
    #[error("query engine: {0}")]
    Engine(#[source] DataFusionError),
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

impl From<DataFusionError> for LakeError {
    fn from(error: DataFusionError) -> Self {
        // What the bucket said is of use, the steps of the engine that it came through are not.
        Self::of_object(&error).unwrap_or(Self::Engine(error))
    }
}

impl From<object_store::Error> for LakeError {
    fn from(error: object_store::Error) -> Self {
        Self::of_object(&error).unwrap_or_else(|| Self::Object {
            action: "use",
            object: "the bucket of the lake".to_owned(),
            problem: error.to_string(),
        })
    }
}

impl LakeError {
    /// The error of an object that caused another one.
    pub(crate) fn of_object(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let causes = std::iter::successors(Some(error), |error| error.source());
        causes.filter_map(|cause| cause.downcast_ref::<Self>()).find_map(|own| match own {
            Self::Object { action, object, problem } => {
                Some(Self::Object { action, object: object.clone(), problem: problem.clone() })
            }
            _ => None,
        })
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
