//! The store, whole, on SQLite and on PostgreSQL.

mod leases;
mod manifest;
mod results;
mod starts;
mod trouble;
