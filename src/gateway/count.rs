//! One request until its last byte, for the metrics.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Response, StatusCode};
use tokio::time::Instant;

use super::problem::Problem;
use crate::telemetry::Metrics;

/// Counts its request when it is dropped.
#[derive(Debug)]
pub(super) struct Count {
    metrics: Metrics,
    method: &'static str,
    endpoint: Arc<str>,
    began: Instant,
    status: u16,
}

impl Count {
    /// A request to a path that is not known yet. One that is dropped without a status was given up by its client.
    pub(super) fn begin(metrics: Metrics, method: &Method) -> Self {
        Self { metrics, method: label(method), endpoint: Arc::from("unknown"), began: Instant::now(), status: 499 }
    }

    /// The template of its path.
    pub(super) fn endpoint(&mut self, endpoint: &Arc<str>) {
        self.endpoint = Arc::clone(endpoint);
    }

    /// Its status.
    pub(super) fn status(&mut self, status: StatusCode) {
        self.status = status.as_u16();
    }

    /// It failed, or its stream did.
    pub(super) fn error(&self, code: &'static str) {
        self.metrics.api_error(&self.endpoint, code);
    }

    /// The answer of a problem, counted.
    pub(super) fn problem(&mut self, problem: &Problem) -> Response<Body> {
        let response = problem.response();
        self.status(response.status());
        self.error(problem.code());
        response
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.metrics.http_ended(self.method, &self.endpoint, self.status, self.began.elapsed());
    }
}

/// A method as a label: callers may send any word.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
