//! The store, whole, on SQLite and on PostgreSQL.

mod leases;
mod manifest;
mod queue;
mod results;
mod retention;
mod reviews;
mod starts;
mod trouble;
