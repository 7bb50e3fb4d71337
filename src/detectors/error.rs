use datafusion::common::DataFusionError;

/// Why detectors cannot be read or run.
#[derive(Debug, thiserror::Error)]
pub enum DetectorError {
    /// A detector's file does not keep to the form.
    #[error("detector {detector}: {message}")]
    Definition {
        /// Id, or what stands for it.
        detector: String,
        /// Field, rule and value.
        message: String,
    },
    /// A detector's query answers what its header does not allow.
    #[error("detector {detector} broke its contract: {message}")]
    Answer {
        /// Id.
        detector: String,
        /// Column, rule and value.
        message: String,
    },
    /// A user's own detector used more than it may.
    #[error("detector {detector} {message}")]
    Limit {
        /// Id.
        detector: String,
        /// The limit that it passed.
        message: String,
    },
    /// The table of legal limits is malformed.
    #[error("legal limits, line {line}: {message}")]
    Limits {
        /// Line of the table, the header being line 1.
        line: usize,
        /// Field, rule and value.
        message: String,
    },
    /// A file of a user's own detector is not as it must be.
    #[error("{path}: {}", with_causes(.error))]
    InFile {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        error: Box<DetectorError>,
    },
    /// A file of detectors cannot be read.
    #[error("detectors in {path}")]
    Read {
        /// The file or directory.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The query engine failed.
    #[error("{what}")]
    Query {
        /// Which step.
        what: String,
        /// Why.
        source: Box<DataFusionError>,
    },
}

/// An error and what it comes of, on one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    text.replace(['\n', '\r'], " ")
}

impl DetectorError {
    /// Names the step at which the query engine failed.
    pub(super) fn query(what: impl Into<String>) -> impl FnOnce(DataFusionError) -> Self {
        let what = what.into();
        move |source| Self::Query { what, source: Box::new(source) }
    }

    /// Whether a query needed more memory than there is.
    pub(super) fn is_out_of_memory(&self) -> bool {
        match self {
            Self::Query { source, .. } => matches!(source.find_root(), DataFusionError::ResourcesExhausted(_)),
            _ => false,
        }
    }
}
