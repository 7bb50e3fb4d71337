//! The map of the house.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`model`] | plain domain types |
//! | [`store`] | SQLite or PostgreSQL: jobs, events, findings, manifest, audit log |
//! | [`cache`] | values that can be computed again, in memory or Redis; hints between replicas |
//! | [`jobs`] | the durable queue: start, watch, cancel, run |
//! | [`auth`] | who calls: users, API keys, tokens, roles |
//! | [`lake`] | canonical tables as Parquet |
//! | [`sources`] | published files: their layouts, and how they become rows of the lake |
//! | [`detectors`] | red flags as SQL: catalogue, legal limits, engine |
//! | [`investigation`] | question → plan → detectors → findings → report |
//! | [`ingest`] | imports that are asked for over the API, each a durable job |
//! | [`analysis`] | figures of a period |
//! | [`cardinal`] | the indicators of Cardinal on OCDS JSON Lines, as a drop-in |
//! | [`telemetry`] | logs, traces, metrics |
//! | [`api`] | gRPC services and the Rust client |
//! | [`gateway`] | HTTP: the REST shim, metrics |
//! | [`secret`] | secrets: never shown, made at random, kept in files of their owner |
//! | [`config`] | settings |
//! | [`app`] | the parts, wired and served |
//! | [`cli`] | the command line |

#![warn(clippy::unwrap_used)]

pub mod analysis;
pub mod api;
pub mod app;
pub mod auth;
pub mod cache;
pub mod cardinal;
pub mod cli;
pub mod config;
pub mod detectors;
pub mod gateway;
pub mod ingest;
pub mod investigation;
pub mod jobs;
pub mod lake;
pub mod model;
pub mod secret;
pub mod sources;
pub mod store;
pub mod telemetry;
