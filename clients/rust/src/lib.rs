#![doc = include_str!("../README.md")]

mod calls;
mod client;
mod errors;
mod options;
mod watch;

/// Messages of the API, and the stubs under [`Client`], generated from `proto/`.
pub mod v1 {
    include!("gen/cidadao.v1.rs");
}

pub use calls::Items;
pub use client::Client;
pub use errors::{CallError, ConfigError, Error, FieldViolation, Kind};
pub use options::{Builder, DEFAULT_TIMEOUT, LONG_TIMEOUT, RetryPolicy, Watch};
/// Timestamps and durations of [`v1`].
pub use prost_types;
/// Status codes of [`CallError::code`].
pub use tonic::Code;
