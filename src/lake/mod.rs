//! Canonical tables as Parquet.

pub mod schema;
