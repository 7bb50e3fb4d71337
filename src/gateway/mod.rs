//! HTTP: the metrics listener. It stands on an address of its own, so that it can stay private.

use std::io;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cache::Cache;
use crate::model::JobKind;
use crate::store::Store;
use crate::telemetry::{CONTENT_TYPE, Metrics};

/// What the metrics are read from.
#[derive(Debug, Clone)]
pub struct MetricsSource {
    /// The metrics.
    pub metrics: Metrics,
    /// Connections and active jobs.
    pub store: Store,
    /// Hits and misses.
    pub cache: Cache,
}

/// Serves `GET /metrics` until `stopping`.
///
/// # Errors
/// If the listener fails.
pub async fn serve_metrics(
    source: MetricsSource,
    listener: TcpListener,
    stopping: CancellationToken,
) -> io::Result<()> {
    let router = Router::new().route("/metrics", get(metrics)).with_state(source);
    axum::serve(listener, router).with_graceful_shutdown(stopping.cancelled_owned()).await
}

async fn metrics(State(source): State<MetricsSource>) -> Response {
    refresh(&source).await;
    match source.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
