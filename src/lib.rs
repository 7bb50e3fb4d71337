//! The map of the house.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`model`] | plain domain types |
//! | [`lake`] | canonical tables as Parquet |
//! | [`store`] | SQLite or PostgreSQL: jobs, events, findings, manifest, audit log |

pub mod lake;
pub mod model;
pub mod store;
