//! Health over HTTP, for probes and monitors.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use crate::api::{Api, HealthState};

const METRICS: &str = "/metrics/health";
const LIVE: &str = "/health/live";
const READY: &str = "/health/ready";

/// The path itself, if it is one of these.
pub(super) fn label(path: &str) -> Option<&'static str> {
    [METRICS, LIVE, READY].into_iter().find(|one| *one == path)
}

/// The answer at a path of [`label`].
pub(super) async fn answer(path: &str, api: &Api) -> Response<Body> {
    let (good, body) = match path {
        LIVE => (true, json!({"status": "alive"})),
        READY => {
            let draining = api.draining.is_cancelled();
            let ready = !draining && api.prober.probe().await.state() != HealthState::Unhealthy;
            let status = match (ready, draining) {
                (true, _) => "ready",
                (false, true) => "draining",
                (false, false) => "not_ready",
            };
            (ready, json!({"status": status}))
        }
        _ => checks(api).await,
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `redis` is the cache, which is in memory where no Redis is used; `agents` are the workers of this process.
async fn checks(api: &Api) -> (bool, serde_json::Value) {
    let report = api.prober.probe().await;
    let is = |name| report.dependencies.iter().any(|one| one.name == name && one.state == HealthState::Healthy);
    let (database, redis, agents) = (is("database"), is("cache"), is("workers"));
    let healthy = database && redis && agents;
    let timestamp = report.at.timestamp_micros() as f64 / 1e6;
    let body = json!({
        "status": if healthy { "healthy" } else { "unhealthy" },
        "checks": {"database": database, "redis": redis, "agents": agents},
        "timestamp": timestamp,
    });
    (healthy, body)
}
