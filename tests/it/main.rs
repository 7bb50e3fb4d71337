//! Integration tests, one binary so that it links once.

mod api;
mod architecture;
mod binary;
mod cache;
mod jobs;
mod lake;
mod server;
mod store;
mod support;
mod telemetry;
