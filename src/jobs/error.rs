use crate::store::StoreError;

/// Why a call to the queue fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobsError {
    /// There is no such job.
    #[error("no job has the id {id:?}")]
    NotFound {
        /// The id.
        id: String,
    },
    /// A watcher wants to go on after an event that there is not yet.
    #[error("after_sequence must be at most {last}, the last event of the job, not {asked}")]
    SequenceAhead {
        /// What was asked.
        asked: i64,
        /// Sequence of the last event.
        last: i64,
    },
    /// A watcher wants to go on after an event whose successor is kept no longer.
    #[error("the event after {asked} is kept no longer; the oldest one that is has the sequence {oldest}")]
    Deleted {
        /// What was asked.
        asked: i64,
        /// Sequence of the oldest event that is kept; one above the last where none is.
        oldest: i64,
    },
    /// The store refuses or fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a handler did not bring its job to an end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobFailure {
    /// The job itself fails. Reason and message are public: callers read them.
    #[error("{reason}: {message}")]
    Failed {
        /// Stable reason, UPPER_SNAKE_CASE.
        reason: String,
        /// In words that a caller may read.
        message: String,
        /// Whether another attempt may do better.
        retryable: bool,
    },
    /// It was told to stop: cancelled, its lease lost, or the worker shuts down. The worker pool
    /// knows which and does what follows.
    #[error("told to stop")]
    Stopped,
    /// The store fails in a way that waiting does not mend.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl JobFailure {
    /// The job fails for good.
    pub fn failed(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), message: message.into(), retryable: false }
    }

    /// As [`Self::failed`], of a cause that is for the log and not for the caller.
    pub fn permanent(reason: &str, message: &str, cause: impl std::fmt::Display) -> Self {
        tracing::error!(reason, %cause, "{message}");
        Self::failed(reason, message)
    }

    /// As [`Self::retryable`], of a cause that is for the log and not for the caller.
    pub fn transient(reason: &str, message: &str, cause: impl std::fmt::Display) -> Self {
        tracing::warn!(reason, %cause, "{message}");
        Self::retryable(reason, message)
    }

    /// The job fails for now; it is tried again after a while, a few times.
    pub fn retryable(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), message: message.into(), retryable: true }
    }
}
