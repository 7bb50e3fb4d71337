use diesel::result::{ConnectionError, DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};

/// Why the store refuses or fails. No text holds a connection string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database is away or does not answer in time. Whether a transaction that was being
    /// committed took effect is then unknown.
    #[error("the database is unavailable: {reason}")]
    Unavailable {
        /// What was seen, for the log.
        reason: String,
    },
    /// The database gave way to another transaction more often than was retried.
    #[error("the database is busy: {reason}")]
    Contention {
        /// What was seen, for the log.
        reason: String,
    },
    /// The request id was used for another request.
    #[error("request_id {request_id:?} was used for another request (job {job_id})")]
    RequestIdReused {
        /// The request id.
        request_id: String,
        /// The job it started.
        job_id: String,
    },
    /// The job has been taken by another worker, or has ended.
    #[error("the lease {token} on job {job_id} is lost")]
    LeaseLost {
        /// The job.
        job_id: String,
        /// The token that no longer holds.
        token: i64,
    },
    /// The log of the job does not end where the caller thinks.
    #[error("the log of job {job_id} ends at {found}, not at {expected}")]
    OutOfStep {
        /// The job.
        job_id: String,
        /// Where the caller thinks it ends.
        expected: i64,
        /// Where it ends.
        found: i64,
    },
    /// There is nothing of that id.
    #[error("no {what} has the id {id:?}")]
    NotFound {
        /// What was looked for, for example `job`.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// Another one has this name, address or prefix already.
    #[error("there is a {what} with the {field} {value:?} already")]
    Exists {
        /// What there is, for example `user`.
        what: &'static str,
        /// The field that must be unique.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// The same content is in the current version of the lake already.
    #[error("dataset {dataset:?} holds this content already (import {import_id})")]
    AlreadyImported {
        /// The dataset.
        dataset: String,
        /// The import that brought it.
        import_id: String,
    },
    /// Somebody else made a version of the lake meanwhile.
    #[error("the lake is at version {found}, not at {expected}")]
    LakeMoved {
        /// The version that the caller worked on.
        expected: i64,
        /// The version there is.
        found: i64,
    },
    /// A value that the store does not take.
    #[error("{field} must {rule}, not {value:?}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The rule.
        rule: &'static str,
        /// The value.
        value: String,
    },
    /// A stored value cannot be read.
    #[error("{table}.{column} of {id:?} cannot be read: {reason}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// Id of the row.
        id: String,
        /// Why.
        reason: String,
    },
    /// The schema could not be brought up to date.
    #[error("the schema of the database could not be brought up to date: {reason}")]
    Migration {
        /// Why.
        reason: String,
    },
    /// The database refused a statement.
    #[error("the database refused a statement: {reason}")]
    Database {
        /// Why, for the log.
        reason: String,
    },
}

impl StoreError {
    /// Whether the same call may succeed later.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Contention { .. })
    }

    pub(super) fn connection(error: &ConnectionError) -> Self {
        Self::Unavailable {
            reason: match error {
                // These two may quote the connection string.
                ConnectionError::InvalidConnectionUrl(_) => "the connection string is not valid".to_owned(),
                ConnectionError::InvalidCString(_) => "the connection string holds a NUL".to_owned(),
                ConnectionError::CouldntSetupConfiguration(error) => describe(error),
                ConnectionError::BadConnection(reason) => reason.clone(),
                _ => "no connection".to_owned(),
            },
        }
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        let reason = describe(&error);
        match error {
            DieselError::DatabaseError(kind, information) => classify(&kind, information.as_ref(), reason),
            DieselError::BrokenTransactionManager => Self::Unavailable { reason },
            _ => Self::Database { reason },
        }
    }
}

fn describe(error: &DieselError) -> String {
    match error {
        DieselError::DatabaseError(_, information) => information.message().to_owned(),
        other => other.to_string(),
    }
}

fn classify(kind: &DatabaseErrorKind, information: &dyn DatabaseErrorInformation, reason: String) -> StoreError {
    // diesel hands on no SQLSTATE, so that a deadlock (40P01) and a shutdown (57P0x) are known by
    // PostgreSQL's words, and SQLITE_BUSY by SQLite's.
    const CONTENTION: [&str; 4] =
        ["deadlock detected", "database is locked", "database table is locked", "could not serialize"];
    const AWAY: [&str; 7] = [
        "terminating connection",
        "connection closed",
        "the database system is",
        "too many clients",
        "remaining connection slots",
        "canceling statement due to statement timeout",
        "unable to open database file",
    ];
    let message = information.message();
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    match kind {
        DatabaseErrorKind::SerializationFailure => StoreError::Contention { reason },
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
            StoreError::Unavailable { reason }
        }
        _ if says(&CONTENTION) => StoreError::Contention { reason },
        _ if says(&AWAY) => StoreError::Unavailable { reason },
        _ => StoreError::Database { reason },
    }
}
