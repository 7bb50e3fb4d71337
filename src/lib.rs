//! The map of the house.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`model`] | plain domain types |
//! | [`sources`] | published files, and how they are taken in |
//! | [`lake`] | canonical tables as Parquet |
//! | [`jobs`] | the durable queue: start, watch, cancel, run |
//! | [`cache`] | values that can be computed again |
//! | [`store`] | SQLite or PostgreSQL: jobs, events, findings, manifest, audit log |

pub mod cache;
pub mod jobs;
pub mod lake;
pub mod model;
pub mod sources;
pub mod store;
