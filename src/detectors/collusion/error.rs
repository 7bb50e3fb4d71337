use std::path::PathBuf;

/// Why the cartel screens cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum CollusionError {
    /// The embedded model is malformed.
    #[error("model of the cartel screens: {0}")]
    Model(String),
    /// A file cannot be read.
    #[error("{path}")]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no CSV.
    #[error("{path}")]
    Csv {
        /// The file.
        path: PathBuf,
        /// Why.
        source: csv::Error,
    },
    /// A file lacks a column.
    #[error("{path}: column {column} is missing")]
    Column {
        /// The file.
        path: PathBuf,
        /// Its name, or the names of which one is needed.
        column: &'static str,
    },
    /// A row holds what it may not.
    #[error("{path}, line {line}: {column} must be {rule}, got {value:?}")]
    Value {
        /// The file.
        path: PathBuf,
        /// Its line, the header being line 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// What is allowed.
        rule: &'static str,
        /// What is there.
        value: String,
    },
    /// A directory has no CSV file.
    #[error("{0}: no CSV file")]
    Empty(PathBuf),
}
