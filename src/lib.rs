//! The map of the house.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`model`] | plain domain types |
//! | [`store`] | SQLite or PostgreSQL: jobs, events, findings, manifest, audit log |
//! | [`lake`] | canonical tables as Parquet |
//! | [`sources`] | published files: their layouts, and how they become rows of the lake |
//! | [`investigation`] | question → plan → detectors → findings → report |
//! | [`telemetry`] | logs, traces, metrics |
//! | [`api`] | gRPC services |
//! | [`gateway`] | HTTP: metrics |
//! | [`app`] | the parts, wired and served |
//! | [`config`] | settings |

pub mod api;
pub mod app;
pub mod config;
pub mod gateway;
pub mod investigation;
pub mod lake;
pub mod model;
pub mod sources;
pub mod store;
pub mod telemetry;
