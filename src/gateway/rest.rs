//! The REST shim: an HTTP request becomes a call of the RPC whose annotation matches its path.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, Value};
use sha2::{Digest as _, Sha256};
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, ServiceExt as _};

use super::binding::{self, Binding, BindingError, RequestBody};
use super::call::{self, Origin};
use super::count::Count;
use super::problem::{Problem, Refusal};
use super::routes::Routes;
use super::stream::{Form, Shape, Stream};
use super::write::{Place, Writer};
use super::{body, health, query, read, site};
use crate::api::{Api, REQUEST_ID, RequestId, Services};
use crate::secret::hex;

/// What the shim is made of.
#[derive(Debug, Clone)]
pub struct GatewayParts {
    /// Health, metrics, and whether the server is about to stop.
    pub api: Api,
    /// The services.
    pub service: Services,
    /// Silence after which a stream sends a sign of life.
    pub heartbeat: Duration,
    /// Origins whose pages may use the API.
    pub cors_origins: Vec<String>,
}

/// The shim. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gateway(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    api: Api,
    service: Services,
    heartbeat: Duration,
    cors_origins: Vec<String>,
    /// Asked for what is no route of the API.
    pages: Router,
    routes: Routes,
    endpoints: Vec<Endpoint>,
    writer: Arc<Writer>,
}

/// A binding, with all that can be known of it before a request.
#[derive(Debug)]
struct Endpoint {
    binding: Binding,
    rpc: PathAndQuery,
    label: Arc<str>,
    place: Place,
    /// How it streams, if it does.
    shape: Option<Arc<Shape>>,
    /// The field that `Last-Event-ID` fills.
    after_sequence: Option<FieldDescriptor>,
}

/// What a request asks for, once it is read.
struct Asked<'a> {
    endpoint: &'a Endpoint,
    message: DynamicMessage,
}

impl Gateway {
    /// A shim over these services.
    ///
    /// # Errors
    /// [`BindingError`]: an annotation that cannot be served.
    pub fn new(parts: GatewayParts) -> Result<Self, BindingError> {
        let pool = binding::pool()?;
        let writer = Writer::new(&pool);
        let endpoints: Vec<_> =
            binding::bindings(&pool)?.into_iter().map(|one| Endpoint::new(one, &writer)).collect::<Result<_, _>>()?;
        let routes =
            Routes::new(endpoints.iter().map(|one| (one.binding.method.clone(), one.binding.template.clone())));
        let GatewayParts { api, service, heartbeat, cors_origins } = parts;
        let pages = super::pages(&pool, api.auth.is_always_required())?;
        let writer = Arc::new(writer);
        Ok(Self(Arc::new(Inner { api, service, heartbeat, cors_origins, pages, routes, endpoints, writer })))
    }

    /// Answers a request.
    pub async fn handle(&self, request: Request<Body>, remote: Option<SocketAddr>) -> Response<Body> {
        let checked = site::check(request.method(), request.uri(), request.headers(), self.cors_origins());
        let foreign = match checked {
            // Where credentials are asked for, such a page has none. A database that cannot tell will tell the call.
            Err(_) if self.0.api.auth.required().await.unwrap_or(true) => Ok(()),
            checked => checked,
        };
        if foreign.is_ok() && is_grpc(request.headers()) {
            return self.grpc(request, remote).await;
        }
        let mut count = Count::begin(self.0.api.metrics.clone(), request.method());
        let id = RequestId::of(request.headers());
        let head = request.method() == Method::HEAD;
        let found = foreign.and_then(|()| self.0.routes.find(request.method(), request.uri().path()));
        let mut response = match found {
            Ok(matched) => {
                let endpoint = &self.0.endpoints[matched.route];
                count.endpoint(&endpoint.label);
                let (parts, body) = request.into_parts();
                let origin = Origin { headers: &parts.headers, remote, id: &id };
                let read = endpoint.read(matched.variables, parts.uri.query(), &parts.headers, body).await;
                match read {
                    Ok(message) => self.answer(Asked { endpoint, message }, origin, count).await,
                    Err(refusal) => count.problem(&Problem::of_refusal(refusal, &id)),
                }
            }
            Err(Refusal::NoRoute) => self.other(request, &id, count).await,
            Err(Refusal::Method { allow }) if request.method() == Method::OPTIONS => options(&allow, &mut count),
            Err(refusal) => count.problem(&Problem::of_refusal(refusal, &id)),
        };
        if let Ok(value) = HeaderValue::from_str(id.as_str()) {
            response.headers_mut().entry(REQUEST_ID).or_insert(value);
        }
        if head { without_body(response) } else { response }
    }

    /// Origins whose pages may use the API.
    pub(super) fn cors_origins(&self) -> &[String] {
        &self.0.cors_origins
    }

    async fn answer(&self, asked: Asked<'_>, origin: Origin<'_>, mut count: Count) -> Response<Body> {
        let Asked { endpoint, message } = asked;
        let (headers, answer) = call::call(&self.0.service, &endpoint.rpc, &message, origin).await;
        let mut response = match (answer, &endpoint.shape) {
            (Ok(messages), Some(shape)) => {
                let stream = Stream {
                    messages,
                    shape: Arc::clone(shape),
                    writer: Arc::clone(&self.0.writer),
                    form: Form::of(origin.headers),
                    heartbeat: self.0.heartbeat,
                    id: origin.id.clone(),
                    count,
                };
                stream.respond().await
            }
            (Ok(messages), None) => match messages.one().await {
                Ok(bytes) => self.json(endpoint, &bytes, origin, &mut count),
                Err(status) => count.problem(&Problem::of_status(&status, origin.id)),
            },
            (Err(status), _) => count.problem(&Problem::of_status(&status, origin.id)),
        };
        call::returned(&headers, response.headers_mut());
        response
    }

    /// The answer of a unary call.
    fn json(&self, endpoint: &Endpoint, bytes: &[u8], origin: Origin<'_>, count: &mut Count) -> Response<Body> {
        let mut out = Vec::with_capacity(bytes.len() * 2 + 256);
        if let Err(error) = self.0.writer.write(endpoint.place, bytes, &mut out) {
            tracing::error!(target: "cidadao::gateway", %error, request_id = origin.id.as_str(), "an answer cannot be written");
            return count.problem(&Problem::of_refusal(Refusal::Defect, origin.id));
        }
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        if endpoint.binding.method == Method::GET {
            let etag = etag(&out);
            // What was read may be kept, and is asked for again each time.
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
            let known = known(origin.headers, &etag);
            if let Ok(etag) = HeaderValue::from_str(&etag) {
                headers.insert(header::ETAG, etag);
            }
            if known {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                count.status(StatusCode::NOT_MODIFIED);
                return response;
            }
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        count.status(StatusCode::OK);
        response.map(|_| Body::from(out))
    }

    /// gRPC-Web, and gRPC itself over HTTP/2, by the same services.
    async fn grpc(&self, mut request: Request<Body>, remote: Option<SocketAddr>) -> Response<Body> {
        if let Some(remote) = remote {
            let info = tonic::transport::server::TcpConnectInfo { local_addr: None, remote_addr: Some(remote) };
            request.extensions_mut().insert(info);
        }
        let service = GrpcWebLayer::new().layer(self.0.service.clone());
        let answered: Result<_, Infallible> = service.oneshot(request).await;
        match answered {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        }
    }

    /// What is no route of the API.
    async fn other(&self, mut request: Request<Body>, id: &RequestId, mut count: Count) -> Response<Body> {
        let path = request.uri().path().to_owned();
        if let Some(label) = health::label(&path) {
            count.endpoint(&Arc::from(label));
            if !matches!(*request.method(), Method::GET | Method::HEAD) {
                let refusal = Refusal::Method { allow: "GET, HEAD, OPTIONS".to_owned() };
                return count.problem(&Problem::of_refusal(refusal, id));
            }
            let response = health::answer(label, &self.0.api).await;
            count.status(response.status());
            return response;
        }
        let method = request.method().clone();
        if method == Method::HEAD {
            // The body is taken off where the answer leaves, which needs its length.
            *request.method_mut() = Method::GET;
        }
        let response = match self.0.pages.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        match response.status() {
            StatusCode::NOT_FOUND => count.problem(&Problem::of_refusal(Refusal::NoRoute, id)),
            StatusCode::METHOD_NOT_ALLOWED => {
                let allow = response.headers().get(header::ALLOW).and_then(|allow| allow.to_str().ok());
                let refusal = Refusal::Method { allow: allow.unwrap_or("GET, HEAD").to_owned() };
                count.problem(&Problem::of_refusal(refusal, id))
            }
            status => {
                if method != Method::OPTIONS {
                    count.endpoint(&Arc::from("page"));
                }
                count.status(status);
                response
            }
        }
    }
}

impl Endpoint {
    fn new(binding: Binding, writer: &Writer) -> Result<Self, BindingError> {
        let service = binding.rpc.parent_service();
        let invalid = |rule| BindingError::Invalid {
            rpc: binding.rpc.full_name().to_owned(),
            rule,
            value: binding.rpc.output().full_name().to_owned(),
        };
        let rpc = format!("/{}/{}", service.full_name(), binding.rpc.name())
            .parse()
            .map_err(|_| invalid("the names of service and method must make a path"))?;
        let place = writer
            .place(&binding.rpc.output(), binding.response_body.as_ref())
            .ok_or_else(|| invalid("the answer must be a message of the same descriptors"))?;
        let streams = binding.rpc.is_server_streaming();
        let after_sequence = binding.rpc.input().get_field_by_name("after_sequence");
        Ok(Self {
            rpc,
            label: Arc::from(binding.template.as_str()),
            place,
            shape: streams.then(|| Arc::new(Shape::new(&binding.rpc.output(), place))),
            after_sequence: after_sequence.filter(|field| streams && field.kind() == Kind::Int64 && !field.is_list()),
            binding,
        })
    }

    /// The message that a request stands for.
    async fn read(
        &self,
        variables: Vec<String>,
        query: Option<&str>,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<DynamicMessage, Refusal> {
        let input = self.binding.rpc.input();
        let mut message = match &self.binding.body {
            RequestBody::None => DynamicMessage::new(input),
            RequestBody::Whole => match body::json(headers, body).await? {
                json if json.is_empty() => DynamicMessage::new(input),
                json => read::message(&input, &json)?,
            },
            RequestBody::Field(field) => {
                let mut message = DynamicMessage::new(input);
                let json = body::json(headers, body).await?;
                if !json.is_empty()
                    && let Some(value) = read::field(field, &json)?
                {
                    message.set_field(field, value);
                }
                message
            }
        };
        if let Some(query) = query {
            query::fill(&mut message, &self.binding, query)?;
        }
        for (path, text) in self.binding.variables.iter().zip(&variables) {
            query::bind(&mut message, path, text)?;
        }
        if let (Some(field), Some(last)) = (&self.after_sequence, headers.get("last-event-id"))
            && !last.is_empty()
        {
            let sequence = last.to_str().ok().and_then(|last| last.parse().ok());
            let sequence = sequence.ok_or_else(|| Refusal::Header {
                name: "Last-Event-ID",
                rule: "must be the id of an event of this stream",
                value: String::from_utf8_lossy(last.as_bytes()).chars().take(100).collect(),
            })?;
            message.set_field(field, Value::I64(sequence));
        }
        Ok(message)
    }
}

/// Whether it is gRPC-Web, or gRPC over HTTP/2.
fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// A validator of a body: equal bodies have it in common, others do not.
pub(super) fn etag(body: &[u8]) -> String {
    format!("\"{}\"", hex(&Sha256::digest(body)[..16]))
}

/// Whether the client has the body of this validator.
pub(super) fn known(headers: &HeaderMap, etag: &str) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = given.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// The answer to an OPTIONS that no layer before has answered.
fn options(allow: &str, count: &mut Count) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Ok(allow) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    count.status(StatusCode::NO_CONTENT);
    response
}

/// The answer to a HEAD: the length that the body would have, without it.
fn without_body(response: Response<Body>) -> Response<Body> {
    let length = http_body::Body::size_hint(response.body()).exact();
    let status = response.status();
    let mut response = response.map(|_| Body::empty());
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if let Some(length) = length.filter(|_| !bodiless) {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}
