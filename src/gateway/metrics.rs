//! The metrics listener. It stands on an address of its own, so that it can stay private.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cache::{Cache, Hints, Redis};
use crate::jobs::Jobs;
use crate::model::JobKind;
use crate::store::Store;
use crate::telemetry::{CONTENT_TYPE, Metrics};

/// How long a scrape waits for the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the metrics are read from.
#[derive(Debug, Clone)]
pub struct MetricsSource {
    /// The metrics.
    pub metrics: Metrics,
    /// Connections and active jobs.
    pub store: Store,
    /// Hits and misses.
    pub cache: Cache,
    /// Whether it answers, and errors; `None` where none is used.
    pub redis: Option<Redis>,
    /// Hints sent, dropped and heard.
    pub hints: Hints,
    /// Jobs that the workers of this process ended.
    pub jobs: Jobs,
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

/// Reads the gauges. What cannot be read keeps its last value: a scrape answers also while the
/// database is away.
async fn refresh(source: &MetricsSource) {
    let pool = source.store.pool_stats();
    source.metrics.set_database_pool(pool.in_use, pool.idle, pool.errors, pool.wait_time);
    source.metrics.set_watched_jobs(i64::try_from(source.jobs.watched_jobs()).unwrap_or(i64::MAX));
    source.metrics.set_cache_hit_rate(source.cache.stats().await.hit_rate() * 100.0);
    if let Some(redis) = source.redis.as_ref().map(Redis::stats) {
        source.metrics.set_redis(redis.up, redis.errors);
    }
    let hints = source.hints.stats();
    source.metrics.set_hints(hints.published, hints.dropped, hints.received);
    for (kind, state, count) in source.jobs.worker_stats().finished {
        source.metrics.set_jobs_finished(kind, state, count);
    }
    match tokio::time::timeout(PATIENCE, source.store.active_jobs(JobKind::Investigation)).await {
        Ok(Ok(active)) => source.metrics.set_active_investigations(active),
        Ok(Err(error)) => tracing::debug!(%error, "active investigations cannot be counted"),
        Err(_) => tracing::debug!("active investigations cannot be counted in time"),
    }
}
