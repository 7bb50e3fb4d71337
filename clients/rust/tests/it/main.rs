//! Tests of the client: against a server that follows a script, and against the real binary.

mod conformance;
mod connection;
mod package;
mod product;
mod script;
mod server;

use std::time::Duration;

use cidadao_client::{CallError, Client, Error, Kind, RetryPolicy};

/// Delays that a test need not wait for.
fn quick() -> RetryPolicy {
    RetryPolicy {
        initial_delay: Duration::from_millis(1),
        max_delay: Duration::from_millis(10),
        ..RetryPolicy::default()
    }
}

fn connect(address: &str) -> Client {
    Client::builder(address).retry_policy(quick()).build().unwrap()
}

/// The kind that the conformance file calls by this name.
fn kind_of(name: &str) -> Kind {
    match name {
        "INVALID_ARGUMENT" => Kind::InvalidArgument,
        "NOT_FOUND" => Kind::NotFound,
        "ALREADY_EXISTS" => Kind::AlreadyExists,
        "FAILED_PRECONDITION" => Kind::FailedPrecondition,
        "UNAUTHENTICATED" => Kind::Unauthenticated,
        "PERMISSION_DENIED" => Kind::PermissionDenied,
        "RESOURCE_EXHAUSTED" => Kind::ResourceExhausted,
        "ABORTED" => Kind::Aborted,
        "UNAVAILABLE" => Kind::Unavailable,
        "DEADLINE_EXCEEDED" => Kind::DeadlineExceeded,
        "UNIMPLEMENTED" => Kind::Unimplemented,
        "INTERNAL" => Kind::Internal,
        other => panic!("no such kind: {other}"),
    }
}

/// The status that a call was refused with, which must be of this kind.
fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>, kind: Kind) -> CallError {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), Some(kind), "{error}");
    error.call().unwrap().clone()
}
