//! Integration tests, one binary so that it links once.

mod api;
mod architecture;
mod binary;
mod lake;
mod server;
mod telemetry;
