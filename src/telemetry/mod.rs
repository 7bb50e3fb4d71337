//! Logs, traces and metrics.
//!
//! Logs go to stderr, so that stdout stays for what a command prints. Traces go to an OTLP/gRPC
//! endpoint (Jaeger, a collector) when there is one. Metrics are a value, [`Metrics`], that is handed
//! to whoever counts.

mod metrics;

use std::fmt;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, KeyValue, propagation::Extractor, propagation::TextMapPropagator as _};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

pub use metrics::{CONTENT_TYPE, Metrics};

pub use crate::config::LogFormat;

/// How long an export of spans may take before it is given up.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// What telemetry is set up from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryOptions {
    /// Format of the logs.
    pub log_format: LogFormat,
    /// Filter of the logs, for example `info` or `cidadao=debug,warn`.
    pub log_filter: String,
    /// Where spans go by OTLP/gRPC, for example `http://127.0.0.1:4317`; nowhere if `None`.
    pub otlp_endpoint: Option<String>,
    /// `service.name` of the spans.
    pub service_name: String,
    /// `service.version` of the spans.
    pub version: String,
    /// `deployment.environment` of the spans.
    pub environment: String,
}

/// Why telemetry cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is malformed.
    #[error("log filter {filter:?}: {cause}")]
    Filter {
        /// The filter.
        filter: String,
        /// Where and why.
        cause: tracing_subscriber::filter::ParseError,
    },
    /// The exporter refuses the endpoint.
    #[error("OTLP endpoint {endpoint:?}: {cause}")]
    Exporter {
        /// The endpoint.
        endpoint: String,
        /// Why.
        cause: opentelemetry_otlp::ExporterBuildError,
    },
    /// The process has a subscriber already.
    #[error("logs are set up twice in one process")]
    Installed,
}

/// Keeps the exporter alive; [`Telemetry::shutdown`] sends what is still buffered.
#[must_use = "spans that are still buffered are lost without a shutdown"]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("traces", &self.traces.is_some()).finish()
    }
}

impl Telemetry {
    /// Sets logs and traces up for the whole process. Call it within the tokio runtime, once.
    ///
    /// # Errors
    /// [`TelemetryError`], if the filter or the endpoint is malformed or the process has a
    /// subscriber.
    pub fn init(options: &TelemetryOptions) -> Result<Self, TelemetryError> {
        let (dispatch, telemetry) = Self::dispatch(options)?;
        tracing::dispatcher::set_global_default(dispatch).map_err(|_| TelemetryError::Installed)?;
        Ok(telemetry)
    }

    /// The same without installing it: a test sets the dispatcher for its own thread.
    ///
    /// # Errors
    /// [`TelemetryError`], if the filter or the endpoint is malformed.
    pub fn dispatch(options: &TelemetryOptions) -> Result<(Dispatch, Self), TelemetryError> {
        let filter = EnvFilter::builder()
            .parse(&options.log_filter)
            .map_err(|cause| TelemetryError::Filter { filter: options.log_filter.clone(), cause })?;
        let stderr = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let logs = match options.log_format {
            LogFormat::Pretty => stderr.compact().with_filter(filter).boxed(),
            LogFormat::Json => stderr.json().with_filter(filter).boxed(),
        };
        let traces = options.otlp_endpoint.as_deref().map(|endpoint| provider(endpoint, options)).transpose()?;
        // A filter of its own: quieter logs do not thin the traces out, and the spans of the
        // exporter's own client stay outside.
        let spans = traces.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("cidadao"))
                .with_location(false)
                .with_threads(false)
                .with_filter(
                    Targets::new()
                        .with_target("cidadao", LevelFilter::INFO)
                        .with_target("cidadao::store", LevelFilter::DEBUG),
                )
        });
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(logs).with(spans));
        Ok((dispatch, Self { traces }))
    }

    /// Sends what is buffered and stops; gives up after a few seconds if nobody listens.
    pub async fn shutdown(self) {
        let Some(traces) = self.traces else { return };
        // The SDK waits for its thread: that must not block the runtime which the export needs.
        let stopped = tokio::task::spawn_blocking(move || traces.shutdown_with_timeout(EXPORT_TIMEOUT)).await;
        match stopped {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last spans were not sent"),
            Err(error) => tracing::warn!(%error, "the last spans were not sent"),
        }
    }
}

fn provider(endpoint: &str, options: &TelemetryOptions) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|cause| TelemetryError::Exporter { endpoint: endpoint.to_owned(), cause })?;
    let resource = Resource::builder()
        .with_service_name(options.service_name.clone())
        .with_attribute(KeyValue::new("service.version", options.version.clone()))
        .with_attribute(KeyValue::new("deployment.environment", options.environment.clone()))
        .build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Makes `span` a child of the span that a caller names in its W3C headers; without such headers,
/// or without traces, it does nothing.
pub fn join_trace(span: &tracing::Span, headers: &http::HeaderMap) {
    let caller: Context = TraceContextPropagator::new().extract(&Headers(headers));
    if opentelemetry::trace::TraceContextExt::has_active_span(&caller)
        && let Err(error) = span.set_parent(caller)
    {
        // Expected whenever traces are off.
        tracing::trace!(%error, "the caller's trace is not joined");
    }
}

/// The W3C `traceparent` of a span, for whoever called; `None` where there are no traces.
pub fn traceparent(span: &tracing::Span) -> Option<String> {
    let context = span.context();
    let span = opentelemetry::trace::TraceContextExt::span(&context);
    let own = span.span_context();
    own.is_valid().then(|| format!("00-{}-{}-{:02x}", own.trace_id(), own.span_id(), own.trace_flags().to_u8()))
}

struct Headers<'a>(&'a http::HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
