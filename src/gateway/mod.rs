//! HTTP: the REST shim over the services of `api`, and the metrics listener.

pub mod binding;
mod metrics;
pub mod names;
pub mod openapi;
pub mod template;

pub use metrics::{MetricsSource, serve_metrics};
