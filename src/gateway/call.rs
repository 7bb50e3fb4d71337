//! Calls within the process: gRPC frames handed to the stack that the gRPC listener serves, without a socket.

use std::net::SocketAddr;

use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version, header};
use http_body_util::{BodyExt as _, Full};
use prost::Message as _;
use prost::bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use prost_reflect::DynamicMessage;
use tonic::body::Body;
use tonic::transport::server::TcpConnectInfo;
use tonic::{Code, Status};
use tower::{Service as _, ServiceExt as _};

use crate::api::{Forwarded, REQUEST_ID, RequestId, Services, TIMEOUT};

/// Headers of a request that a call takes over.
const PASSED: [HeaderName; 5] = [
    header::AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static(TIMEOUT),
];
/// Bytes before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// What a call knows of the request it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    /// Headers of the request.
    pub(super) headers: &'a HeaderMap,
    /// Who sent it.
    pub(super) remote: Option<SocketAddr>,
    /// Its id.
    pub(super) id: &'a RequestId,
}

/// Calls a method with a message.
///
/// # Errors
/// The status of a call that ended before its first message.
pub(super) async fn call(
    stack: &Services,
    method: &PathAndQuery,
    message: &DynamicMessage,
    origin: Origin<'_>,
) -> (HeaderMap, Result<Messages, Status>) {
    let mut service = stack.clone();
    let answered = match service.ready().await {
        Ok(ready) => ready.call(request(method, message, origin)).await,
        Err(never) => match never {},
    };
    let (head, body) = match answered {
        Ok(response) => response.into_parts(),
        Err(never) => match never {},
    };
    let messages = Messages { body, pending: Bytes::new(), ended: false };
    let status = match Status::from_header_map(&head.headers) {
        Some(status) if status.code() != Code::Ok => Err(status),
        _ if head.status != axum::http::StatusCode::OK => Err(Status::unknown("the service gave no gRPC answer")),
        _ => Ok(messages),
    };
    (head.headers, status)
}

fn request(method: &PathAndQuery, message: &DynamicMessage, origin: Origin<'_>) -> Request<Body> {
    let mut request = Request::new(Body::new(Full::new(frame(message))));
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = method.clone().into();
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    for name in PASSED {
        for value in origin.headers.get_all(&name) {
            headers.append(&name, value.clone());
        }
    }
    if let Ok(id) = HeaderValue::from_str(origin.id.as_str()) {
        headers.insert(REQUEST_ID, id);
    }
    request.extensions_mut().insert(Forwarded);
    if let Some(remote) = origin.remote {
        let info = TcpConnectInfo { local_addr: None, remote_addr: Some(remote) };
        request.extensions_mut().insert(info);
    }
    request
}

/// A message as gRPC sends it.
fn frame(message: &DynamicMessage) -> Bytes {
    let length = message.encoded_len();
    let mut out = BytesMut::with_capacity(PREFIX + length);
    out.put_u8(0);
    // The body of a request is at most a few MiB, and so is what it says.
    out.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    // The buffer grows as it must.
    message.encode_raw(&mut out);
    out.freeze()
}

/// The messages of an answer, still encoded.
#[derive(Debug)]
pub(super) struct Messages {
    body: Body,
    pending: Bytes,
    ended: bool,
}

impl Messages {
    /// The next message; `None` at the end. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// The status of a call that failed; it ends then.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            if self.ended {
                return Ok(None);
            }
            match self.body.frame().await {
                None => {
                    self.ended = true;
                    if !self.pending.is_empty() {
                        return Err(Status::internal("an answer ends within a message"));
                    }
                }
                Some(Err(status)) => {
                    self.ended = true;
                    return Err(status);
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if self.pending.is_empty() => self.pending = data,
                    Ok(data) => {
                        let mut joined = BytesMut::with_capacity(self.pending.len() + data.len());
                        joined.put_slice(&self.pending);
                        joined.put_slice(&data);
                        self.pending = joined.freeze();
                    }
                    Err(frame) => {
                        self.ended = true;
                        let trailers = frame.into_trailers().unwrap_or_default();
                        match Status::from_header_map(&trailers) {
                            Some(status) if status.code() != Code::Ok => return Err(status),
                            _ => {}
                        }
                    }
                },
            }
        }
    }

    /// A message that has arrived whole.
    fn take(&mut self) -> Result<Option<Bytes>, Status> {
        let Some((prefix, rest)) = self.pending.split_first_chunk::<PREFIX>() else { return Ok(None) };
        let [compressed, length @ ..] = *prefix;
        if compressed != 0 {
            return Err(Status::internal("an answer is compressed, which was not asked for"));
        }
        let length = u32::from_be_bytes(length) as usize;
        if rest.len() < length {
            return Ok(None);
        }
        self.pending.advance(PREFIX);
        Ok(Some(self.pending.split_to(length)))
    }

    /// The one message of a unary call.
    ///
    /// # Errors
    /// The status of the call.
    pub(super) async fn one(mut self) -> Result<Bytes, Status> {
        let message = self.next().await?;
        // The status comes after the message.
        match self.next().await? {
            None => message.ok_or_else(|| Status::internal("the service gave no answer")),
            Some(_) => Err(Status::internal("the service gave several answers")),
        }
    }
}

/// Headers of an answer that a response takes over.
pub(super) fn returned(from: &HeaderMap, to: &mut HeaderMap) {
    for name in [HeaderName::from_static(REQUEST_ID), HeaderName::from_static("traceparent")] {
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    }
}
