//! The HTTP listener: HTTP/1.1 and HTTP/2 without TLS, within limits.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, header};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use prost::bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::util::{BoxCloneService, MapResponseLayer, option_layer};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::rest::Gateway;
use crate::api::{REQUEST_ID, TIMEOUT};

/// How long a client may take to send the head of a request, and to begin another one on the same connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(20);
/// Connections at the same time; more wait until one closes.
const MAX_CONNECTIONS: usize = 4_096;
/// How often an idle HTTP/2 connection is asked for a sign of life, and how long it may take to give it.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// Pause after a socket could not be accepted, for example because there are no more file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Smallest body that is compressed: below it, the headers weigh more.
const COMPRESS_ABOVE: u64 = 1_024;
/// How long a browser may keep what it was told about an origin.
const CORS_MAX_AGE: Duration = Duration::from_secs(3_600);

type Http = BoxCloneService<Request<Body>, Response<Body>, Infallible>;

/// Serves the shim until `stopping`, then lets requests end; returns when the last connection has closed. The
/// caller sets the deadline.
///
/// # Errors
/// If an origin is no header value.
pub async fn serve(gateway: Gateway, listener: TcpListener, stopping: CancellationToken) -> io::Result<()> {
    let cors = cors(gateway.cors_origins())?;
    let connections = TaskTracker::new();
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Some(accepted) = stopping.run_until_cancelled(accept(&listener, &room)).await {
        let (permit, stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(target: "cidadao::gateway", %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let gateway = gateway.clone();
        let handler = service_fn(move |request: Request<Body>| {
            let gateway = gateway.clone();
            async move { Ok::<_, Infallible>(gateway.handle(request, Some(remote)).await) }
        });
        let service = layered(handler, cors.clone());
        let stopping = stopping.clone();
        connections.spawn(async move {
            connection(stream, service, stopping).await;
            drop(permit);
        });
    }
    connections.close();
    connections.wait().await;
    Ok(())
}

type Accepted = (tokio::sync::OwnedSemaphorePermit, TcpStream, std::net::SocketAddr);

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<Accepted> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, remote) = listener.accept().await?;
    // Events are small, and late if the system waits for more.
    stream.set_nodelay(true)?;
    Ok((permit, stream, remote))
}

async fn connection(stream: TcpStream, service: Http, stopping: CancellationToken) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .max_concurrent_streams(256);
    let service = TowerToHyperService::new(service.map_request(unnamed));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        // Clients go away at any time.
        tracing::debug!(target: "cidadao::gateway", error, "a connection ended early");
    }
}

/// The request with its body under a type that does not say where it comes from.
fn unnamed<B>(request: Request<B>) -> Request<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    request.map(Body::new)
}

fn layered<S>(handler: S, cors: Option<CorsLayer>) -> Http
where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let compress = CompressionLayer::new().compress_when(
        SizeAbove::new(COMPRESS_ABOVE)
            .and(NotForContentType::GRPC)
            // An encoder holds events back until its window is full.
            .and(NotForContentType::SSE)
            .and(NotForContentType::const_new("application/x-ndjson")),
    );
    let service = option_layer(cors).layer(handler);
    let service = compress.layer(service);
    BoxCloneService::new(MapResponseLayer::new(|response: Response<_>| weaken(response.map(Body::new))).layer(service))
}

/// A validator of bytes is one of the content alone once these are compressed.
fn weaken(mut response: Response<Body>) -> Response<Body> {
    if response.headers().contains_key(header::CONTENT_ENCODING)
        && let Some(etag) = response.headers().get(header::ETAG).and_then(|etag| etag.to_str().ok())
        && !etag.starts_with("W/")
        && let Ok(weak) = HeaderValue::from_str(&format!("W/{etag}"))
    {
        response.headers_mut().insert(header::ETAG, weak);
    }
    response
}

fn cors(origins: &[String]) -> io::Result<Option<CorsLayer>> {
    if origins.is_empty() {
        return Ok(None);
    }
    let origins = origins.iter().map(|origin| HeaderValue::from_str(origin));
    let origins: Vec<_> = origins.collect::<Result<_, _>>().map_err(io::Error::other)?;
    let name = HeaderName::from_static;
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            name("last-event-id"),
            name("x-api-key"),
            name(REQUEST_ID),
            name("traceparent"),
            name("tracestate"),
            name("x-grpc-web"),
            name("x-user-agent"),
            name(TIMEOUT),
        ])
        .expose_headers([
            header::ETAG,
            header::RETRY_AFTER,
            name(REQUEST_ID),
            name("traceparent"),
            name("grpc-status"),
            name("grpc-message"),
            name("grpc-status-details-bin"),
        ])
        .max_age(CORS_MAX_AGE);
    Ok(Some(layer))
}
