//! Errors as RFC 9457 problem details.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::api::{ERROR_DOMAIN, REQUEST_ID, RequestId, violation};
use crate::model::Violation;

/// Media type of a problem.
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Before a client that was told "unavailable" without a delay should ask again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a request never becomes a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The body is no JSON of its message.
    Json {
        /// Where in the message; empty at its root.
        field: String,
        /// What is wrong.
        what: String,
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
    },
    /// A value is none of those that there are.
    Invalid(Violation),
    /// A word in path or query is of another type than its field.
    Word {
        /// What holds it.
        what: &'static str,
        /// Field, rule and value.
        violation: Violation,
    },
    /// A query parameter is unknown, doubled, or has no place here.
    Parameter {
        /// Its name.
        name: String,
        /// What is wrong.
        rule: String,
    },
    /// Percent-encoding that gives no UTF-8.
    Encoding {
        /// The text.
        text: String,
    },
    /// A header says what it must not.
    Header {
        /// Its name.
        name: &'static str,
        /// The rule.
        rule: &'static str,
        /// Its value.
        value: String,
    },
    /// It may come from a page of another site, and no credentials are asked for.
    Site {
        /// Name of the header that says so.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// There is nothing at this path.
    NoRoute,
    /// The path takes other methods.
    Method {
        /// Those that it takes, for `Allow`.
        allow: String,
    },
    /// The body is of a type or encoding that is not read here.
    MediaType {
        /// What it should be.
        rule: &'static str,
    },
    /// The body is too large.
    TooLarge {
        /// Most bytes.
        limit: usize,
    },
    /// The body did not arrive whole.
    Cut,
    /// The answer cannot be written: a defect.
    Defect,
}

/// One thing wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct FieldError {
    field: String,
    rule: String,
    value: String,
}

impl From<Violation> for FieldError {
    fn from(Violation { field, rule, value }: Violation) -> Self {
        Self { field, rule, value }
    }
}

/// A problem, as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    /// Name of the gRPC code.
    code: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    domain: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    request_id: String,
    #[serde(skip)]
    retry_after: Option<Duration>,
    #[serde(skip)]
    allow: Option<String>,
}

impl Problem {
    /// The problem of a status.
    pub(super) fn of_status(status: &Status, id: &RequestId) -> Self {
        let details = status.get_error_details();
        let errors: Vec<FieldError> = details
            .bad_request()
            .map(|bad| bad.field_violations.iter().map(|one| violation(&one.field, &one.description).into()).collect())
            .unwrap_or_default();
        let http = http_status(status.code(), !errors.is_empty());
        let (reason, domain, metadata) =
            details.error_info().cloned().map(|info| (info.reason, info.domain, info.metadata)).unwrap_or_default();
        let words = status.message();
        let detail = if errors.is_empty() { words.to_owned() } else { format!("validation_error: {words}") };
        let delay = details.retry_info().and_then(|info| info.retry_delay);
        let busy = matches!(http, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        Self {
            kind: kind(&reason),
            title: title(http),
            status: http.as_u16(),
            detail: if detail.is_empty() { title(http).to_owned() } else { detail },
            code: code_name(status.code()),
            reason,
            domain,
            metadata: metadata.into_iter().collect(),
            errors,
            request_id: id.as_str().to_owned(),
            retry_after: delay.or(busy.then_some(RETRY_AFTER)),
            allow: None,
        }
    }

    /// The problem of a request that never became a call.
    pub(super) fn of_refusal(refusal: Refusal, id: &RequestId) -> Self {
        let mut metadata = BTreeMap::new();
        let mut allow = None;
        let mut errors = Vec::new();
        let (http, code, reason, detail) = match refusal {
            Refusal::Json { field, what, line, column } => {
                metadata.insert("line".to_owned(), line.to_string());
                metadata.insert("column".to_owned(), column.to_string());
                let at = if field.is_empty() { String::new() } else { format!("{field}: ") };
                if !field.is_empty() {
                    metadata.insert("field".to_owned(), field);
                }
                let detail = format!("the JSON of the body at line {line}, column {column}: {at}{what}");
                (StatusCode::BAD_REQUEST, Code::InvalidArgument, "MALFORMED_JSON", detail)
            }
            Refusal::Invalid(violation) => {
                let detail = format!("validation_error: {}: {}", violation.field, violation.rule);
                errors.push(violation.into());
                (StatusCode::UNPROCESSABLE_ENTITY, Code::InvalidArgument, "INVALID_FIELD", detail)
            }
            Refusal::Word { what, violation } => {
                let Violation { field, rule, value } = &violation;
                let detail = format!("{what} {field}: {rule}, got {value:?}");
                errors.push(violation.into());
                (StatusCode::BAD_REQUEST, Code::InvalidArgument, "MALFORMED_VALUE", detail)
            }
            Refusal::Parameter { name, rule } => {
                let detail = format!("query parameter {name}: {rule}");
                metadata.insert("parameter".to_owned(), name);
                (StatusCode::BAD_REQUEST, Code::InvalidArgument, "INVALID_PARAMETER", detail)
            }
            Refusal::Encoding { text } => {
                let detail = format!("{text:?} is not percent-encoded UTF-8");
                (StatusCode::BAD_REQUEST, Code::InvalidArgument, "MALFORMED_ENCODING", detail)
            }
            Refusal::Header { name, rule, value } => {
                let detail = format!("header {name}: {rule}, got {value:?}");
                metadata.insert("header".to_owned(), name.to_owned());
                (StatusCode::BAD_REQUEST, Code::InvalidArgument, "INVALID_HEADER", detail)
            }
            Refusal::Site { name, value } => {
                let detail = format!(
                    "header {name}: must be an IP address, localhost or one of the configured origins while the server \
                     asks for no credentials, got {value:?}"
                );
                metadata.insert("header".to_owned(), name.to_owned());
                (StatusCode::FORBIDDEN, Code::PermissionDenied, "FOREIGN_SITE", detail)
            }
            Refusal::NoRoute => {
                let detail = "there is nothing at this path".to_owned();
                (StatusCode::NOT_FOUND, Code::NotFound, "UNKNOWN_PATH", detail)
            }
            Refusal::Method { allow: methods } => {
                let detail = format!("this path takes {methods}");
                allow = Some(methods);
                (StatusCode::METHOD_NOT_ALLOWED, Code::Unimplemented, "METHOD_NOT_ALLOWED", detail)
            }
            Refusal::MediaType { rule } => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument, "UNSUPPORTED_MEDIA_TYPE", rule.to_owned())
            }
            Refusal::TooLarge { limit } => {
                let detail = format!("the body must have at most {limit} bytes");
                (StatusCode::PAYLOAD_TOO_LARGE, Code::ResourceExhausted, "BODY_TOO_LARGE", detail)
            }
            Refusal::Cut => {
                let detail = "the body did not arrive whole".to_owned();
                (StatusCode::BAD_REQUEST, Code::InvalidArgument, "BODY_CUT", detail)
            }
            Refusal::Defect => {
                let detail = "internal error; the log of the server has its cause under the request id".to_owned();
                (StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, "INTERNAL", detail)
            }
        };
        Self {
            kind: kind(reason),
            title: title(http),
            status: http.as_u16(),
            detail,
            code: code_name(code),
            reason: reason.to_owned(),
            domain: ERROR_DOMAIN.to_owned(),
            metadata,
            errors,
            request_id: id.as_str().to_owned(),
            retry_after: None,
            allow,
        }
    }

    /// Name of the gRPC code, for metrics.
    pub(super) const fn code(&self) -> &'static str {
        self.code
    }

    /// The problem as JSON on one line.
    pub(super) fn json(&self) -> Vec<u8> {
        // Strings and numbers alone: this cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The answer to a request.
    pub(super) fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.json()));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED.as_u16() {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"cidadao\""));
        }
        if let Some(delay) = self.retry_after {
            // Whole seconds, and never "at once".
            let seconds = delay.as_millis().div_ceil(1_000).max(1);
            if let Ok(seconds) = HeaderValue::from_str(&seconds.to_string()) {
                headers.insert(header::RETRY_AFTER, seconds);
            }
        }
        if let Some(allow) = self.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            headers.insert(REQUEST_ID, id);
        }
        response
    }
}

/// A name for the kind of problem; it is no address.
fn kind(reason: &str) -> String {
    if reason.is_empty() { "about:blank".to_owned() } else { format!("urn:cidadao:problem:{reason}") }
}

fn title(http: StatusCode) -> &'static str {
    http.canonical_reason().unwrap_or("Client Closed Request")
}

/// HTTP status of a gRPC code; `validation` says that fields are named.
fn http_status(code: Code, validation: bool) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument if validation => StatusCode::UNPROCESSABLE_ENTITY,
        // A sequence beyond the log is a mistake of the caller's, not a state that passes.
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted | Code::FailedPrecondition => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Internal | Code::Unknown | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Name of a code as google.rpc.Code spells it.
const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::ErrorDetails;

    fn id() -> RequestId {
        RequestId::of(&axum::http::HeaderMap::new())
    }

    #[test]
    fn every_code_has_its_status() {
        let expected = [
            (Code::Cancelled, 499),
            (Code::Unknown, 500),
            (Code::InvalidArgument, 400),
            (Code::DeadlineExceeded, 504),
            (Code::NotFound, 404),
            (Code::AlreadyExists, 409),
            (Code::PermissionDenied, 403),
            (Code::ResourceExhausted, 429),
            (Code::FailedPrecondition, 409),
            (Code::Aborted, 409),
            (Code::OutOfRange, 400),
            (Code::Unimplemented, 501),
            (Code::Internal, 500),
            (Code::Unavailable, 503),
            (Code::DataLoss, 500),
            (Code::Unauthenticated, 401),
        ];
        for (code, http) in expected {
            let problem = Problem::of_status(&Status::new(code, "words"), &id());
            assert_eq!(
                (problem.status, problem.detail.as_str(), problem.kind.as_str()),
                (http, "words", "about:blank")
            );
            let response = problem.response();
            assert_eq!(response.status().as_u16(), http);
            assert_eq!(response.headers().contains_key(header::WWW_AUTHENTICATE), http == 401);
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), matches!(http, 429 | 503));
            // google.rpc.Code spells its names so.
            assert_eq!(problem.code.replace('_', "").to_lowercase(), format!("{code:?}").to_lowercase());
        }
    }

    #[test]
    fn a_delay_is_rounded_up_and_details_are_carried() {
        let mut details = ErrorDetails::new();
        details.set_retry_info(Some(Duration::from_millis(2_001)));
        details.set_error_info("LIMITED", ERROR_DOMAIN, [("per".to_owned(), "hour".to_owned())]);
        let problem = Problem::of_status(&Status::with_error_details(Code::ResourceExhausted, "slow", details), &id());
        assert_eq!(problem.response().headers()[header::RETRY_AFTER], "3");
        let json: serde_json::Value = serde_json::from_slice(&problem.json()).unwrap();
        assert_eq!(json["type"], "urn:cidadao:problem:LIMITED");
        assert_eq!(json["metadata"]["per"], "hour");
        assert_eq!((json["reason"].as_str(), json["code"].as_str()), (Some("LIMITED"), Some("RESOURCE_EXHAUSTED")));
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("filters.year", "must be from 1990 to 2100, got \"7\"");
        let status = Status::with_error_details(Code::InvalidArgument, "filters.year: must be …", details);
        let json: serde_json::Value = serde_json::from_slice(&Problem::of_status(&status, &id()).json()).unwrap();
        assert_eq!(json["status"], 422);
        assert!(json["detail"].as_str().unwrap().starts_with("validation_error: filters.year"));
        let expected =
            serde_json::json!([{"field": "filters.year", "rule": "must be from 1990 to 2100", "value": "7"}]);
        assert_eq!(json["errors"], expected);
    }
}
