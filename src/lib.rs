//! The map of the house.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`model`] | plain domain types |
//! | [`lake`] | canonical tables as Parquet |
//! | [`investigation`] | question → plan → detectors → findings → report |
//! | [`telemetry`] | logs, traces, metrics |
//! | [`api`] | gRPC services |
//! | [`config`] | settings |

pub mod api;
pub mod config;
pub mod investigation;
pub mod lake;
pub mod model;
pub mod telemetry;
