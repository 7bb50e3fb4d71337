//! The tower layer around every service: the span of a request, its metrics and its request id.
//!
//! A call counts as ended when the last frame of its answer has been sent, or when the caller went
//! away before (`Cancelled`), so that streams are measured to their end.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body::{Frame, SizeHint};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio::time::Instant;
use tonic::Code;
use tonic::body::Body;
use tonic::codegen::Bytes;
use tower::{Layer, Service};
use tracing::{Instrument as _, Span, field};

use super::caller::{REQUEST_ID, RequestId};
use crate::telemetry::{Metrics, join_trace, traceparent};

/// A method that the server declares.
#[derive(Debug, Clone)]
struct Method {
    service: String,
    name: String,
    kind: &'static str,
}

/// In the extensions of a request: it came by another door, which counts its error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forwarded;

/// Wraps a service into [`Observe`].
#[derive(Debug, Clone)]
pub struct ObserveLayer {
    metrics: Metrics,
    methods: Arc<HashMap<String, Method>>,
}

impl ObserveLayer {
    /// A layer that knows the methods of these encoded descriptor sets; any other is counted as
    /// `unknown`, so that callers cannot make labels up.
    ///
    /// # Errors
    /// If a set is malformed, which is a defect of the build.
    pub fn new(metrics: Metrics, descriptor_sets: &[&[u8]]) -> Result<Self, prost::DecodeError> {
        let mut methods = HashMap::new();
        for set in descriptor_sets {
            for file in FileDescriptorSet::decode(*set)?.file {
                for service in &file.service {
                    let service_name = format!("{}.{}", file.package(), service.name());
                    for method in &service.method {
                        let kind = match (method.client_streaming(), method.server_streaming()) {
                            (false, false) => "unary",
                            (true, false) => "client_stream",
                            (false, true) => "server_stream",
                            (true, true) => "bidi_stream",
                        };
                        metrics.grpc_declared(&service_name, method.name(), kind);
                        let known = Method { service: service_name.clone(), name: method.name().to_owned(), kind };
                        methods.insert(format!("/{service_name}/{}", method.name()), known);
                    }
                }
            }
        }
        Ok(Self { metrics, methods: Arc::new(methods) })
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe { inner, layer: self.clone() }
    }
}

/// A service whose calls are traced and counted.
#[derive(Debug, Clone)]
pub struct Observe<S> {
    inner: S,
    layer: ObserveLayer,
}

impl<S> Service<http::Request<Body>> for Observe<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let id = RequestId::of(request.headers());
        let method = self.layer.methods.get(request.uri().path()).cloned().unwrap_or_else(|| Method {
            service: "unknown".to_owned(),
            name: "unknown".to_owned(),
            kind: "unary",
        });
        let span = span(&method, &id);
        join_trace(&span, request.headers());
        request.extensions_mut().insert(id.clone());
        let forwarded = request.extensions().get::<Forwarded>().is_some();
        let mut call = Call::begin(self.layer.metrics.clone(), method, span.clone(), forwarded);
        // The service that was polled ready is the one to be called.
        let next = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, next);
        let answering = async move {
            let mut response = ready.call(request).await?;
            if let Ok(value) = http::HeaderValue::from_str(id.as_str()) {
                response.headers_mut().insert(REQUEST_ID, value);
            }
            if let Some(value) = traceparent(&call.span).and_then(|text| http::HeaderValue::from_str(&text).ok()) {
                response.headers_mut().insert("traceparent", value);
            }
            if let Some(code) = code_of(response.headers()) {
                call.end(code);
            }
            Ok(response.map(|body| Body::new(ObservedBody { inner: body, call })))
        };
        Box::pin(answering.instrument(span))
    }
}

fn span(method: &Method, id: &RequestId) -> Span {
    // Probes come every few seconds and say nothing that the metrics do not.
    if method.service.starts_with("grpc.") {
        return Span::none();
    }
    tracing::info_span!(
        target: "cidadao::api",
        "request",
        otel.name = format_args!("{}/{}", method.service, method.name),
        otel.kind = "server",
        otel.status_code = field::Empty,
        rpc.system = "grpc",
        rpc.service = method.service,
        rpc.method = method.name,
        rpc.grpc.status_code = field::Empty,
        request_id = id.as_str(),
    )
}

/// One call until its end.
struct Call {
    metrics: Metrics,
    method: Method,
    span: Span,
    began: Instant,
    forwarded: bool,
    ended: bool,
}

impl Call {
    fn begin(metrics: Metrics, method: Method, span: Span, forwarded: bool) -> Self {
        metrics.grpc_began(&method.service, &method.name, method.kind);
        Self { metrics, method, span, began: Instant::now(), forwarded, ended: false }
    }

    fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let took = self.began.elapsed();
        let (name, server_fault) = describe(code);
        self.metrics.grpc_ended(&self.method.service, &self.method.name, self.method.kind, name, took);
        if code != Code::Ok && !self.forwarded {
            self.metrics.api_error(&format!("{}/{}", self.method.service, self.method.name), name);
        }
        self.span.record("rpc.grpc.status_code", code as i32);
        if server_fault {
            self.span.record("otel.status_code", "ERROR");
        }
        let duration_ms = took.as_secs_f64() * 1_000.0;
        self.span.in_scope(|| tracing::debug!(target: "cidadao::api", code = name, duration_ms, "call ended"));
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// The name of a status, and whether OpenTelemetry holds the server at fault.
const fn describe(code: Code) -> (&'static str, bool) {
    match code {
        Code::Ok => ("OK", false),
        Code::Cancelled => ("Cancelled", false),
        Code::Unknown => ("Unknown", true),
        Code::InvalidArgument => ("InvalidArgument", false),
        Code::DeadlineExceeded => ("DeadlineExceeded", true),
        Code::NotFound => ("NotFound", false),
        Code::AlreadyExists => ("AlreadyExists", false),
        Code::PermissionDenied => ("PermissionDenied", false),
        Code::ResourceExhausted => ("ResourceExhausted", false),
        Code::FailedPrecondition => ("FailedPrecondition", false),
        Code::Aborted => ("Aborted", false),
        Code::OutOfRange => ("OutOfRange", false),
        Code::Unimplemented => ("Unimplemented", true),
        Code::Internal => ("Internal", true),
        Code::Unavailable => ("Unavailable", true),
        Code::DataLoss => ("DataLoss", true),
        Code::Unauthenticated => ("Unauthenticated", false),
    }
}

fn code_of(headers: &http::HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|status| Code::from_bytes(status.as_bytes()))
}

/// The body of an answer, watched for its trailers.
struct ObservedBody {
    inner: Body,
    call: Call,
}

impl http_body::Body for ObservedBody {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let this = &mut *self;
        let span = this.call.span.clone();
        // A handler's stream runs here, not in the future of the call.
        let polled = span.in_scope(|| Pin::new(&mut this.inner).poll_frame(cx));
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(code) = frame.trailers_ref().and_then(code_of) {
                    this.call.end(code);
                }
            }
            Poll::Ready(Some(Err(status))) => this.call.end(status.code()),
            Poll::Ready(None) => this.call.end(Code::Ok),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
