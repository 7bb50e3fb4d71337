//! The metrics of one server. Values of labels come from sets that are known at start or small by
//! nature (methods, status codes, detectors), so that no caller can make them grow.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::model::{JobKind, JobState};

/// Media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Timings<L> = Family<L, Histogram, fn() -> Histogram>;

/// The metrics of one server; clones count into the same ones.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    agent_execution: Timings<AgentLabels>,
    active_investigations: Gauge,
    database_connections: Gauge,
    database_pool: Family<PoolLabels, Gauge>,
    database_errors: Counter,
    database_wait: Counter<f64, AtomicU64>,
    watched_jobs: Gauge,
    cache_hit_rate: Gauge<f64, AtomicU64>,
    redis_up: Gauge<f64, AtomicU64>,
    redis_errors: Counter,
    hints_published: Counter,
    hints_dropped: Counter,
    hints_received: Counter,
    api_errors: Family<ErrorLabels, Counter>,
    http_requests: Family<RequestLabels, Counter>,
    http_duration: Timings<EndpointLabels>,
    grpc_started: Family<MethodLabels, Counter>,
    grpc_handled: Family<HandledLabels, Counter>,
    grpc_handling: Timings<MethodLabels>,
    jobs_finished: Family<JobLabels, Counter>,
    findings: Family<DetectorLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AgentLabels {
    agent_name: String,
    action: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    endpoint: String,
    error_type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    endpoint: Arc<str>,
    status_code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabels {
    method: &'static str,
    endpoint: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodLabels {
    grpc_service: String,
    grpc_method: String,
    grpc_type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandledLabels {
    grpc_service: String,
    grpc_method: String,
    grpc_type: &'static str,
    grpc_code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    kind: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DetectorLabels {
    detector: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AppLabels {
    app_name: String,
    version: String,
    environment: String,
}

impl Metrics {
    /// New metrics, all zero, that name this version and environment.
    pub fn new(version: &str, environment: &str) -> Self {
        // From half a millisecond to a minute and a half: calls; from 5 ms to a quarter of an hour: work.
        let calls: fn() -> Histogram = || Histogram::new(exponential_buckets(0.000_5, 2.0, 18));
        let work: fn() -> Histogram = || Histogram::new(exponential_buckets(0.005, 2.0, 18));
        let mut registry = Registry::default();
        let info = Info::new(AppLabels {
            app_name: "cidadao-ai".to_owned(),
            version: version.to_owned(),
            environment: environment.to_owned(),
        });
        // The library appends `_info` to an info and `_total` to a counter.
        registry.register("cidadao_ai_app", "The application", info);
        let mut metrics = Self {
            registry: Arc::default(),
            agent_execution: Family::new_with_constructor(work),
            active_investigations: Gauge::default(),
            database_connections: Gauge::default(),
            database_pool: Family::default(),
            database_errors: Counter::default(),
            database_wait: Counter::default(),
            watched_jobs: Gauge::default(),
            cache_hit_rate: Gauge::default(),
            redis_up: Gauge::default(),
            redis_errors: Counter::default(),
            hints_published: Counter::default(),
            hints_dropped: Counter::default(),
            hints_received: Counter::default(),
            api_errors: Family::default(),
            http_requests: Family::default(),
            http_duration: Family::new_with_constructor(calls),
            grpc_started: Family::default(),
            grpc_handled: Family::default(),
            grpc_handling: Family::new_with_constructor(calls),
            jobs_finished: Family::default(),
            findings: Family::default(),
        };
        let m = &metrics;
        registry.register(
            "agent_execution_seconds",
            "Time of a detector, or of a step of an investigation or analysis, in seconds",
            m.agent_execution.clone(),
        );
        registry.register(
            "active_investigations_total",
            "Investigations that wait or run, in the whole deployment",
            m.active_investigations.clone(),
        );
        registry.register(
            "database_connections_active",
            "Connections of the database pool that are in use",
            m.database_connections.clone(),
        );
        registry.register(
            "cidadao_database_pool_connections",
            "Connections of the database pool, by what they do",
            m.database_pool.clone(),
        );
        registry.register(
            "cidadao_database_pool_errors",
            "Connections to the database that could not be made or were found broken",
            m.database_errors.clone(),
        );
        registry.register(
            "cidadao_database_pool_wait_seconds",
            "Time that queries waited for a connection, in seconds",
            m.database_wait.clone(),
        );
        registry.register("cidadao_watched_jobs", "Jobs that streams of this process follow", m.watched_jobs.clone());
        registry.register(
            "cache_hit_rate_percent",
            "Share of cache look-ups that were answered, 0 to 100",
            m.cache_hit_rate.clone(),
        );
        // An alert on 0 must stay silent where no Redis is used.
        m.redis_up.set(f64::NAN);
        registry.register(
            "cidadao_redis_up",
            "Whether Redis answers: 1 or 0; NaN where none is used",
            m.redis_up.clone(),
        );
        registry.register("cidadao_redis_errors", "Commands that Redis did not serve", m.redis_errors.clone());
        registry.register(
            "cidadao_hints_published",
            "Hints to other replicas that Redis took",
            m.hints_published.clone(),
        );
        registry.register(
            "cidadao_hints_dropped",
            "Hints to other replicas that were not sent",
            m.hints_dropped.clone(),
        );
        registry.register("cidadao_hints_received", "Hints of other replicas", m.hints_received.clone());
        registry.register("api_errors", "Calls that ended with an error", m.api_errors.clone());
        registry.register("http_requests", "HTTP requests, by the template of their path", m.http_requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time of an HTTP request until its last byte, in seconds",
            m.http_duration.clone(),
        );
        registry.register("grpc_server_started", "Calls that began", m.grpc_started.clone());
        registry.register("grpc_server_handled", "Calls that ended, by status", m.grpc_handled.clone());
        registry.register(
            "grpc_server_handling_seconds",
            "Time of a call until its last byte, in seconds",
            m.grpc_handling.clone(),
        );
        registry.register("cidadao_jobs_finished", "Jobs that ended in this process", m.jobs_finished.clone());
        registry.register("cidadao_findings", "Findings that were stored, by detector", m.findings.clone());
        metrics.registry = Arc::new(registry);
        metrics
    }

    /// The metrics as OpenMetrics text.
    ///
    /// # Errors
    /// If a metric cannot be written, which is a defect of this program.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        encode(&mut out, &self.registry)?;
        Ok(out)
    }

    /// A detector, or a step of an `investigation` or `analysis`, took so long.
    pub fn agent(&self, agent_name: &str, action: &str, took: Duration) {
        let labels = AgentLabels { agent_name: agent_name.to_owned(), action: action.to_owned() };
        self.agent_execution.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// So many jobs have ended in this process, since its start.
    pub fn set_jobs_finished(&self, kind: JobKind, state: JobState, count: u64) {
        let labels = JobLabels { kind: kind.as_str(), state: state.as_str() };
        self.jobs_finished.get_or_create(&labels).inner().store(count, Ordering::Relaxed);
    }

    /// A detector stored so many findings.
    pub fn findings(&self, detector: &str, count: u64) {
        self.findings.get_or_create(&DetectorLabels { detector: detector.to_owned() }).inc_by(count);
    }

    /// Investigations that wait or run.
    pub fn set_active_investigations(&self, count: i64) {
        self.active_investigations.set(count);
    }

    /// Connections in use and idle, those that failed, and how long queries waited for one.
    pub fn set_database_pool(&self, in_use: u32, idle: u32, errors: u64, waited: Duration) {
        self.database_connections.set(i64::from(in_use));
        for (state, count) in [("in_use", in_use), ("idle", idle)] {
            self.database_pool.get_or_create(&PoolLabels { state }).set(i64::from(count));
        }
        self.database_errors.inner().store(errors, Ordering::Relaxed);
        self.database_wait.inner().store(waited.as_secs_f64().to_bits(), Ordering::Relaxed);
    }

    /// Jobs that are followed.
    pub fn set_watched_jobs(&self, count: i64) {
        self.watched_jobs.set(count);
    }

    /// Share of look-ups that the cache answered, 0 to 100.
    pub fn set_cache_hit_rate(&self, percent: f64) {
        self.cache_hit_rate.set(percent);
    }

    /// Whether Redis answers, and the commands it did not serve, since the start.
    pub fn set_redis(&self, up: bool, errors: u64) {
        self.redis_up.set(f64::from(u8::from(up)));
        self.redis_errors.inner().store(errors, Ordering::Relaxed);
    }

    /// Hints that were sent, dropped and heard, since the start.
    pub fn set_hints(&self, published: u64, dropped: u64, received: u64) {
        for (counter, count) in
            [(&self.hints_published, published), (&self.hints_dropped, dropped), (&self.hints_received, received)]
        {
            counter.inner().store(count, Ordering::Relaxed);
        }
    }

    /// Shows a method with zero calls, so that a rate has a start.
    pub(crate) fn grpc_declared(&self, service: &str, method: &str, kind: &'static str) {
        drop(self.grpc_started.get_or_create(&method_labels(service, method, kind)));
        drop(self.grpc_handling.get_or_create(&method_labels(service, method, kind)));
        drop(self.grpc_handled.get_or_create(&handled_labels(service, method, kind, "OK")));
    }

    /// A call began.
    pub(crate) fn grpc_began(&self, service: &str, method: &str, kind: &'static str) {
        self.grpc_started.get_or_create(&method_labels(service, method, kind)).inc();
    }

    /// An HTTP request ended; `endpoint` is the template of its path.
    pub(crate) fn http_ended(&self, method: &'static str, endpoint: &Arc<str>, status_code: u16, took: Duration) {
        let labels = RequestLabels { method, endpoint: Arc::clone(endpoint), status_code };
        self.http_requests.get_or_create(&labels).inc();
        let labels = EndpointLabels { method, endpoint: Arc::clone(endpoint) };
        self.http_duration.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// A call failed; `endpoint` is the template of its path or `service/method`, `error_type` the name of its gRPC code.
    pub(crate) fn api_error(&self, endpoint: &str, error_type: &'static str) {
        self.api_errors.get_or_create(&ErrorLabels { endpoint: endpoint.to_owned(), error_type }).inc();
    }

    /// A call ended; `code` is the name of its status, `OK` where all went well.
    pub(crate) fn grpc_ended(
        &self,
        service: &str,
        method: &str,
        kind: &'static str,
        code: &'static str,
        took: Duration,
    ) {
        self.grpc_handled.get_or_create(&handled_labels(service, method, kind, code)).inc();
        self.grpc_handling.get_or_create(&method_labels(service, method, kind)).observe(took.as_secs_f64());
    }
}

fn method_labels(service: &str, method: &str, grpc_type: &'static str) -> MethodLabels {
    MethodLabels { grpc_service: service.to_owned(), grpc_method: method.to_owned(), grpc_type }
}

fn handled_labels(service: &str, method: &str, grpc_type: &'static str, grpc_code: &'static str) -> HandledLabels {
    HandledLabels { grpc_service: service.to_owned(), grpc_method: method.to_owned(), grpc_type, grpc_code }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_are_the_documented_ones() {
        let metrics = Metrics::new("1.2.3", "test");
        assert!(metrics.text().unwrap().contains("\ncidadao_redis_up NaN\n"));
        metrics.set_redis(true, 5);
        metrics.set_hints(6, 7, 8);
        metrics.agent("amendment_cap", "run", Duration::from_millis(20));
        metrics.set_active_investigations(2);
        metrics.set_database_pool(3, 4, 5, Duration::from_millis(1_500));
        metrics.set_watched_jobs(6);
        metrics.set_cache_hit_rate(62.5);
        metrics.set_jobs_finished(JobKind::Investigation, JobState::Completed, 1);
        metrics.findings("amendment_cap", 4);
        metrics.grpc_declared("a.v1.S", "Idle", "unary");
        metrics.grpc_began("a.v1.S", "Get", "unary");
        metrics.grpc_ended("a.v1.S", "Get", "unary", "NotFound", Duration::from_millis(1));
        metrics.http_ended("GET", &Arc::from("/v1/{id}"), 404, Duration::from_millis(1));
        metrics.api_error("/v1/{id}", "NOT_FOUND");
        metrics.api_error("a.v1.S/Get", "NotFound");
        let text = metrics.text().unwrap();
        for line in [
            r#"http_requests_total{method="GET",endpoint="/v1/{id}",status_code="404"} 1"#,
            r#"http_request_duration_seconds_count{method="GET",endpoint="/v1/{id}"} 1"#,
            r#"api_errors_total{endpoint="/v1/{id}",error_type="NOT_FOUND"} 1"#,
            r#"cidadao_ai_app_info{app_name="cidadao-ai",version="1.2.3",environment="test"} 1"#,
            r#"agent_execution_seconds_count{agent_name="amendment_cap",action="run"} 1"#,
            "active_investigations_total 2",
            "database_connections_active 3",
            r#"cidadao_database_pool_connections{state="idle"} 4"#,
            "cidadao_database_pool_errors_total 5",
            "cidadao_database_pool_wait_seconds_total 1.5",
            "cidadao_watched_jobs 6",
            "cache_hit_rate_percent 62.5",
            "cidadao_redis_up 1.0",
            "cidadao_redis_errors_total 5",
            "cidadao_hints_published_total 6",
            "cidadao_hints_dropped_total 7",
            "cidadao_hints_received_total 8",
            r#"api_errors_total{endpoint="a.v1.S/Get",error_type="NotFound"} 1"#,
            r#"grpc_server_started_total{grpc_service="a.v1.S",grpc_method="Get",grpc_type="unary"} 1"#,
            r#"grpc_server_started_total{grpc_service="a.v1.S",grpc_method="Idle",grpc_type="unary"} 0"#,
            r#"grpc_server_handled_total{grpc_service="a.v1.S",grpc_method="Get",grpc_type="unary",grpc_code="NotFound"} 1"#,
            r#"grpc_server_handling_seconds_count{grpc_service="a.v1.S",grpc_method="Get",grpc_type="unary"} 1"#,
            r#"cidadao_jobs_finished_total{kind="investigation",state="completed"} 1"#,
            r#"cidadao_findings_total{detector="amendment_cap"} 4"#,
        ] {
            assert!(text.lines().any(|have| have == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
