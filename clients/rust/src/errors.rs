//! What a call may end with.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a client could not be made: the address or an option is wrong. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The address is neither `http://host:port` nor `https://host:port`.
    #[error("address must be http://host:port or https://host:port, got {0:?}")]
    Address(String),
    /// A certificate authority was given for an address without TLS.
    #[error("a certificate authority needs an https:// address")]
    AuthorityWithoutTls,
    /// The PEM holds no certificate.
    #[error("there is no certificate authority in the PEM")]
    NoAuthority,
    /// TLS could not be set up, for example because the system has no certificate authorities.
    #[error("TLS: {0}")]
    Tls(#[source] BoxError),
    /// The API key holds characters that cannot be sent.
    #[error("an API key must be printable ASCII")]
    ApiKey,
    /// There is no Tokio runtime here; a connection lives in one.
    #[error("a client must be made within a Tokio runtime")]
    NoRuntime,
}

/// What a call or a stream ended with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A status: the server refused the call or failed, or could not be reached.
    #[error(transparent)]
    Call(Box<CallError>),
    /// A stream of events left one out or repeated one: its log is not to be trusted. It is never healed
    /// by asking again, because what was delivered may be wrong already.
    #[error("event {received} came where event {expected} was due")]
    Sequence {
        /// The sequence that had to come.
        expected: i64,
        /// The one that came.
        received: i64,
    },
    /// The source of bearer tokens failed; see [`Builder::bearer_token`](crate::Builder::bearer_token).
    #[error("credentials: {0}")]
    Credentials(#[source] BoxError),
}

impl Error {
    /// The status, if that is what it is.
    pub fn call(&self) -> Option<&CallError> {
        match self {
            Self::Call(error) => Some(error),
            Self::Sequence { .. } | Self::Credentials(_) => None,
        }
    }

    /// The kind of the status, if there is one.
    pub fn kind(&self) -> Option<Kind> {
        self.call().map(|error| error.kind)
    }

    /// How long the server asks to wait before the next try; zero if it did not say.
    pub(crate) fn retry_delay(&self) -> Duration {
        self.call().and_then(|error| error.retry_delay).unwrap_or_default()
    }

    /// Whether a stream is worth opening again: a server that stops, a connection that was cut, whatever
    /// stands in between. A defect is among them because another replica may not have it.
    pub(crate) fn is_resumable(&self) -> bool {
        matches!(self.kind(), Some(Kind::Unavailable | Kind::Internal | Kind::Aborted | Kind::Cancelled))
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self::Call(Box::new(CallError::from(status)))
    }
}

impl From<tonic_types::pb::Status> for Error {
    fn from(status: tonic_types::pb::Status) -> Self {
        Status::with_details(Code::from(status.code), status.message.clone(), status.encode_to_vec().into()).into()
    }
}

/// A kind of [`CallError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The request breaks rules; [`CallError::field_violations`] names each field.
    InvalidArgument,
    /// There is nothing with this id.
    NotFound,
    /// The request id was used for another request.
    AlreadyExists,
    /// The job has not ended yet, or not with what is asked for.
    FailedPrecondition,
    /// A sequence that the log has not reached, or keeps no longer.
    OutOfRange,
    /// No credentials, or none that are known.
    Unauthenticated,
    /// The credentials do not allow this call.
    PermissionDenied,
    /// Too many calls, or too large a message.
    ResourceExhausted,
    /// Another call was in the way.
    Aborted,
    /// The server cannot be reached or cannot work now; try again after [`CallError::retry_delay`].
    Unavailable,
    /// The time of the call ran out; whether it had an effect is not known.
    DeadlineExceeded,
    /// The call was given up on the way.
    Cancelled,
    /// The server does not know this call: it is older than this client.
    Unimplemented,
    /// A defect (INTERNAL, UNKNOWN or DATA_LOSS); the log of the server has its cause under
    /// [`CallError::request_id`].
    Internal,
}

impl From<Code> for Kind {
    fn from(code: Code) -> Self {
        match code {
            Code::InvalidArgument => Self::InvalidArgument,
            Code::NotFound => Self::NotFound,
            Code::AlreadyExists => Self::AlreadyExists,
            Code::FailedPrecondition => Self::FailedPrecondition,
            Code::OutOfRange => Self::OutOfRange,
            Code::Unauthenticated => Self::Unauthenticated,
            Code::PermissionDenied => Self::PermissionDenied,
            Code::ResourceExhausted => Self::ResourceExhausted,
            Code::Aborted => Self::Aborted,
            Code::Unavailable => Self::Unavailable,
            Code::DeadlineExceeded => Self::DeadlineExceeded,
            Code::Cancelled => Self::Cancelled,
            Code::Unimplemented => Self::Unimplemented,
            // A status that is no error never gets here; a server that sends one as an error has a defect.
            Code::Internal | Code::Unknown | Code::DataLoss | Code::Ok => Self::Internal,
        }
    }
}

/// A field of a request that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field, for example `filters.min_value`.
    pub field: String,
    /// The rule, and the value that broke it.
    pub description: String,
}

/// The status that a call ended with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallError {
    /// What kind of error it is.
    pub kind: Kind,
    /// The gRPC status code.
    pub code: Code,
    /// What happened, in words.
    pub message: String,
    /// Stable, in UPPER_SNAKE_CASE, for example `INVESTIGATION_NOT_FOUND`; empty if none came.
    pub reason: String,
    /// Who defines the reason: `cidadao.ai`.
    pub domain: String,
    /// Everything variable in the message, by name.
    pub metadata: HashMap<String, String>,
    /// The fields that break a rule.
    pub field_violations: Vec<FieldViolation>,
    /// How long to wait before trying again, if the server said.
    pub retry_delay: Option<Duration>,
    /// The id under which the server logged the cause of an internal error; empty if none came.
    pub request_id: String,
    status: Status,
}

impl CallError {
    /// The status as it came.
    pub fn status(&self) -> &Status {
        &self.status
    }
}

impl fmt::Display for CallError {
    /// The code, the message, and each field that broke a rule on a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.code, self.message)?;
        for violation in &self.field_violations {
            write!(f, "\n  {}: {}", violation.field, violation.description)?;
        }
        Ok(())
    }
}

impl StdError for CallError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.status.source()
    }
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        let code = code_of(&status);
        let details = status.get_error_details();
        let (reason, domain, metadata) = details
            .error_info()
            .map(|info| (info.reason.clone(), info.domain.clone(), info.metadata.clone()))
            .unwrap_or_default();
        let field_violations = details
            .bad_request()
            .map(|request| &request.field_violations[..])
            .unwrap_or_default()
            .iter()
            .map(|violation| FieldViolation {
                field: violation.field.clone(),
                description: violation.description.clone(),
            })
            .collect();
        Self {
            kind: code.into(),
            code,
            message: status.message().to_owned(),
            reason,
            domain,
            metadata,
            field_violations,
            retry_delay: details.retry_info().and_then(|info| info.retry_delay),
            request_id: details.request_info().map(|info| info.request_id.clone()).unwrap_or_default(),
            status,
        }
    }
}

/// The code of a status. One with a cause was made on this side of the wire: a connection that broke is
/// UNAVAILABLE, by whatever name the layer that noticed it calls it.
fn code_of(status: &Status) -> Code {
    let mut cause = status.source();
    let broken = cause.is_some();
    while let Some(error) = cause {
        if error.is::<tonic::TimeoutExpired>() {
            return Code::DeadlineExceeded;
        }
        cause = error.source();
    }
    match status.code() {
        Code::Unknown | Code::Internal | Code::Cancelled if broken => Code::Unavailable,
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_broke_is_unavailable_and_a_defect_of_the_server_is_not() {
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(CallError::from(Status::from_error(reset.into())).kind, Kind::Unavailable);
        assert_eq!(CallError::from(Status::unknown("the server's own")).kind, Kind::Internal);
        let timeout = Status::from_error(Box::new(tonic::TimeoutExpired(())));
        assert_eq!(CallError::from(timeout).kind, Kind::DeadlineExceeded);
    }
}
