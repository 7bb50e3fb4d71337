//! The map of the house.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`model`] | plain domain types |
//! | [`store`] | SQLite or PostgreSQL: jobs, events, findings, manifest, audit log |
//! | [`cache`] | values that can be computed again |
//! | [`jobs`] | the durable queue and its workers |
//! | [`lake`] | canonical tables as Parquet |
//! | [`sources`] | published files: their layouts, and how they become rows of the lake |
//! | [`detectors`] | red flags and their engine |
//! | [`investigation`] | question → plan → detectors → findings → report |
//! | [`analysis`] | figures of a period |
//! | [`telemetry`] | logs, traces, metrics |
//! | [`api`] | gRPC services |
//! | [`gateway`] | HTTP: metrics |
//! | [`app`] | the parts, wired and served |
//! | [`config`] | settings |

pub mod analysis;
pub mod api;
pub mod app;
pub mod cache;
pub mod config;
pub mod detectors;
pub mod gateway;
pub mod investigation;
pub mod jobs;
pub mod lake;
pub mod model;
pub mod sources;
pub mod store;
pub mod telemetry;
