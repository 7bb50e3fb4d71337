//! From domain errors to `google.rpc.Status`: one exhaustive match.
//!
//! Every error carries `ErrorInfo` with a stable reason; everything variable in a message is in its
//! metadata too. The cause of an internal error is logged once, here, and never sent.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use tonic::{Code, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::caller::Caller;
use super::fresh::FreshError;
use crate::auth::AuthError;
use crate::detectors::DetectorError;
use crate::ingest::UploadError;
use crate::investigation::ExplainError;
use crate::jobs::JobsError;
use crate::lake::LakeError;
use crate::model::{JobState, Role, Violation};
use crate::sources::FetchError;
use crate::store::StoreError;

/// Domain of the reasons in `ErrorInfo`.
pub const ERROR_DOMAIN: &str = "cidadao.ai";

/// Most bytes of field violations: statuses travel in headers, of which clients take 8 KiB.
const MAX_VIOLATION_BYTES: usize = 3_000;
/// When to try again what is unavailable.
const RETRY_DELAY: Duration = Duration::from_secs(2);
/// When to try again where others have to end first.
const BUSY_DELAY: Duration = Duration::from_secs(30);

/// Why a call is refused or fails.
#[derive(Debug)]
pub(super) enum ApiError {
    /// The request breaks rules.
    Invalid(Vec<Violation>),
    /// There is nothing with this id.
    NotFound {
        /// `investigation`, `analysis` or `contract`.
        resource: &'static str,
        /// The id.
        id: String,
    },
    /// The job has not ended, or not with results.
    NotFinished {
        /// `investigation` or `analysis`.
        resource: &'static str,
        /// Its id.
        id: String,
        /// Its state.
        state: JobState,
    },
    /// The job ended without the results that are asked for.
    WithoutResults {
        /// `investigation` or `analysis`.
        resource: &'static str,
        /// Its id.
        id: String,
        /// Its state.
        state: JobState,
    },
    /// The server has the detector of a finding no more.
    DetectorUnknown {
        /// Its id.
        id: String,
    },
    /// A finding cannot be computed again.
    Explain(ExplainError),
    /// The investigation was started with `generate_report` off.
    ReportNotRequested {
        /// Its id.
        id: String,
    },
    /// The results are kept no longer.
    ResultsDeleted {
        /// What it is.
        resource: &'static str,
        /// Its id.
        id: String,
    },
    /// The configuration does not allow what a field names.
    Denied(Violation),
    /// So many of something are under way that one more has to wait.
    TooMany {
        /// What they are.
        what: &'static str,
        /// How many may be.
        limit: i64,
    },
    /// A client that streams sent nothing for so long.
    Silent(Duration),
    /// The stream of a client broke off.
    Stream(Status),
    /// An upload cannot be written.
    Upload(UploadError),
    /// The API of a source does not give what is asked for.
    Source(Arc<FreshError>),
    /// The source of a contract has no API that is asked.
    NoSourceApi {
        /// The source.
        source: String,
    },
    /// The server is stopping.
    Stopping,
    /// What is stored cannot be read.
    Corrupt(serde_json::Error),
    /// A report could not be written: a defect.
    Render(Box<dyn std::error::Error + Send + Sync>),
    /// A task that worked for a call failed: a defect.
    Panicked(tokio::task::JoinError),
    /// The caller has not the role that the method needs.
    RoleMissing {
        /// What it needs.
        needed: Role,
        /// What the caller has.
        role: Role,
    },
    /// The caller lost its credentials while a stream ran.
    Revoked,
    /// Credentials, logins and accounts.
    Auth(AuthError),
    /// The queue.
    Jobs(JobsError),
    /// The store.
    Store(StoreError),
    /// The lake.
    Lake(LakeError),
}

impl From<JobsError> for ApiError {
    fn from(error: JobsError) -> Self {
        Self::Jobs(error)
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<LakeError> for ApiError {
    fn from(error: LakeError) -> Self {
        Self::Lake(error)
    }
}

impl From<ExplainError> for ApiError {
    fn from(error: ExplainError) -> Self {
        Self::Explain(error)
    }
}

impl From<FreshError> for ApiError {
    fn from(error: FreshError) -> Self {
        Self::Source(Arc::new(error))
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(error)
    }
}

/// What is sent for an error, before it becomes a status.
struct Public {
    code: Code,
    reason: &'static str,
    message: String,
    metadata: HashMap<String, String>,
    violations: Vec<Violation>,
    /// When to try again.
    retry_after: Option<Duration>,
    /// The cause, for the log alone.
    hidden: Option<String>,
}

impl Public {
    fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            metadata: HashMap::new(),
            violations: Vec::new(),
            retry_after: (code == Code::Unavailable).then_some(RETRY_DELAY),
            hidden: None,
        }
    }

    fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.metadata.insert(key.to_owned(), value.into());
        self
    }

    fn after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    fn internal(cause: &dyn fmt::Display) -> Self {
        let message = "internal error; the log of the server has its cause under the request id";
        Self { hidden: Some(cause.to_string()), ..Self::new(Code::Internal, "INTERNAL", message) }
    }

    fn unavailable(cause: &dyn fmt::Display) -> Self {
        let message = "the database is not available; try again";
        Self { hidden: Some(cause.to_string()), ..Self::new(Code::Unavailable, "DATABASE_UNAVAILABLE", message) }
    }

    fn not_found(resource: &str, id: &str) -> Self {
        let reason = match resource {
            "investigation" => "INVESTIGATION_NOT_FOUND",
            "analysis" => "ANALYSIS_NOT_FOUND",
            "contract" => "CONTRACT_NOT_FOUND",
            "contract at its source" => "CONTRACT_NOT_AT_SOURCE",
            "detector" => "DETECTOR_NOT_FOUND",
            "finding" => "FINDING_NOT_FOUND",
            "api_key" => "API_KEY_NOT_FOUND",
            "user" => "USER_NOT_FOUND",
            "import" => "IMPORT_NOT_FOUND",
            "dataset" => "DATASET_NOT_FOUND",
            _ => "NOT_FOUND",
        };
        let id = short(id);
        Self::new(Code::NotFound, reason, format!("there is no {resource} with the id {id:?}"))
            .with("resource", resource)
            .with("id", id)
    }

    fn invalid(violations: Vec<Violation>) -> Self {
        let message = match violations.as_slice() {
            [] => "the request is invalid".to_owned(),
            [one] => format!("{}: {}", one.field, one.rule),
            [one, rest @ ..] => format!("{}: {} (and {} more)", one.field, one.rule, rest.len()),
        };
        let mut public =
            Self::new(Code::InvalidArgument, "INVALID_FIELD", message).with("violations", violations.len().to_string());
        if let Some(one) = violations.first() {
            public = public.with("field", one.field.clone()).with("rule", one.rule.clone());
        }
        Self { violations, ..public }
    }

    fn store(error: &StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } | StoreError::Contention { .. } => Self::unavailable(error),
            StoreError::RequestIdReused { request_id, job_id } => {
                let message = format!("request_id {request_id} was used for another request");
                Self::new(Code::AlreadyExists, "REQUEST_ID_REUSED", message)
                    .with("request_id", request_id)
                    .with("id", job_id)
            }
            StoreError::NotFound { what, id } => Self::not_found(what, id),
            StoreError::Exists { what, field, value } => {
                let value = short(value);
                Self::new(
                    Code::AlreadyExists,
                    "NAME_TAKEN",
                    format!("there is a {what} with the {field} {value:?} already"),
                )
                .with("resource", *what)
                .with("field", *field)
                .with("value", value)
            }
            StoreError::Invalid { field, rule, value } => {
                Self::invalid(vec![Violation::new(*field, format!("must {rule}"), value)])
            }
            StoreError::LeaseLost { .. }
            | StoreError::OutOfStep { .. }
            | StoreError::AlreadyImported { .. }
            | StoreError::LakeMoved { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Migration { .. }
            | StoreError::Database { .. } => Self::internal(error),
        }
    }

    fn auth(error: &AuthError) -> Self {
        match error {
            AuthError::Missing => {
                let message = "credentials are required: authorization: Bearer TOKEN_OR_KEY, or x-api-key: KEY; \
                               the first key is made with `cidadao keys create`";
                Self::new(Code::Unauthenticated, "CREDENTIALS_MISSING", message)
            }
            AuthError::Refused => {
                Self::new(Code::Unauthenticated, "CREDENTIALS_INVALID", "the credentials are not valid")
            }
            AuthError::Expired => {
                Self::new(Code::Unauthenticated, "TOKEN_EXPIRED", "the token has expired; log in again")
            }
            AuthError::TooMany { retry_after } => {
                // Whole seconds, and never none.
                let seconds = retry_after.as_secs_f64().ceil().max(1.0);
                let message = format!("too many failed logins; try again in {seconds} seconds");
                Self::new(Code::ResourceExhausted, "TOO_MANY_FAILED_LOGINS", message)
                    .after(Duration::from_secs_f64(seconds))
            }
            AuthError::Busy => {
                Self::new(Code::ResourceExhausted, "TOO_MANY_LOGINS", "too many logins at once; try again")
                    .after(RETRY_DELAY)
            }
            AuthError::Invalid(violations) => Self::invalid(violations.clone()),
            AuthError::Store(error) => Self::store(error),
            AuthError::Internal(cause) => Self::internal(cause),
        }
    }

    fn of(error: &ApiError) -> Self {
        match error {
            ApiError::RoleMissing { needed, role } => {
                let (needed, role) = (needed.as_str(), role.as_str());
                let message = format!("this needs the role {needed}; the caller is {role}");
                Self::new(Code::PermissionDenied, "ROLE_MISSING", message)
                    .with("required_role", needed)
                    .with("role", role)
            }
            ApiError::Revoked => {
                let message = "the credentials were revoked or disabled while the stream ran";
                Self::new(Code::Unauthenticated, "CREDENTIALS_INVALID", message)
            }
            ApiError::Auth(error) => Self::auth(error),
            ApiError::Invalid(violations) => Self::invalid(violations.clone()),
            ApiError::NotFound { resource, id } => Self::not_found(resource, id),
            ApiError::NotFinished { resource, id, state } => {
                let state = state.as_str();
                Self::new(Code::FailedPrecondition, "NOT_FINISHED", format!("{resource} {id} is still {state}"))
                    .with("resource", *resource)
                    .with("id", id)
                    .with("state", state)
            }
            ApiError::ResultsDeleted { resource, id } => {
                let message = format!("the results of {resource} {id} are kept no longer");
                Self::new(Code::FailedPrecondition, "RESULTS_DELETED", message)
                    .with("resource", *resource)
                    .with("id", id)
            }
            ApiError::WithoutResults { resource, id, state } => {
                let state = state.as_str();
                let message = format!("{resource} {id} ended as {state}, without these results");
                Self::new(Code::FailedPrecondition, "WITHOUT_RESULTS", message)
                    .with("resource", *resource)
                    .with("id", id)
                    .with("state", state)
            }
            ApiError::ReportNotRequested { id } => {
                let message = format!("investigation {id} was started with options.generate_report off");
                Self::new(Code::FailedPrecondition, "REPORT_NOT_REQUESTED", message).with("id", id)
            }
            ApiError::DetectorUnknown { id } => {
                let message = format!("this server does not have the detector {id}");
                Self::new(Code::FailedPrecondition, "DETECTOR_UNKNOWN", message).with("id", id)
            }
            ApiError::Explain(ExplainError::Lake(error)) => Self::lake(error),
            ApiError::Explain(ExplainError::Detector(error)) => match error {
                DetectorError::Limit { detector, message } => {
                    let message = format!("the detector {detector} {message}");
                    Self::new(Code::FailedPrecondition, "DETECTOR_LIMIT", message).with("id", detector)
                }
                other => Self::internal(other),
            },
            ApiError::Denied(Violation { field, rule, value }) => {
                let message = format!("{field}: {rule}, got {value:?}");
                Self::new(Code::PermissionDenied, "IMPORT_NOT_ALLOWED", message)
                    .with("field", field)
                    .with("rule", rule)
                    .with("value", value)
            }
            ApiError::TooMany { what, limit } => {
                let message = format!("{limit} {what} are under way; try again when one has ended");
                Self::new(Code::ResourceExhausted, "TOO_MANY_UNDER_WAY", message)
                    .with("what", *what)
                    .with("limit", limit.to_string())
                    .after(BUSY_DELAY)
            }
            ApiError::Silent(silence) => {
                let message = format!("no message came for {silence:?}");
                Self::new(Code::DeadlineExceeded, "UPLOAD_SILENT", message)
            }
            ApiError::Stream(status) => Self::new(status.code(), "STREAM_BROKEN", status.message()),
            ApiError::Upload(error) => Self::internal(error),
            ApiError::Source(error) => Self::source(error),
            ApiError::NoSourceApi { source } => {
                let message = format!("the source {source} has no API that this server asks");
                Self::new(Code::FailedPrecondition, "SOURCE_WITHOUT_API", message).with("source", source)
            }
            ApiError::Stopping => {
                let message = "the server is stopping; try again, at a stream after its last sequence";
                Self::new(Code::Unavailable, "STOPPING", message)
            }
            ApiError::Corrupt(error) => Self::internal(error),
            ApiError::Render(error) => Self::internal(error),
            ApiError::Panicked(error) => Self::internal(error),
            ApiError::Jobs(error) => match error {
                JobsError::NotFound { id } => Self::not_found("job", id),
                JobsError::SequenceAhead { asked, last } => {
                    let message = format!("after_sequence {asked} is ahead of the log, which ends at {last}");
                    Self::new(Code::OutOfRange, "SEQUENCE_AHEAD", message)
                        .with("after_sequence", asked.to_string())
                        .with("last_sequence", last.to_string())
                }
                JobsError::Deleted { asked, oldest } => {
                    let message = format!(
                        "after_sequence: the event after {asked} is kept no longer; the oldest one has the sequence {oldest}"
                    );
                    Self::new(Code::OutOfRange, "EVENTS_DELETED", message)
                        .with("field", "after_sequence")
                        .with("oldest_sequence", oldest.to_string())
                }
                JobsError::Store(error) => Self::store(error),
            },
            ApiError::Store(error) => Self::store(error),
            ApiError::Lake(error) => Self::lake(error),
        }
    }

    fn source(error: &FreshError) -> Self {
        let FreshError::Fetch(error) = error else { return Self::internal(error) };
        let message = error.to_string();
        match error {
            FetchError::KeyMissing => Self::new(Code::FailedPrecondition, "SOURCE_KEY_MISSING", message),
            FetchError::Refused { status, .. } => {
                Self::new(Code::FailedPrecondition, "SOURCE_REFUSED", message).with("status", status.to_string())
            }
            FetchError::TooManyPages { limit, .. } => {
                let message = format!("{message}: ask for fewer days, or import the list");
                Self::new(Code::FailedPrecondition, "SOURCE_LIST_TOO_LONG", message).with("limit", limit.to_string())
            }
            FetchError::GaveUp { .. }
            | FetchError::Unstable { .. }
            | FetchError::FilterIgnored { .. }
            | FetchError::TooLarge { .. }
            | FetchError::NotPublished { .. }
            | FetchError::Client { .. } => {
                Self::new(Code::Unavailable, "SOURCE_UNAVAILABLE", message).after(BUSY_DELAY)
            }
            FetchError::Address(_) | FetchError::Io { .. } => Self::internal(error),
        }
    }

    fn lake(error: &LakeError) -> Self {
        match error {
            LakeError::Manifest(store) if store.is_transient() => Self::store(store),
            LakeError::Io { .. }
            | LakeError::Engine(_)
            | LakeError::Schema { .. }
            | LakeError::Setting { .. }
            | LakeError::Manifest(_) => Self::internal(error),
            LakeError::Object { .. } => {
                let message = "the lake cannot be read now; try again later";
                // Which bucket, and what it said, is nobody's business but the operator's.
                Self { hidden: Some(error.to_string()), ..Self::new(Code::Unavailable, "LAKE_UNAVAILABLE", message) }
            }
            LakeError::NoSuchVersion { asked, .. } => {
                let message = format!("version {asked} of the lake is kept no longer");
                Self::new(Code::FailedPrecondition, "LAKE_VERSION_GONE", message).with("version", asked.to_string())
            }
        }
    }

    fn status(self, request_id: &str) -> Status {
        let mut details = ErrorDetails::new();
        details.set_error_info(self.reason, ERROR_DOMAIN, self.metadata);
        let mut bytes = 0;
        for violation in &self.violations {
            let description = describe(violation);
            bytes += violation.field.len() + description.len();
            if bytes > MAX_VIOLATION_BYTES && details.has_bad_request_violations() {
                break;
            }
            details.add_bad_request_violation(&violation.field, description);
        }
        if self.retry_after.is_some() {
            details.set_retry_info(self.retry_after);
        }
        if self.code == Code::Internal {
            details.set_request_info(request_id, "");
        }
        Status::with_error_details(self.code, self.message, details)
    }
}

/// The description of a broken rule: the rule, and the value that breaks it as a JSON string.
fn describe(violation: &Violation) -> String {
    let value = serde_json::Value::String(violation.value.clone());
    format!("{}{VALUE}{value}", violation.rule)
}

/// What stands between rule and value. Within a JSON string a quote has a backslash before it, so that the last
/// one of these is the one that was written.
const VALUE: &str = ", got ";

/// Field, rule and value out of the description of a `google.rpc.BadRequest` violation of this API; of another one's
/// the whole description is the rule.
pub fn violation(field: &str, description: &str) -> Violation {
    let parts = description.rfind(", got \"").and_then(|at| {
        let value = serde_json::from_str::<String>(&description[at + VALUE.len()..]).ok()?;
        Some((&description[..at], value))
    });
    let (rule, value) = parts.unwrap_or((description, String::new()));
    Violation { field: field.to_owned(), rule: rule.to_owned(), value }
}

/// The answer to a call: its message, or the status of its error, whose cause is logged here.
pub(super) fn answer<T>(caller: &Caller, result: Result<T, ApiError>) -> Result<Response<T>, Status> {
    result.map(Response::new).map_err(|error| status(caller, &error))
}

/// The status of an error; its cause, where it is not for the caller, is logged.
pub(super) fn status(caller: &Caller, error: &ApiError) -> Status {
    let public = Public::of(error);
    let request_id = caller.request_id.as_str();
    if let Some(cause) = &public.hidden {
        tracing::error!(target: "cidadao::api", request_id, cause, reason = public.reason, "a call failed");
    }
    public.status(request_id)
}

/// The reason that goes with an error.
pub(super) fn reason(error: &ApiError) -> &'static str {
    Public::of(error).reason
}

/// The same as a message, for an answer that holds several.
pub(super) fn message(caller: &Caller, error: &ApiError) -> tonic_types::pb::Status {
    let status = status(caller, error);
    // The details of a status are the whole message, encoded.
    tonic_types::pb::Status::decode(status.details()).unwrap_or_else(|_| tonic_types::pb::Status {
        code: status.code() as i32,
        message: status.message().to_owned(),
        details: Vec::new(),
    })
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}
